"""What stands in a report: titles, blocks that wrap where a person looks on, nothing that moves a cursor."""

import fcntl
import os
import pty
import re
import struct
import sys
import termios
import unicodedata

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.tooling.clients.standin import KEY, Frame, Session, standing_in
from tooling.clients.output.blocks import closing, one_line, opening, said, title, visible
from tooling.clients.session.exchange import Exchange
from tooling.clients.session.latency import TurnMeter

COLUMNS = 50
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("name", ["WARMUP", "CONVERSATION", "X"])
def test_a_title_is_sixty_columns_wide(name: str) -> None:
    assert re.fullmatch(rf"─+\[ {name} \]─+", title(name))
    assert len(title(name)) == 60


def a_turn(text: str = "", **changes: object) -> Exchange:
    """A turn that ended well."""
    meter = TurnMeter(0.0, ended_at=2.0, tokens=[(text, 1.0)] if text else [])
    turn = Exchange(request_id="r", kind="start", user="How are you?", meter=meter, label="FIRST", outcome="done")
    for name, value in changes.items():
        setattr(turn, name, value)
    return turn


def test_a_block_has_what_was_said_answered_decided_and_how_fast() -> None:
    turn = a_turn("Fine.\nAnd you?", toolcall={"status": "no", "score": 0.25})
    assert [*opening(turn), *closing(turn)] == [
        "┌─ FIRST ───────────────────────────────",
        "  USER  How are you?",
        "  ASST  Fine.",
        "        And you?",
        "  TOOL  no (score 0.250)",
        "  ttfb=1000ms · 3w=1000ms · sent=1000ms · total=2000ms · 1chunks/14chars",
        "└───────────────────────────────────────",
    ]


def test_a_decision_that_is_the_reply_stands_where_the_reply_would() -> None:
    lines = closing(a_turn(toolcall={"status": "yes", "score": None}, finish_reason="tool"))
    assert lines[:2] == ["  ASST  [tool: yes]", "  TOOL  yes"]


def test_a_turn_that_ended_badly_says_how() -> None:
    assert "  [timeout]" in closing(a_turn("Half a", outcome="timeout"))
    assert "  [unfinished]" in closing(a_turn(outcome=None))


@given(st.text(), st.integers(30, 100))
def test_no_line_is_longer_than_the_terminal_and_no_word_is_lost(text: str, width: int) -> None:
    lines = said("USER", text, width)
    assert all(len(line) <= width for line in lines)
    assert "".join("".join(line[8:] for line in lines).split()) == "".join(visible(text).split())


@given(st.text(st.characters(exclude_categories=[])))
def test_whatever_a_server_sends_controls_nothing(text: str) -> None:
    left = visible(text).replace("\u200c", "").replace("\u200d", "")
    assert not {unicodedata.category(each) for each in left.replace("\n", "")} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert "\n" not in one_line(text)


@pytest.mark.parametrize("text", ["l’été\u202f!", "a\u00a0b", "👩‍👩‍👧", "नमस्ते", "می‌خواهم"])
def test_what_people_write_stays(text: str) -> None:
    assert visible(text) == text


async def seen(server: str, **environ: str) -> str:
    """What warmup prints on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    around = {"PATH": os.defpath, "TEXT_API_KEY": KEY, "SERVER_WS_URL": server, "TERM": "xterm", **environ}
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "tooling.clients.warmup"], env=around, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    with trio.fail_after(30):
        await process.wait()
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(ours)
    assert process.returncode == 0, shown
    return shown.decode()


async def test_on_a_terminal_texts_wrap_and_have_colours_unless_unwanted() -> None:
    async def talkative(session: Session, frame: Frame) -> None:
        await session.reply(frame, ("A rather long answer, ",) * 20)

    async with standing_in(talkative) as server:
        coloured = await seen(server.url)
        plain = await seen(server.url, NO_COLOR="1")
    assert "\x1b[32m✓ PASS" in coloured
    assert "\x1b" not in plain
    answer = [line for line in plain.splitlines() if "rather" in line]
    assert len(answer) > 8
    assert all(len(line) <= COLUMNS for line in answer)
    assert COLOUR.sub("", coloured).count("rather") == 20
