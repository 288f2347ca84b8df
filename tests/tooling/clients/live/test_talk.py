"""A conversation on a virtual clock: what becomes of turns and sessions when the server does this or that."""

import signal
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from tests.tooling.clients.live.switchboard import Switchboard, dress, state, switchboard
from tooling.clients.failures import ConnectionLost, NoConnection, Refused, TimedOut
from tooling.clients.live.interrupts import Interrupts
from tooling.clients.live.screens.keyboard import Key
from tooling.clients.live.screens.status import State

FULL = ("server_at_capacity",)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for key in ("anna", "mark"):
        dress(tmp_path, key, f"You are {key}.")
    return tmp_path


def sent(board: Switchboard, wire: int = -1) -> list[str]:
    return [frame["type"] for frame in board.wires[wire].seen]


def started(board: Switchboard) -> dict[str, Any]:
    payload: dict[str, Any] = board.wire.seen[0]["payload"]
    return payload


async def test_a_full_server_is_tried_again_after_1_2_and_4_seconds_with_the_same_words(
    folder: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with switchboard(folder) as board:
        for number in range(4):
            board.wires[number].refuses(*FULL)
            await trio.sleep(10)
        assert board.pauses == [0.0, 1.0, 2.0, 4.0]
        assert [wire.seen[0]["payload"]["user_utterance"] for wire in board.wires] == ["hello"] * 4
        assert board.log.lines.count("> hello") == 1
        assert state(board) is State.OFFLINE
        await board.type("again")
        await trio.sleep(1)
        assert started(board) == {"chat_prompt": "You are anna.", "history": [], "user_utterance": "again"}
        board.wire.replies("hi")
        await board.settle()
        await board.type("/stop")
        await board.over.wait()
        assert board.outcome is None


async def test_leaving_a_server_that_stayed_full_is_no_success(
    folder: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with switchboard(folder) as board:
        for number in range(4):
            board.wires[number].refuses(*FULL)
            await trio.sleep(10)
        await board.type(Key.END)
        await board.over.wait()
        assert isinstance(board.outcome, NoConnection)


async def test_a_reply_that_stalls_times_out_whatever_is_typed(
    folder: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with switchboard(folder) as board:
        board.wire.begins("well ")
        began = trio.current_time()
        await board.settle()
        for _ in range(3):
            await trio.sleep(15)
            await board.type("/info")
        with trio.fail_after(100):
            await board.over.wait()
        assert isinstance(board.outcome, TimedOut)
        assert 59 < trio.current_time() - began < 61


async def test_a_barge_in_that_is_refused_still_stops_the_reply_it_was_to_interrupt(
    folder: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with switchboard(folder) as board:
        board.wire.begins("well ", "then ")
        await board.settle()
        await board.type("stop that")
        board.wire.says("token", 0, text="unheard")
        board.wire.refuses("rate_limited", retry_in=7)
        await board.settle()
        assert sent(board) == ["start", "message", "cancel"]
        assert board.wire.seen[2]["request_id"] == board.wire.seen[0]["request_id"]
        assert "WARN ERROR rate_limited/r: m (retry in 7 s)" in board.log.lines
        assert board.talk.memory.told() == "user: hello\nassistant: well then "
        assert "+unheard" not in board.log.lines


async def test_an_acked_barge_in_needs_no_cancel(folder: Path, autojump_clock: trio.testing.MockClock) -> None:
    async with switchboard(folder) as board:
        board.wire.begins("well ")
        await board.settle()
        await board.type("stop that")
        board.wire.says("cancelled", 0, reason="barge_in", turn=board.wire.seen[0]["request_id"], usage={})
        board.wire.replies("yes?", about=1)
        await board.settle()
        assert sent(board) == ["start", "message"]
        assert board.talk.memory.told() == "user: hello\nassistant: well \nuser: stop that\nassistant: yes?"


async def test_a_connection_lost_at_the_prompt_is_opened_again_by_the_next_message(
    folder: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with switchboard(folder) as board:
        board.wire.replies("hi")
        board.wire.hangs_up(1006)
        await board.settle()
        assert state(board) is State.OFFLINE
        await board.type("still there?")
        await trio.sleep(1)
        assert [message["content"] for message in started(board)["history"]] == ["hello", "hi"]
        board.wire.hangs_up(1006)
        await board.over.wait()
        assert isinstance(board.outcome, ConnectionLost), "in the middle of a reply it is the end"


async def test_a_lost_connection_that_nobody_mended_is_no_success(
    folder: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with switchboard(folder, barge_in=False) as board:
        board.wire.replies("hi")
        board.wire.hangs_up(1011)
        await board.settle()
        await board.type(Key.END)
        assert isinstance(board.outcome, ConnectionLost)


@pytest.mark.parametrize(("code", "line"), [(4000, "Session ended due to inactivity. Goodbye!")])
async def test_an_idle_close_is_a_good_end(
    folder: Path, code: int, line: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with switchboard(folder) as board:
        board.wire.replies("hi")
        board.wire.hangs_up(code, "idle_timeout")
        await board.over.wait()
        assert board.outcome is None
        assert board.log.lines[-1] == line


async def test_a_server_that_drains_is_a_good_end_in_mid_reply_too(
    folder: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with switchboard(folder) as board:
        board.wire.begins("well ")
        board.wire.says("cancelled", reason="server_shutdown", turn=board.wire.seen[0]["request_id"], usage={})
        board.wire.says("session_end", reason="server_shutdown")
        board.wire.hangs_up(1001)
        await board.over.wait()
        assert board.outcome is None
        assert "session ended by the server (server_shutdown)" in board.log.lines


async def test_an_error_that_trying_again_cannot_mend_is_the_end(
    folder: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with switchboard(folder) as board:
        board.wire.replies("hi")
        await board.settle()
        await board.type("more")
        board.wire.begins("so ")
        board.wire.says("error", code="internal_error", message="m", details={"reason_code": "engine_error"}, usage={})
        await board.over.wait()
        assert isinstance(board.outcome, Refused)


async def test_nobody_there_is_the_end_at_first_and_a_warning_later(
    folder: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with switchboard(folder, dead=True) as board:
        assert isinstance(board.outcome, NoConnection)
    async with switchboard(folder) as board:
        board.wire.replies("hi")
        await board.settle()
        board.dead = True
        await board.type("/persona mark")
        await trio.sleep(1)
        assert "WARN no connection to ws://there; the next message tries again" in board.log.lines
        board.dead = False
        await board.type("who is it")
        await trio.sleep(1)
        assert started(board)["chat_prompt"] == "You are mark."
        assert [message["content"] for message in started(board)["history"]] == ["hello", "hi"]


async def test_ctrl_c_gives_up_a_reconnect_and_leaves_a_first_connection(
    folder: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with switchboard(folder) as board:
        board.wire.replies("hi")
        await board.settle()
        await board.type("more")
        board.wire.refuses(*FULL)
        await board.settle()
        assert state(board) is State.CONNECTING
        await board.type(Key.INTERRUPT)
        await trio.sleep(10)
        assert len(board.wires) == 1
        assert state(board) is State.OFFLINE
        assert not board.over.is_set()
    async with switchboard(folder) as board:
        board.wire.refuses(*FULL)
        await board.settle()
        await board.type(Key.INTERRUPT)
        assert board.over.is_set()
        assert board.dialogue.cut_short


async def test_what_is_typed_while_connecting_waits_but_commands_do_not(
    folder: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with switchboard(folder) as board:
        board.wire.replies("hi")
        await board.settle()
        board.tell("/persona mark")
        board.tell("one")
        board.tell("/info")
        await board.settle()
        assert board.log.lines[-1].startswith("session=none persona=mark")
        await trio.sleep(1)
        assert started(board)["user_utterance"] == "one"


async def test_an_edited_persona_is_taken_by_the_next_turn_even_into_a_reply(
    folder: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with switchboard(folder) as board:
        board.wire.replies("hi")
        await board.settle()
        await board.type("more")
        board.wire.begins("so ")
        await board.settle()
        dress(folder, "anna", "You are another Anna.")
        await board.type("and")
        await trio.sleep(1)
        assert sent(board, 0) == ["start", "message", "end"]
        assert started(board)["chat_prompt"] == "You are another Anna."
        assert [message["content"] for message in started(board)["history"]] == ["hello", "hi", "more", "so "]


async def test_a_half_of_a_character_in_a_reply_does_not_spoil_the_next_session(
    folder: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with switchboard(folder) as board:
        board.wire.replies("hi \ud83d")
        await board.settle()
        await board.type("/persona mark")
        await trio.sleep(1)
        await board.type("\udcff typed")
        assert started(board)["history"][1]["content"] == "hi \ufffd"
        assert started(board)["user_utterance"] == "\ufffd typed"


async def test_a_second_ctrl_c_ends_everything_unless_the_first_had_its_effect() -> None:
    pressed: list[Key] = []
    interrupts = Interrupts(pressed.append)
    ended = []
    for settled in (True, False, False):
        interrupts.press()
        ended.append(interrupts.scope.cancel_called)
        if settled:
            interrupts.settled()
    assert ended == [False, False, True]
    assert interrupts.ended_by == signal.SIGINT
    assert pressed == [Key.INTERRUPT] * 3
