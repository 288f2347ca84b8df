"""A real conversation with turns of every end, on its way to a real receiver: true parents, and nobody's words."""

import socket
from collections.abc import Mapping

from attrs import define

from actors.router import Decision
from actors.session.intake import Routing
from engines.base import GenerationRequest
from engines.scripted import Script
from runtime.telemetry.books import Books
from runtime.telemetry.recorder import Recorder
from runtime.telemetry.switchboard import Tee
from tests.e2e.client import Client
from tests.receivers.otlp import OtlpReceiver, Span
from tests.runtime.serving import STEP_S, prompt_text, serving
from tests.runtime.telemetry.exporting import outlet, running, until
from tests.runtime.telemetry.stories import MODEL

SAID, ROUTED, FAILS, REPLY, KEY = "mangosteen", "rambutan", "longan", "durian", "key-of-lychee"
"""As secret as each other: what was said, what a screenshot is taken for, what an engine fails at, what it answers."""


@define(eq=False)
class Router:
    """Yes to one word; of another it knows nothing."""

    async def decide(self, text: str, timeout_s: float) -> Decision:
        """At once."""
        return Decision(False, None) if FAILS in text else Decision(ROUTED in text, 0.9 if ROUTED in text else 0.1)


def _script() -> Script:
    def fails(request: GenerationRequest) -> int | None:
        return 3 if FAILS in prompt_text(request) else None

    return Script(step_s=STEP_S, reply=lambda _request: [REPLY.capitalize(), *[f" {REPLY}"] * 60], fail=fails)


def _letters() -> Routing:
    def cut_end(text: str, budget: int) -> tuple[str, int]:
        return text[-budget:], min(len(text), budget)

    return Routing(count=len, cut_end=cut_end, budget=200)


async def _talk(client: Client) -> dict[str, str]:
    """Turns of every kind; the terminal frame of each."""
    ends: dict[str, str] = {}

    async def end() -> None:
        last = (await client.rest())[-1]
        ends[last["request_id"]] = last["type"]

    history = [{"role": "user", "content": SAID}, {"role": "assistant", "content": f"{REPLY}!"}]
    await client.start("r-done", f"{SAID} again", history=history)
    await end()
    await client.message("r-stopped", f"{SAID} once more")
    await client.until("token")
    await client.message("r-routed", f"{ROUTED} on my screen")
    await end()
    await end()
    await client.message("r-failed", f"{FAILS} please")
    await end()
    await client.message("r-cancelled", f"{SAID} for ever")
    await client.until("token")
    await client.say("cancel", "r-cancelled")
    await end()
    await client.say("end", "bye")
    await client.closed()
    return ends


async def test_turns_of_every_end_are_traced_and_nobodys_words_are() -> None:
    with OtlpReceiver() as receiver:
        to = outlet({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "TEXT_API_KEY": KEY})
        kept = Books(10**18)
        async with running(to, kept):
            async with serving(
                _script(), lambda usual: usual, Tee((Recorder(kept, MODEL), to)), TEXT_API_KEY=KEY
            ) as place:
                place.route(Router(), _letters())
                async with place.connected(KEY) as client:
                    ends = await _talk(client)
                await until(lambda: not to.tracer.open)
        spans, messages = receiver.spans, [request.message for request in receiver.requests]
    assert ends == {
        "r-done": "done",
        "r-stopped": "cancelled",
        "r-routed": "done",
        "r-failed": "error",
        "r-cancelled": "cancelled",
    }
    raw = b"".join(message.SerializeToString() for message in messages).lower()
    for word in (SAID, ROUTED, FAILS, REPLY, KEY, "kind and brief", "check screen", socket.gethostname()):
        assert word.lower().encode() not in raw, word
    _check(spans)


def _check(spans: list[Span]) -> None:
    (session,) = [span for span in spans if span.name == "session"]
    requests = {str(span.attributes["text_inference.request_id"]): span for span in spans if span.name == "request"}
    assert {span.parent_id for span in requests.values()} == {session.span_id}
    below = {name: _below(spans, span) for name, span in requests.items()}
    assert {name: len(of["route"]) for name, of in below.items()} == dict.fromkeys(requests, 1)
    assert {name: span.attributes["text_inference.status"] for name, span in requests.items()} == {
        "r-done": "completed",
        "r-stopped": "cancelled",
        "r-routed": "completed",
        "r-failed": "failed",
        "r-cancelled": "cancelled",
    }
    assert {name: _causes(of["generation"]) for name, of in below.items()} == {
        "r-done": [None],
        "r-stopped": ["barge_in"],
        "r-routed": ["speculation", None],
        "r-failed": [None],
        "r-cancelled": ["client_cancel"],
    }
    assert [span.links[0].span_id for span in requests.values() if span.links] == [requests["r-stopped"].span_id]
    assert requests["r-routed"].links
    assert below["r-routed"]["route"][0].attributes == {"text_inference.yes": True, "text_inference.score": 0.9}
    assert [span.status == 2 for span in below["r-failed"]["route"]] == [True]
    failed = requests["r-failed"]
    assert failed.status == below["r-failed"]["generation"][0].status == 2
    assert failed.attributes["error.type"] == "TurnFailed"
    for span in spans:
        parents = [each for each in spans if each.span_id == span.parent_id]
        assert len(parents) == (span is not session)
        assert all(each.start_ns <= span.start_ns <= span.end_ns for each in parents)


def _below(spans: list[Span], parent: Span) -> Mapping[str, list[Span]]:
    own = [span for span in spans if span.parent_id == parent.span_id]
    return {name: [span for span in own if span.name == name] for name in ("route", "generation")}


def _causes(spans: list[Span]) -> list[object]:
    return [span.attributes.get("text_inference.abort_cause") for span in spans]
