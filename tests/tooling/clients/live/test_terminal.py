"""`live` in a real pseudo-terminal, against a whole server with an engine that says what the test wants."""

import re
from pathlib import Path

import pytest
import trio

from tests.runtime.serving import serving
from tests.tooling.clients.live.console import CTRL_C, CTRL_D, ESCAPE, LIMIT_S, console, dress
from tests.tooling.clients.live.engine import SHORT, STORY, flowing, says, until_submitted

# What pexpect does with threads around is safe: the child does nothing but exec.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
UP = f"{ESCAPE}[A"


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
