"""How `live` is left: in a real pseudo-terminal, by keys, by signals, by what goes wrong."""

import re
import signal
from pathlib import Path

import pytest
import trio

from tests.runtime.serving import serving
from tests.tooling.clients.live.console import CTRL_C, LIMIT_S, Console, console, hang_up
from tests.tooling.clients.live.engine import SHORT, STORY, flowing, says
from tests.tooling.clients.standin import Frame, Session, standing_in

# What pexpect does with threads around is safe: the child does nothing but exec.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_signal_ends_it_in_order(number: signal.Signals) -> None:
    async with serving(says(SHORT)) as place, console(place.port, "hi") as talk:
        await talk.until_prompt()
        assert talk.modes() != talk.before
        talk.child.kill(number)
        assert await talk.ended() == (0 if number == signal.SIGINT else 128 + number)
        await place.until_idle()


async def test_a_terminal_that_is_closed_ends_it() -> None:
    async with serving(says(STORY, step_s=0.02)) as place, console(place.port, "hi") as talk:
        await talk.until_panel("streaming")
        hang_up(talk)
        with trio.fail_after(LIMIT_S):
            while talk.child.isalive():
                await trio.sleep(0.02)
        assert talk.child.exitstatus in (0, 128 + signal.SIGHUP)
        await place.until_idle()


async def test_after_a_stop_the_terminal_is_taken_back() -> None:
    async with serving(says(SHORT)) as place, console(place.port, "hi") as talk:
        await talk.until_prompt()
        drawn = talk.modes()
        talk.child.kill(signal.SIGSTOP)
        await trio.run_process(["stty", "sane"], stdin=talk.child.child_fd)
        assert talk.modes() != drawn
        talk.child.kill(signal.SIGCONT)
        with trio.fail_after(LIMIT_S):
            while talk.modes() != drawn:
                await talk.read()
        talk.enter("/info")
        await talk.until("session=live-")


async def test_a_fault_of_its_own_is_one_line_and_leaves_the_terminal_as_it_was() -> None:
    fault = "from tooling.clients.live.screens.panel import Panel; Panel._foot = lambda self: 1 / 0"
    run = "from tooling.clients.live.__main__ import main; sys.exit(main(sys.argv[1:], os.environ))"
    program = f"import os, sys; {fault}; {run}"
    async with serving(says(SHORT)) as place, console(place.port, "hi", program=("-c", program)) as talk:
        assert await talk.ended() == 1
        shown = flowing(talk.shown())
    assert "live: internal: ZeroDivisionError in " in shown
    assert "Traceback" not in shown


async def test_without_colours_there_are_none_and_a_dumb_terminal_gets_plain_lines() -> None:
    async with serving(says(SHORT)) as place:
        async with console(place.port, "hi", environ={"NO_COLOR": "1"}) as talk:
            await talk.until_prompt()
            await _left(talk)
        assert set(re.findall(rb"\x1b\[([\d;]*)m", talk.raw)) <= {b"0", b""}
        async with console(place.port, "hi", environ={"TERM": "dumb", "NO_COLOR": "1"}) as talk:
            await talk.until(SHORT, "total=")
            await talk.until("chars\n>")
            await _left(talk)
        assert b"\x1b" not in talk.raw
        assert f"ASST  {SHORT}".encode() in talk.raw


async def _left(talk: Console) -> None:
    talk.enter("/exit")
    assert await talk.ended() == 0


async def test_a_wrong_key_says_which_variable_and_leaves_nothing_behind() -> None:
    async with serving(says(SHORT)) as place, console(place.port, environ={"TEXT_API_KEY": "wrong"}) as talk:
        assert await talk.ended() == 3
        assert "TEXT_API_KEY" in talk.shown()
        assert "wrong" not in talk.raw.decode()


async def test_a_warm_start_brings_its_history_and_asks_about_it() -> None:
    async with serving(says(SHORT), CHAT_PROMPT_MAX_TOKENS="4000") as place, console(place.port, "--warm") as talk:
        await talk.until_prompt()
        talk.enter("/info")
        assert "messages=72" in flowing(await talk.until("messages="))


async def test_a_folder_with_one_persona_needs_no_name_and_one_without_ends_with_2(closet: Path) -> None:
    async with serving(says(SHORT)) as place:
        async with console(place.port, "--persona-dir", str(closet)) as talk:
            await talk.until_panel("idle", "io")
        (closet / "io.toml").unlink()
        async with console(place.port, "--persona-dir", str(closet)) as talk:
            assert await talk.ended() == 2
            assert "name a persona with -p KEY" in talk.shown()


async def test_twice_leaves_a_server_that_does_not_even_say_goodbye() -> None:
    async def hangs(_session: Session, _frame: Frame) -> None:
        await trio.sleep_forever()

    async with standing_in(on_connect=hangs) as server:
        async with console(int(server.url.rpartition(":")[2].removesuffix("/ws"))) as talk:
            await talk.until_panel("waiting")
            talk.type(CTRL_C + CTRL_C)
            assert await talk.ended() == 130
        with trio.fail_after(LIMIT_S):
            while server.sessions[0].socket.closed is None:
                await trio.sleep(0.01)
        assert server.sessions[0].socket.closed.code == 1006, "it did not wait for the end of the close handshake"
