"""What a model of any family may say: a plain answer, thoughts in every state, broken bytes, and its own habits."""

from collections.abc import Callable, Iterator

from tests.families.family import Family, Reply

# Tokens of a reply at most, on every server of the matrix.
MAX_OUT = 96

HELLO = "Hello there, how are you?"
THOUGHT = "They want a short and kind answer."
CALL = '<tool_call>{"name": "look"}</tool_call>'
# A marker that one family knows is text for another one. What looks like a control token is not read out, though.
FOREIGN = {
    False: ("Mistral puts questions between [INST] and [/INST], and goes on.",) * 2,
    True: ("ChatML begins a turn with <|im_start|>, and goes on.", "ChatML begins a turn with, and goes on."),
}


def replies(family: Family) -> tuple[Reply, ...]:
    """All replies of a family that are tried."""
    # A family whose prompt leaves thoughts open closes them before everything it says aloud.
    opens = "" if family.among_thoughts else family.opens
    first = family.closes if family.among_thoughts else ""
    answers, over = family.answers, family.over
    foreign, heard = FOREIGN["[INST]" in family.added]

    def reply(name: str, *says: str | bytes, spoken: str, ends: str = "stop") -> Reply:
        return Reply(name=name, says=says, runs_on=family.runs_on, spoken=spoken, ends=ends)

    return (
        reply("plain", f"{first}{answers}{HELLO}{over}", spoken=HELLO),
        reply("thoughts, then an answer", f"{opens}{THOUGHT}{family.closes}{answers}{HELLO}{over}", spoken=HELLO),
        reply("empty thoughts", f"{opens}{family.closes}{answers}{HELLO}{over}", spoken=HELLO),
        reply("thoughts that are never closed", f"{opens}{THOUGHT}{family.eos}", spoken=""),
        reply("thoughts that are cut off", opens + f" {THOUGHT}" * MAX_OUT, spoken="", ends="length"),
        *_broken(reply, family, opens, f"{first}{answers}"),
        reply(
            "a borrowed tool call, and more to say",
            f"{first}{answers}{HELLO} {CALL} Well?{over}",
            spoken=f"{HELLO} Well?",
        ),
        reply("a borrowed tool call that is never closed", f"{first}{answers}{HELLO} {CALL[:-12]}{over}", spoken=HELLO),
        reply("another family's marker", f"{first}{answers}{foreign}{over}", spoken=heard),
        *(reply(f"the end {end}", f"{first}{answers}{HELLO}{end}", spoken=HELLO) for end in family.ends if end != over),
        *family.replies,
    )


def _broken(make: Callable[..., Reply], family: Family, opens: str, answers: str) -> Iterator[Reply]:
    """Bytes that are no character, one token each."""
    over = family.over
    yield make("a stray byte", f"{answers}Hello", b"\x80", f" there, how are you?{over}", spoken=HELLO)
    yield make("half a character at the end", f"{answers}{HELLO}", b"\xe2\x82", over, spoken=HELLO)
    yield make(
        "a character in three tokens", f"{answers}For 3", b"\xe2\x82\xac", f" each.{over}", spoken="For 3€ each."
    )
    thoughts = (f"{opens}{THOUGHT}", b"\x80", family.closes + family.answers)
    yield make("stray bytes beside markers", *thoughts, b"\x80", HELLO, b"\xa0", over, spoken=HELLO)


__all__ = ["MAX_OUT", "replies"]
