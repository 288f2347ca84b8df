"""`python -m tooling.clients.live`: talk to a running server in a terminal."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence

import trio

from tooling.clients.data.messages import message
from tooling.clients.data.personas import Persona, load_personas, persona_by_key
from tooling.clients.failures import ClientError, Exit, TimedOut, UsageProblem
from tooling.clients.live.dialogue import Dialogue, Event, Key, Lost
from tooling.clients.live.keyboard import lines
from tooling.clients.live.screen import Screen
from tooling.clients.options import Common, Environ, add_sampling, common, parser, sampling, seconds
from tooling.clients.session.connection import Connection, connected

DESCRIPTION = "Talk to a running server. A line typed while a reply streams interrupts it; /help lists commands."
DEFAULT_PERSONA, DEMO_PERSONA = "anna_flirty", "demo"
DEMO_MODEL = "demo-"
"""How the names of our small demo models begin, for which a usual persona is too long."""
EVENTS = 1024  # what may wait while one event is handled; handling is quick, so this is never reached


def grammar() -> argparse.ArgumentParser:
    """The flags of live."""
    made = parser("live", DESCRIPTION)
    made.add_argument("opener", nargs="*", help="the first thing to say (default: a fixed one)")
    usual = f"default: {DEFAULT_PERSONA}, or {DEMO_PERSONA} where the server has a demo model"
    made.add_argument("-p", "--persona", metavar="KEY", help=usual)
    made.add_argument("--timeout", type=float, metavar="S", help="longest wait for a frame of a reply (60)")
    add_sampling(made)
    return made


def main(argv: Sequence[str], environ: Environ) -> int:
    """Run and return the exit code; every failure is a line on stderr, never a traceback."""
    arguments = grammar().parse_args(argv)
    screen = Screen(sys.stdout, sys.stderr, interactive=sys.stdin.isatty(), colours="NO_COLOR" not in environ)
    try:
        shared = common(arguments, environ)
        personas = load_personas()
        asked = arguments.persona
        chosen = None if asked is None else persona_by_key(personas, asked)
        timeout_s = arguments.timeout or seconds(environ, "RECV_TIMEOUT_SEC", 60.0)
    except UsageProblem as error:
        screen.note(f"live: {error}")
        return error.exit

    def first(model: str) -> dict[str, object]:
        usual = DEMO_PERSONA if model.startswith(DEMO_MODEL) else DEFAULT_PERSONA
        return _first_payload(chosen or persona_by_key(personas, usual), arguments)

    try:
        trio.run(_converse, shared, first, " ".join(arguments.opener) or message("opener"), screen, timeout_s)
    except ClientError as error:
        screen.note(f"live: {error}")
        return error.exit
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return Exit.PASSED


def _first_payload(persona: Persona, arguments: argparse.Namespace) -> dict[str, object]:
    return {
        "gender": persona.gender,
        "personality": persona.personality,
        "chat_prompt": persona.prompt,
        "history": [],
        **sampling(arguments),
    }


async def _converse(
    shared: Common, first: Callable[[str], dict[str, object]], opener: str, screen: Screen, timeout_s: float
) -> None:
    """`first`: the payload of the first turn, by the name of the server's model."""
    screen.note(f"connecting to {shared.endpoint.url}")
    async with connected(shared.endpoint, "live", shared.limits, note=screen.note, lenient=shared.lenient) as opened:
        dialogue = Dialogue(opened, first(opened.model), screen, timeout_s=timeout_s, barge_in=screen.interactive)
        send, receive = trio.open_memory_channel[Event](EVENTS)
        failure: ClientError | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_interrupts, send.clone())
            nursery.start_soon(_keyboard, send.clone())
            nursery.start_soon(_frames, opened, send)
            try:
                await dialogue.run(receive, opener)
            except ClientError as error:  # carried past the nursery, which would wrap it in a group
                failure = error
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure


async def _interrupts(send: trio.MemorySendChannel[Event]) -> None:
    with trio.open_signal_receiver(signal.SIGINT) as signals:
        async for _ in signals:
            await send.send(Key.INTERRUPT)


async def _keyboard(send: trio.MemorySendChannel[Event]) -> None:
    async for line in lines(sys.stdin.fileno()):
        await send.send(line)
    await send.send(Key.END)


async def _frames(opened: Connection, send: trio.MemorySendChannel[Event]) -> None:
    while True:
        try:
            frame = await opened.receive("frame", float("inf"))
        except ClientError as error:
            await send.send(Lost(error))
            if isinstance(error, TimedOut) or opened.closed is not None:
                return
        else:
            await send.send(frame)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
