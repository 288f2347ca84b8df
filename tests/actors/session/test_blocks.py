"""What a model sets apart with tokens: dropped by the tokens, whatever the text between them spells."""

from collections.abc import Sequence

import pytest
from attrs import define, field

from actors.session.reply import Reply, StopStrings
from engines.base import Control
from engines.prompts.reply_format import ReplyFormat

TAGS = ReplyFormat(blocks={"<think>": frozenset({"</think>"}), "<tool_call>": frozenset({"</tool_call>"})})
HARMONY = ReplyFormat(
    channel_ends=frozenset({"<|end|>", "<|call|>", "<|return|>", "<|start|>", "<|channel|>"}),
    opening=(Control("<|start|>"), "assistant"),
)


@define
class Seen:
    """A cleaner that keeps what it is given and passes it on."""

    text: list[str] = field(factory=list)

    def push(self, delta: str) -> str:
        self.text.append(delta)
        return delta

    def flush(self) -> str:
        return ""


def tokens(text: str) -> list[str]:
    """`|` parts pieces; a piece in double angle brackets is a token: `<<think>>`."""
    return [Control(piece[1:-1]) if piece.startswith("<<") else piece for piece in text.split("¦")]


def heard(pieces: Sequence[str], reply_format: ReplyFormat = TAGS, stops: Sequence[str] = ()) -> str:
    reply = Reply(StopStrings(stops), Seen(), reply_format)
    for piece in pieces:
        reply.push(piece)
    reply.finish()
    return reply.text


@pytest.mark.parametrize(
    ("generated", "passed_on"),
    [
        ("<<think>>¦a plan¦<</think>>¦Hello", "<think></think>Hello"),
        ("<<think>>¦no </think> is¦ written yet¦<</think>>¦Hello", "<think></think>Hello"),
        ("<<think>>¦never closed", "<think>"),
        ("<<think>>¦<</think>>¦Hello", "<think></think>Hello"),
        ("plan¦<</think>>¦Hello", "plan</think>Hello"),
        ("Hi¦<<tool_call>>¦{}¦<<|im_start|>>¦<</tool_call>>¦ there", "Hi<tool_call></tool_call> there"),
        ("Hi¦<<[IMG]>>¦<<unused7>>¦ there", "Hi there"),
        ("say¦ <think> and ¦</think>", "say <think> and </think>"),
        ("Hi¦<<｜tool_calls_begin｜>>¦{}", "Hi<｜tool_calls_begin｜>{}"),
    ],
)
def test_what_is_between_two_tokens_is_dropped_and_the_tokens_go_on_as_text(generated: str, passed_on: str) -> None:
    assert heard(tokens(generated)) == passed_on


@pytest.mark.parametrize(
    ("generated", "passed_on"),
    [
        (
            "<<|channel|>>¦analysis¦<<|message|>>¦say <|end|> last¦<<|end|>>¦<<|start|>>¦assistant¦<<|channel|>>¦final¦"
            "<<|message|>>¦Hello",
            "<|channel|>analysis<|message|><|end|><|start|>assistant<|channel|>final<|message|>Hello",
        ),
        (
            "<<|channel|>>¦commentary to=functions.x ¦<<|constrain|>>¦json¦<<|message|>>¦{}¦<<|call|>>¦<<|start|>>",
            "<|channel|>commentary to=functions.x json<|message|><|call|><|start|>",
        ),
        ("<<|channel|>>¦Final¦<<|message|>>¦Hello", "<|channel|>Final<|message|>Hello"),
        ("<<|channel|>>¦fi¦nal¦ json¦<<|message|>>¦Hello", "<|channel|>final json<|message|>Hello"),
        (
            "<<|channel|>>¦analysis¦<<|message|>>¦a¦<<|start|>>¦assistant",
            "<|channel|>analysis<|message|><|start|>assistant",
        ),
        ("<<|message|>>¦Hello", "<|message|>Hello"),
    ],
)
def test_only_the_answers_channel_is_passed_on(generated: str, passed_on: str) -> None:
    assert heard(tokens(generated), HARMONY) == passed_on


def test_what_the_prompt_leaves_open_is_read_before_the_reply_and_never_heard() -> None:
    seen = Seen()
    reply = Reply(StopStrings(()), seen, ReplyFormat(blocks=TAGS.blocks, opening=(Control("<think>"), "\n")))
    for piece in tokens("plan </think> goes¦ on¦<</think>>¦Hello"):
        reply.push(piece)
    assert "".join(seen.text) == "<think></think>Hello"
    assert reply.text == "</think>Hello"


def test_without_a_cleaner_everything_is_as_it_was_generated() -> None:
    reply = Reply(StopStrings(("STOP",)), None, HARMONY)
    for piece in tokens("<<|channel|>>¦analysis¦<<|message|>>¦ST¦<<|end|>>¦OP¦<<unused7>>"):
        reply.push(piece)
    reply.finish()
    assert reply.text == "<|channel|>analysis<|message|>ST<|end|>OP<unused7>"
    assert type(reply.text) is str


def test_a_stop_string_is_found_in_thoughts_too_and_none_goes_on_behind_a_token() -> None:
    assert heard(tokens("<<think>>¦a STOP b¦<</think>>¦Hello"), TAGS, ["STOP"]) == "<think>"
    assert heard(tokens("ST¦<<[IMG]>>¦OP"), TAGS, ["STOP"]) == "STOP"
