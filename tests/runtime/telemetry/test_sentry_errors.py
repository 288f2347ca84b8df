"""Every way in which the server can fail, as Sentry is told of it: nobody's words, no key, nothing of the machine."""

import getpass
import json
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, evolve

from actors.lanes import Lanes, P, T
from actors.router import Asker
from actors.session.deployment import Deployment
from engines.base import GenerationRequest
from engines.errors import EngineDead, door
from engines.prompts.loading import load_chat_text
from engines.scripted import Script, ScriptedEngine
from runtime import server as listening
from runtime.assembly import router_actor
from runtime.health import Health
from runtime.telemetry.sentry.outlet import SentryOutlet
from runtime.tool_model import ToolModel
from tests.e2e.client import Client, connected
from tests.e2e.plain import UPGRADE, exchange
from tests.e2e.program import ROOT, Program, scripted
from tests.receivers.sentry import SentryEndpoint
from tests.runtime.classifying import Classifying
from tests.runtime.serving import STEP_S, Place, prompt_text, serving, text_of_ids
from tests.runtime.telemetry.outlets import Clock, opened
from tests.toy import TEMPLATE, toy_directory

MARK = "mangosteen"
KEY = "key-of-durian"
CRASH, FAIL, REFUSE = "rambutan", "longan", "lychee"
"""What makes a turn crash, its request fail, the chat template refuse a text. As secret as the rest."""
WORDS = (MARK, KEY, CRASH, FAIL, REFUSE)
PARTICULAR = f"{{% for m in messages if '{REFUSE}' in m.content %}}{{{{ raise_exception(m.content) }}}}{{% endfor %}}"


@define(eq=False)
class Fragile(Lanes):
    """Breaks on a prompt with one word in it: a bug, with texts in its locals, its message and its cause's."""

    async def prompt(self, chars: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make it, or break."""
        made = await super().prompt(chars, work, *args, **kwargs)
        if isinstance(made, list) and CRASH in (text := text_of_ids(made)):
            try:
                json.loads(text)
            except ValueError as error:
                raise RuntimeError(f"cannot read {text} of {KEY}") from error
        return made


def dies_of(texts: Sequence[str]) -> None:
    """A tool model's death, with the question in its mouth."""
    with door(EngineDead, "the tool model's GPU failed"):
        raise ValueError(texts)


@define(eq=False)
class House:
    """A server that tells Sentry. `clock`: Sentry's, so that no error is held back."""

    place: Place
    outlet: SentryOutlet
    endpoint: SentryEndpoint
    clock: Clock
    seen: int = 0

    def connected(self, session_id: str = "s-1") -> Any:
        """A client with the key."""
        return connected(self.place.port, KEY, session_id=session_id)

    async def news(self, *expected: tuple[str, str]) -> list[dict[str, Any]]:
        """The events since the last look, which must be of these places and classes."""
        with trio.fail_after(10):
            while len(self.endpoint.events) < self.seen + len(expected):
                await trio.sleep(0.01)
        await trio.sleep(0.05)  # for one too many
        events = self.endpoint.events[self.seen :]
        self.seen += len(events)
        self.clock.now += 60
        found = sorted((event["tags"]["where"], event["tags"]["error_class"]) for event in events)
        assert found == sorted(expected)
        return events


@asynccontextmanager
async def house(tmp_path: Path, **environment: str) -> AsyncIterator[House]:
    model = Path(shutil.copytree(toy_directory(), tmp_path / "model"))
    (model / "chat_template.jinja").write_text(PARTICULAR + TEMPLATE)
    text = load_chat_text(str(model))
    clock = Clock()

    def site(usual: Deployment) -> Deployment:
        return evolve(usual, text=text, lanes=Fragile())

    def fails(request: GenerationRequest) -> int | None:
        return 2 if FAIL in prompt_text(request) else None

    script = Script(step_s=STEP_S, reply=lambda _request: ["Word", *[" word"] * 60], fail=fails)
    with SentryEndpoint() as endpoint:
        outlet = opened(endpoint.dsn, clock)
        try:
            async with serving(script, site, outlet, TEXT_API_KEY=KEY, **environment) as place:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(outlet.run, None)
                    yield House(place, outlet, endpoint, clock)
                    nursery.cancel_scope.cancel("over")
        finally:
            await outlet.close(5.0)
        nothing_private(endpoint.text, model)


def nothing_private(text: str, *paths: Path) -> None:
    """Whether everything that was sent is free of what must not be in it."""
    for word in (*WORDS, socket.gethostname(), str(ROOT), str(Path.home()) + "/", f'"{getpass.getuser()}"'):
        assert word not in text, word
    for path in paths:
        assert str(path.parent) not in text
    names = ("vars", "pre_context", "context_line", "post_context", "abs_path", "server_name", "modules", "sys.argv")
    others = ("request", "user", "breadcrumbs", "contexts", "extra", "threads", "debug_meta")
    for name in (*names, *others):
        assert f'"{name}"' not in text


async def start(client: Client, word: str = "", request_id: str = "r-1") -> None:
    history = [{"role": "user", "content": MARK}, {"role": "assistant", "content": f"{MARK}!"}]
    texts = {"chat_prompt": f"Be kind to {MARK}.", "user_utterance": f"{MARK} {word}", "history": history}
    await client.say("start", request_id, texts)


def tags(event: dict[str, Any]) -> dict[str, str]:
    ids = ("session_id", "request_id", "client_id")
    return {name: value for name, value in event["tags"].items() if name in ids}


async def test_every_error_of_the_server_is_told_without_a_word_of_anybodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(tmp_path, ENGINE_STALL_TIMEOUT_S="0.3", ENGINE_HANG_TIMEOUT_S="0.8") as home:
        place = home.place

        async with home.connected("crashing") as client:  # a bug in a session
            await start(client, CRASH, "r-7")
            await client.closed()
        (event,) = await home.news(("session", "RuntimeError"))
        assert tags(event) == {"session_id": "crashing", "request_id": "r-7", "client_id": "0"}
        cause, error = event["exception"]["values"]
        assert (cause["type"], cause["value"], error["type"], error["value"]) == (
            "JSONDecodeError",
            "JSONDecodeError",
            "RuntimeError",
            "RuntimeError",
        )
        assert "actors/session/turn.py" in {frame["filename"] for frame in error["stacktrace"]["frames"]}

        def broken(*found: object) -> None:  # a bug before there is a session
            raise LookupError(found)

        monkeypatch.setattr(listening, "peer_of", broken)
        headers = "".join(f"{name}: {value}\r\n" for name, value in (*UPGRADE, ("Authorization", f"Bearer {KEY}")))
        assert await exchange(place.port, f"GET /ws HTTP/1.1\r\nHost: h\r\n{headers}\r\n".encode()) == b""
        monkeypatch.undo()
        (event,) = await home.news(("connection", "LookupError"))
        assert tags(event) == {}

        async with home.connected("failing") as client:  # the engine fails a request
            await start(client, FAIL, "r-8")
            assert (await client.rest())[-1]["type"] == "error"
        (event,) = await home.news(("turn", "TurnFailed"))
        assert tags(event) == {"session_id": "failing", "request_id": "r-8", "client_id": "1"}

        async with home.connected("dying") as client, home.connected("too") as other:  # the engine dies
            for each in (client, other):
                await start(each, "", "r-9")
                await each.until("token")
            assert isinstance(place.engine, ScriptedEngine)
            place.engine.die(f"process 1 is gone: {MARK}")
            for each in (client, other):
                assert (await each.rest())[-1]["type"] == "error"
            turn, engine = sorted(
                await home.news(("engine", "EngineDead"), ("turn", "EngineDead")),
                key=lambda event: event["tags"]["where"],
                reverse=True,
            )
        assert tags(turn)["session_id"] in ("dying", "too")
        assert tags(engine) == {}
        assert engine["exception"]["values"][-1]["stacktrace"]["frames"]

        await place.until_restarted()
        async with home.connected("hanging") as client:  # it hangs
            await start(client)
            await client.until("token")
            place.engine.stalled = True
            assert (await client.rest())[-1]["type"] == "error"
            events = await home.news(("engine", "EngineHung"), ("turn", "EngineHung"))
        words = {event["exception"]["values"][-1]["value"] for event in events}
        assert "EngineHung" in words
        assert any("given up after" in each for each in words)

        router = router_actor(place.settings, home.outlet)  # the tool model breaks
        life = ToolModel(
            make=lambda: Classifying(dies_of, closes_badly=False), actor=router, health=Health(router_ready=False)
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(router.run)
            await nursery.start(life.run)
            assert not (await Asker(router.mailbox).decide(f"{MARK} {CRASH}", 5)).yes
            (event,) = await home.news(("router", "EngineDead"))
            nursery.cancel_scope.cancel("seen")
        assert [value["value"] for value in event["exception"]["values"]] == ["ValueError", "EngineDead"]


async def test_what_clients_do_wrong_is_told_to_nobody(tmp_path: Path) -> None:
    limits = {
        "WS_MAX_MESSAGES_PER_WINDOW": "6",
        "WS_MAX_FRAME_BYTES": "65536",
        "MAX_CONCURRENT_CONNECTIONS": "3",
        "WS_HANDSHAKE_ACQUIRE_TIMEOUT_S": "0.1",
        "WS_IDLE_TIMEOUT_S": "0.5",
    }
    async with house(tmp_path, **limits) as home:
        place = home.place
        async with home.connected() as client:
            await start(client)
            await client.until("token")
            await client.raw(f"{{{MARK}")
            await client.raw(MARK.encode())
            await client.say(MARK, "r-2", {MARK: MARK})
            await client.say("start", "r-3", {"chat_prompt": 7, MARK: MARK})
            await client.message("r-4", f"{MARK} {REFUSE}")  # barges in, and the chat template does not take it
            assert [(await client.rest())[-1]["request_id"] for _ in range(2)] == ["r-1", "r-4"]
            for number in range(10):
                await client.message(f"m-{number}", MARK)
            await client.say("cancel", "c-1")
            await client.say("end", "bye")
            await client.closed()
        errors = [frame["payload"]["details"]["reason_code"] for frame in client.seen if frame["type"] == "error"]
        refusals = {"invalid_json", "unknown_message_type", "invalid_user_utterance", "message_rate_limited"}
        assert refusals <= set(errors)
        async with home.connected() as client:  # gone in the middle of a reply
            await start(client)
            await client.until("token")
        async with home.connected() as client:
            await client.raw(json.dumps({"type": "ping", "payload": {"a": MARK * 10000}}))
            await client.closed()
        async with connected(place.port, f"wrong-{MARK}") as client:
            await client.closed()
        assert b"400" in await exchange(place.port, f"{MARK} \r\n\r\n".encode())
        async with home.connected("a"), home.connected("b"), home.connected("c"), home.connected("d") as client:
            await client.closed()  # full
        async with home.connected() as client:
            await client.closed()  # idle
        await place.until_idle()
        await home.news()
        async with home.connected() as client:
            await start(client, CRASH)
            await client.closed()
        await home.news(("session", "RuntimeError"))


def test_a_server_that_cannot_start_says_so_and_where_its_files_are_it_does_not(tmp_path: Path) -> None:
    model = tmp_path / MARK / "model"
    shutil.copytree(toy_directory(), model)
    (model / "tokenizer.json").write_text(f'{{"{MARK}": ')
    with SentryEndpoint() as endpoint:
        program = Program({**scripted(), "CHAT_MODEL": str(model), "SENTRY_DSN": endpoint.dsn, "TEXT_API_KEY": KEY})
        try:
            assert program.wait_gone() == 1
        finally:
            program.bury()
        (event,) = endpoint.events
        assert event["level"] == "fatal"
        assert event["tags"] == {"where": "server", "error_class": "EngineStartFailed"}
        assert event["exception"]["values"][-1]["value"] == "EngineStartFailed"
        nothing_private(endpoint.text, model)
        assert endpoint.dsn.partition("@")[0].rpartition("/")[2] not in "".join(program.lines)
