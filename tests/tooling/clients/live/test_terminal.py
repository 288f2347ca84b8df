"""`live` in a real pseudo-terminal, against a whole server with an engine that says what the test wants."""

import re
import signal
from pathlib import Path

import pytest
import trio

from engines.scripted import Script
from tests.runtime.serving import Place, serving
from tests.tooling.clients.live.console import CTRL_C, CTRL_D, ESCAPE, LIMIT_S, Console, console, hang_up
from tests.tooling.clients.standin import Frame, Session, standing_in

# What pexpect does with threads around is safe: the child does nothing but exec.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
STORY = "Once there was a lighthouse keeper who wrote a letter every evening and never sent a single one. " * 6
UP = f"{ESCAPE}[A"
SHORT = "All is well here."


def pieces(text: str) -> list[str]:
    return re.findall(r"\s*\S+", text)


def says(*replies: str, step_s: float = 0.002) -> Script:
    """An engine that says one after the other, and then the last one again."""
    left = list(replies)
    return Script(step_s=step_s, reply=lambda _request: pieces(left.pop(0) if len(left) > 1 else left[0]))


def flowing(shown: str) -> str:
    """What is shown, however it is wrapped."""
    return " ".join(shown.split())


async def until_submitted(place: Place, count: int) -> str:
    """The prompt of that many-th request since the server was ready."""
    with trio.fail_after(LIMIT_S):
        while len(place.engine.submitted) < count:
            await trio.sleep(0.01)
    return place.prompt(count - 1)


async def test_a_reply_streams_above_the_input_line_and_stays_when_the_talk_is_over() -> None:
    async with serving(says(STORY, SHORT, step_s=0.01)) as place, console(place.port, "good", "evening") as talk:
        await talk.until_panel("streaming", "anna_flirty", "ttft", "tokens/s")
        part = flowing(await talk.until("lighthouse"))
        assert "> good evening Once there was" in part
        assert STORY.strip() not in part
        await talk.until_prompt()
        talk.enter("and you?")
        await talk.until(SHORT)
        await talk.until_panel("idle", "2 turns")
        talk.type(CTRL_C)
        assert await talk.ended() == 0
        shown = talk.shown()
        assert STORY.strip() in flowing(shown)
        assert (
            len(re.findall(r"^ttfb=\d+ms · 3w=\d+ms · sent=\d+ms · total=\d+ms · \d+chunks/\d+chars$", shown, re.M))
            == 2
        )
        assert "idle" not in shown, "the panel is gone"
        assert shown.index("> and you?") < shown.index(SHORT)


async def test_a_line_typed_into_a_reply_interrupts_it_and_both_sides_remember_what_was_shown() -> None:
    async with serving(says(STORY, SHORT, step_s=0.02)) as place, console(place.port, "tell me") as talk:
        await talk.until("lighthouse keeper")
        talk.enter("wait, what?")
        shown = flowing(await talk.until("[interrupted]", SHORT))
        await talk.until_prompt()
        assert "[interrupted]" in shown.split("> wait, what?")[0]
        assert STORY.partition(" keeper")[0] in await until_submitted(place, 2)
        talk.enter("/history")
        told = flowing(await talk.until("user: wait, what?"))
        assert told.split("assistant: Once")[1].split(" user: wait, what?")[0] in flowing(STORY)
        talk.type(CTRL_D)
        assert await talk.ended() == 0


async def test_ctrl_c_cancels_the_reply_and_twice_leaves_in_the_middle_of_one() -> None:
    async with serving(says(STORY, step_s=0.02)) as place, console(place.port) as talk:
        await talk.until("lighthouse keeper")
        talk.type(CTRL_C)
        await talk.until("[cancelled]")
        await talk.until_prompt()
        talk.enter("go on")
        await talk.until_panel("streaming")
        talk.type(CTRL_C + CTRL_C)
        assert await talk.ended() == 130
        await place.until_idle()


async def test_commands_are_completed_answered_and_recalled() -> None:
    async with serving(says(SHORT)) as place, console(place.port, "hi") as talk:
        await talk.until_prompt()
        talk.type("/st")
        await talk.until_panel("/stats  /stop")
        talk.type("a\toff\r")
        await talk.until("> /stats off", "stats off")
        for typed, answer in (
            ("/help", "/persona [KEY] [fresh]"),
            ("/?", "A line sent while a reply streams interrupts it."),
            ("/list", "* anna_flirty (female, flirty)"),
            ("/info", "persona=anna_flirty gender=female personality=flirty messages=2 characters=19"),
            ("/persona", "anna_flirty (female, flirty)"),
            ("/persona nobody", "unknown persona 'nobody'; known: "),
            ("/nope", "Unknown command '/nope'. Type /help for options."),
            ("/cancel", "nothing is running"),
            ("/reload", " personas"),
        ):
            talk.enter(typed)
            await talk.until(f"> {typed}\n")
            assert answer in flowing(await talk.until(answer.split()[0])), typed
        talk.type(UP + UP + "\r")
        await talk.until("> /cancel\nnothing is running\n> /reload")
        talk.enter("bye")
        await talk.until_panel("2 turns")
        assert talk.shown().count("ttfb=") == 1, "stats are off"
        talk.enter("/quit")
        assert await talk.ended() == 0


async def test_another_persona_is_a_new_session_with_this_history_or_fresh_without() -> None:
    async with serving(says(SHORT)) as place, console(place.port, "I am Kim") as talk:
        assert "You are Anna" in await until_submitted(place, 1)
        await talk.until_prompt()
        talk.type("/persona mark_f\t\r")
        await talk.until("new session, 2 messages go along")
        await talk.until_panel("idle", "mark_flirty")
        talk.enter("who am I")
        prompt = await until_submitted(place, 2)
        assert "You are Mark" in prompt and "I am Kim" in prompt and SHORT in prompt
        await talk.until_prompt()
        talk.enter("/persona anna_wholesome fresh")
        await talk.until("new session, 0 messages go along")
        talk.enter("and now")
        prompt = await until_submitted(place, 3)
        assert "You are Anna" in prompt and "I am Kim" not in prompt


@pytest.fixture
def closet(tmp_path: Path) -> Path:
    dress(tmp_path, "You are Io, calm.")
    return tmp_path


def dress(folder: Path, prompt: str) -> None:
    (folder / "io.toml").write_text(f'gender = "female"\npersonality = "calm"\nprompt = "{prompt}"\n', "utf-8")


async def test_an_edited_persona_speaks_from_the_next_turn_and_a_broken_one_not_at_all(closet: Path) -> None:
    arguments = ("-p", "io", "--persona-dir", str(closet), "hello")
    async with serving(says(SHORT)) as place, console(place.port, *arguments) as talk:
        assert "Io, calm." in await until_submitted(place, 1)
        await talk.until_prompt()
        dress(closet, "You are Io, wild.")
        talk.enter("changed?")
        await talk.until("personas reloaded: io")
        prompt = await until_submitted(place, 2)
        assert "Io, wild." in prompt and "hello" in prompt
        await talk.until_prompt()
        dress(closet, 'You are "broken.')
        talk.enter("still there?")
        await talk.until("io.toml")
        assert "Io, wild." in await until_submitted(place, 3)
        await talk.until_prompt()
        assert talk.shown().count("personas reloaded: io") == 1


async def test_a_resize_in_the_middle_of_a_reply_loses_nothing_down_to_ten_columns() -> None:
    reply = "Ein sehr langer Satz, 日本語のテキストです, " + "x" * 70 + " und so weiter bis hierher. " * 12 + "Ende."
    async with serving(says(reply, step_s=0.02)) as place, console(place.port, "hi") as talk:
        await talk.until("langer Satz")
        for columns in (40, 10, 90, 25):
            before = len(talk.raw)
            talk.resize(24, columns)
            with trio.fail_after(LIMIT_S):
                while len(talk.raw) == before:  # it draws itself again, whether the reply goes on or not
                    await talk.read()
        await talk.until_prompt()
        talk.enter("/stop")
        assert await talk.ended() == 0
    text, position = written(talk.raw.decode()), 0
    for word in reply.split():
        if len(word) < 10:  # a longer one may have been cut
            position = text.find(word, position)
            assert position >= 0, f"{word} is missing"
            position += len(word)


def written(text: str) -> str:
    """What the terminal was given, without the sequences that move its cursor or colour it."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


async def test_control_characters_reach_the_terminal_neither_from_the_model_nor_from_a_paste() -> None:
    evil = "Look: \x1b]52;c;c3RvbGVu\x07 \x1b[2J\x1b[?1049h \x9b31m \u202egnp.exe \x7f\x08 end."
    async with serving(says(evil)) as place, console(place.port, "hi", "--no-sanitize-output") as talk:
        await talk.until("␛]52;c;c3RvbGVu␇ ␛[2J␛[?1049h <U+009B>31m <U+202E>gnp.exe ␡␈ end.")
        await talk.until_prompt()
        talk.paste("one \x1b]0;title\x07\x1b[31m line\nand another\r\n\tthird")
        await talk.until("> one ]0;title[31m line\nand another\n")
        assert len(place.engine.submitted) == 1, "a pasted newline sends nothing"
        talk.type("\r")
        prompt = await until_submitted(place, 2)
        assert "one ]0;title[31m line\nand another\n\tthird" in prompt
        await talk.until_panel("2 turns")
        talk.enter("/history")
        await talk.until("third\nassistant: Look")
        text = talk.raw.decode()
    assert not re.search("\x1b[^\\[]|\x1b\\[2J|\x1b\\[\\?1049|[\x07\x7f\x80-\x9f\u202e]", text)


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
