"""A conversation on a virtual clock in which anything happens in any order."""

import tempfile
from pathlib import Path

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tooling.clients.live.switchboard import USAGE, Switchboard, dress, state, switchboard
from tooling.clients.failures import ClientError
from tooling.clients.live.screens.keyboard import Key
from tooling.clients.live.screens.status import State

MOVES = ("speak", "command", "interrupt", "switch", "ack", "token", "done", "error", "busy", "full", "lost", "second")


@settings(deadline=None)
@given(st.lists(st.sampled_from(MOVES), max_size=25), st.booleans())
def test_whatever_happens_it_ends_for_a_reason_or_waits_for_a_line(moves: list[str], barge_in: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        dress(Path(folder), "anna", "You are anna.")
        trio.run(_live_through, Path(folder), moves, barge_in, clock=trio.testing.MockClock(autojump_threshold=0))


async def _live_through(folder: Path, moves: list[str], barge_in: bool) -> None:
    async with switchboard(folder, barge_in=barge_in) as board:
        for move in moves:
            if board.over.is_set():
                break
            await _move(board, move)
            await board.settle()
            _check(board)
        if not board.over.is_set():
            for key in (Key.INTERRUPT, Key.INTERRUPT, Key.GONE):
                await board.type(key)
            with trio.fail_after(100):
                await board.over.wait()
        assert board.outcome is None or isinstance(board.outcome, ClientError)


async def _move(board: Switchboard, move: str) -> None:
    turn, wire = board.talk.turn, board.wire
    about = len([frame for frame in wire.seen if frame["type"] != "cancel"]) - 1
    match move:
        case "speak":
            board.tell("some words")
        case "command":
            board.tell("/info")
        case "interrupt":
            board.tell(Key.INTERRUPT)
        case "switch":
            board.tell("/persona anna")
        case "second":
            await trio.sleep(1)
        case "lost":
            if wire._lost is None:
                wire.hangs_up(1006)
        case _ if turn is None or wire._lost is not None:
            return
        case "ack" if not turn.acked:
            wire.begins(about=about)
        case "token" if turn.acked:
            wire.says("token", about, text="word ")
        case "done" if turn.acked:
            wire.says("final", about, normalized_text=turn.meter.text())
            wire.says("done", about, usage=USAGE, finish_reason="stop")
        case "error" | "busy" | "full" if not turn.acked:
            wire.refuses({"error": "internal_error", "busy": "server_busy", "full": "server_at_capacity"}[move], about)


def _check(board: Switchboard) -> None:
    """A turn has a connection; the memory holds what was shown; when nothing runs there is a prompt."""
    talk = board.talk
    if board.over.is_set():
        return
    assert talk.turn is None or talk.connection is not None
    heard = [message["content"] for message in talk.memory.messages if message["role"] == "assistant"]
    shown = "".join(line[1:] for line in board.log.lines if line.startswith("+"))
    running = talk.turn.meter.text() if talk.turn else ""
    assert "".join(heard) + running == shown
    if talk.turn is None and not talk.connecting:
        assert state(board) in (State.IDLE, State.OFFLINE)
        assert (state(board) is State.IDLE) == (talk.connection is not None)
