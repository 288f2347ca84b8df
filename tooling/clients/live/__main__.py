"""`python -m tooling.clients.live`: talk to a running server in a terminal, or through pipes."""

import argparse
import contextlib
import math
import os
import sys
import termios
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

import trio
from attrs import frozen

from tooling.clients.data.messages import message
from tooling.clients.data.personas import DEMO_PERSONA, FOLDER, Persona, persona_by_key
from tooling.clients.data.warm_history import load_warm_history
from tooling.clients.failures import ClientError, Exit, ProtocolBreach, Unwritable, UsageProblem
from tooling.clients.live.dialogue import Dialogue
from tooling.clients.live.interrupts import Interrupts
from tooling.clients.live.line import Event, Line, Lost, Tell
from tooling.clients.live.memory import Memory
from tooling.clients.live.screens.keyboard import Key, lines_of
from tooling.clients.live.screens.plain import PlainScreen
from tooling.clients.live.screens.screen import Screen
from tooling.clients.live.screens.terminal import Terminal
from tooling.clients.live.screens.visible import visible
from tooling.clients.live.talk import Talk
from tooling.clients.live.wardrobe import Wardrobe
from tooling.clients.options import (
    Common,
    Environ,
    Flags,
    add_sampling,
    coloured,
    common,
    duration,
    parser,
    seconds,
    start_payload,
)
from tooling.clients.output.report import prepare_streams
from tooling.clients.program import failures_in
from tooling.clients.session.connection import DEMO_MODEL, Connection, connected

DESCRIPTION = "Talk to a running server. A line typed while a reply streams interrupts it; /help lists commands."
DEFAULT_PERSONA = "anna_flirty"
DUMB = "dumb"  # TERM of what cannot move its cursor
PATIENCE_S = 0.5  # with a goodbye, of somebody who insists on leaving
SIGNALLED = 128  # what shells add to a signal's number


@frozen(kw_only=True)
class Plan:
    """What was asked for. `rich`: there is a terminal to draw in; `typed`: somebody types, and may interrupt."""

    arguments: argparse.Namespace
    shared: Common
    wardrobe: Wardrobe
    chosen: str | None
    opener: str
    memory: Memory
    timeout_s: float
    rich: bool
    typed: bool
    colours: bool

    def choose(self, model: str) -> str:
        """The key of the persona to begin with, for a server with that model."""
        usual = (DEMO_PERSONA, DEFAULT_PERSONA) if model.startswith(DEMO_MODEL) else (DEFAULT_PERSONA, DEMO_PERSONA)
        return self.chosen or next((key for key in usual if key in self.wardrobe.personas), usual[0])

    def opening(self, persona: Persona, history: list[dict[str, str]]) -> dict[str, object]:
        """A session's first payload, without what is said."""
        return start_payload(persona, self.arguments, history)


def grammar() -> Flags:
    """The flags of live."""
    made = parser("live", DESCRIPTION)
    made.add_argument("opener", nargs="*", help="the first thing to say (default: a fixed one)")
    usual = f"default: {DEFAULT_PERSONA}, or {DEMO_PERSONA} where the server has a demo model"
    made.add_argument("-p", "--persona", metavar="KEY", help=usual)
    made.add_argument("--persona-dir", type=Path, default=FOLDER, metavar="DIR", help="persona files of your own")
    made.add_argument("--timeout", type=duration, metavar="S", help="longest wait for a frame of a reply (60)")
    made.add_argument("--warm", action="store_true", help="begin with a long history, and a question about it")
    add_sampling(made)
    return made


def main(argv: Sequence[str], environ: Environ) -> int:
    """Run and return the exit code; every failure is a line on stderr, never a traceback."""
    arguments = grammar().parse_args(argv)
    prepare_streams(as_json=False)
    code, failures = int(Exit.PASSED), list[ClientError]()
    with restored() as put_back:
        try:
            code = trio.run(converse, arguments, environ, put_back)
        except ClientError as error:
            failures = [error]
        except KeyboardInterrupt:  # before anybody was listening
            code = Exit.INTERRUPTED
        except BaseExceptionGroup as group:
            failures = failures_in(group)
    with contextlib.suppress(OSError):  # nobody is left to read it
        for failure in failures:
            print(f"live: {visible(str(failure))}", file=sys.stderr, flush=True)
    let_go(sys.stdout, sys.stderr)
    return failures[0].exit if failures else code


def planned(arguments: argparse.Namespace, environ: Environ) -> Plan:
    """What the command line and the environment ask for. Raises `UsageProblem`."""
    shared, wardrobe = common(arguments, environ), Wardrobe(arguments.persona_dir)
    for problem in wardrobe.look().problems:
        print(f"live: {visible(problem)}", file=sys.stderr, flush=True)
    if sys.stdout is None:
        raise Unwritable("standard output is closed")
    history = load_warm_history() if arguments.warm else None
    usual = history.questions[0].text if history else message("opener")
    typed = is_terminal(sys.stdin)
    return Plan(
        arguments=arguments,
        shared=shared,
        wardrobe=wardrobe,
        chosen=_chosen(wardrobe, arguments.persona),
        opener=" ".join(arguments.opener) or usual,
        memory=Memory.of(history.messages if history else ()),
        timeout_s=arguments.timeout or seconds(environ, "RECV_TIMEOUT_SEC", 60.0),
        rich=typed and is_terminal(sys.stdout) and environ.get("TERM", DUMB) != DUMB,
        typed=typed,
        colours=coloured(environ),
    )


def _chosen(wardrobe: Wardrobe, asked: str | None) -> str | None:
    """The key that was asked for, or the only one there is; None for one of the usual. Raises `UsageProblem`."""
    known = wardrobe.personas
    if asked is None and not known.keys() & {DEFAULT_PERSONA, DEMO_PERSONA}:
        if len(known) != 1:
            there = ", ".join(sorted(known)) or "none"
            raise UsageProblem(f"name a persona with -p KEY; in {wardrobe.folder} there is {there}")
        return next(iter(known))
    if asked is not None:
        persona_by_key(known, asked)
    return asked


async def converse(arguments: argparse.Namespace, environ: Environ, put_back: Callable[[], None]) -> int:
    """Hold the conversation; returns the exit code. Raises `ClientError`, or a group.

    `put_back`: gives the terminal the modes it had.
    """
    send, receive = trio.open_memory_channel[Event](math.inf)  # typing, and frames that are handled without waiting
    interrupts = Interrupts(send.send_nowait)
    failure: ClientError | None = None
    cut_short = False
    async with trio.open_nursery() as outer:
        await outer.start(interrupts.listen)
        outer.start_soon(insist, interrupts, put_back)
        plan = planned(arguments, environ)
        with interrupts.scope:
            async with shown(plan, send.send_nowait, interrupts) as screen, trio.open_nursery() as lines:
                screen.note(f"connecting to {plan.shared.endpoint.url}")
                dialogue = held(plan, screen, lines, send.send_nowait, interrupts)
                try:
                    await dialogue.run(receive, plan.opener)
                except ClientError as error:  # carried past the nurseries: there is a goodbye to be said
                    failure = error
                cut_short = dialogue.cut_short
            failure = failure or breach_among(receive)
        outer.cancel_scope.cancel()
    if interrupts.ended_by is not None:
        return SIGNALLED + interrupts.ended_by
    if failure is not None:
        raise failure
    return Exit.INTERRUPTED if cut_short else Exit.PASSED


def breach_among(unread: trio.MemoryReceiveChannel[Event]) -> ClientError | None:
    """What only the end brought to light: a frame that no turn may have, behind the last one that was looked at."""
    while unread.statistics().current_buffer_used:
        event = unread.receive_nowait()
        if isinstance(event, Lost) and isinstance(event.error, ProtocolBreach):
            return event.error
    return None


@contextlib.asynccontextmanager
async def shown(plan: Plan, tell: Tell, interrupts: Interrupts) -> AsyncIterator[Screen]:
    """A screen, and a keyboard that is listened to."""

    def heard(item: str | Key) -> None:
        if item is Key.INTERRUPT:
            interrupts.press()
        else:
            tell(item)

    async with trio.open_nursery() as nursery:
        if plan.rich:
            keys = plan.wardrobe.personas.keys
            terminal = Terminal(sys.stdin, sys.stdout, heard, keys, plan.colours)
            await nursery.start(terminal.run)
            yield terminal
        else:
            nursery.start_soon(typing, tell)
            yield PlainScreen(sys.stdout, sys.stderr, interactive=plan.typed, colours=plan.colours)
        nursery.cancel_scope.cancel()


def held(plan: Plan, screen: Screen, lines: trio.Nursery, tell: Tell, interrupts: Interrupts) -> Dialogue:
    """The conversation on that screen; its connections live in that nursery."""
    shared = plan.shared

    def dial() -> contextlib.AbstractAsyncContextManager[Connection]:
        return connected(shared.endpoint, "live", shared.limits, note=screen.note, lenient=shared.lenient)

    def open_line(line: Line, pause_s: float) -> None:
        lines.start_soon(line.run, dial, tell, pause_s)

    talk = Talk(
        screen=screen,
        wardrobe=plan.wardrobe,
        open_line=open_line,
        choose=plan.choose,
        opening=plan.opening,
        memory=plan.memory,
        settled=interrupts.settled,
    )
    return Dialogue(talk=talk, timeout_s=plan.timeout_s, barge_in=plan.typed)


async def typing(tell: Tell) -> None:
    """What comes on standard input, line by line."""
    if sys.stdin is not None:  # it may be closed from the beginning
        async for line in lines_of(sys.stdin.fileno()):
            tell(line)
    tell(Key.END)


async def insist(interrupts: Interrupts, put_back: Callable[[], None]) -> None:
    """Leave without a goodbye when that takes long: of a server that hangs, of a terminal that takes nothing."""
    await interrupts.final.wait()
    await trio.sleep(PATIENCE_S)
    put_back()
    os._exit(SIGNALLED + (interrupts.ended_by or 0))


@contextlib.contextmanager
def restored() -> Iterator[Callable[[], None]]:
    """Whatever happens inside, the terminal has the modes afterwards that it had before; also in between, if asked."""
    if not is_terminal(sys.stdin):
        yield lambda: None
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def put_back() -> None:
        with contextlib.suppress(termios.error):  # it is gone
            if termios.tcgetattr(descriptor) != before:
                termios.tcsetattr(descriptor, termios.TCSANOW, before)

    try:
        yield put_back
    finally:
        put_back()


def let_go(*streams: TextIO | None) -> None:
    """What cannot be written any more is forgotten: the interpreter would try again at its end, and change the code."""
    for stream in streams:
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether there is such a stream, and it is a terminal."""
    return stream is not None and stream.isatty()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
