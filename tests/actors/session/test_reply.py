"""Stop strings and cleaners: what the client hears does not depend on how the engine cut its text."""

from collections.abc import Sequence
from itertools import pairwise

from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from actors.session.reply import Reply, StopStrings

MARKERS = ("<|im_end|>", "</s>", "<end>", "<e")


def heard(chunks: Sequence[str], markers: Sequence[str] = MARKERS) -> tuple[str, bool]:
    reply = Reply(StopStrings(markers))
    said = []
    for chunk in chunks:
        said.append(reply.push(chunk))
        if reply.stopped:
            break
    stopped = reply.stopped
    said.append(reply.finish())
    assert "".join(said) == reply.text
    return reply.text, stopped


def first_to_be_complete(text: str, markers: Sequence[str]) -> tuple[str, bool]:
    """The rule itself, with no stream in the way: the marker that ends first; of those the one that began first."""
    ends = [(text.find(marker) + len(marker), text.find(marker)) for marker in markers if marker in text]
    return (text[: min(ends)[1]], True) if ends else (text, False)


def cut(text: str, at: Sequence[int]) -> list[str]:
    borders = sorted({0, len(text), *(place % (len(text) + 1) for place in at)})
    return [text[start:end] for start, end in pairwise(borders)]


def test_the_marker_and_what_follows_are_never_heard() -> None:
    assert heard(["Hi the", "re<|im_", "end|>", "more"]) == ("Hi there", True)
    assert heard(["a</s>b"]) == ("a", True)


def test_half_a_marker_is_heard_once_it_cannot_become_one() -> None:
    reply = Reply(StopStrings(("</s>",)))
    assert reply.push("a <") == "a "
    assert reply.push("/") == ""
    assert reply.push("b>") == "</b>"


def test_half_a_marker_at_the_end_is_heard_at_the_end() -> None:
    assert heard(["bye </"]) == ("bye </", False)


def test_text_without_an_opener_is_never_held() -> None:
    reply = Reply(StopStrings(MARKERS))
    assert reply.push("plain text") == "plain text"


def test_after_a_stop_string_nothing_more_is_heard() -> None:
    reply = Reply(StopStrings(("STOP",)))
    assert reply.push("a STOP b") == "a "
    assert reply.push("c") == ""
    assert reply.finish() == ""
    assert reply.text == "a "


def test_without_markers_everything_is_heard() -> None:
    assert heard(["a<|im_end|>b"], ()) == ("a<|im_end|>b", False)


TEXT = st.lists(st.sampled_from([*"ab <>/|es", "im_", "end", "<|", "|>", *MARKERS]), max_size=12).map("".join)
CUTS = st.lists(st.integers(0, 200), max_size=20)


@given(TEXT, CUTS, st.lists(st.sampled_from(MARKERS), unique=True))
def test_what_is_heard_depends_on_the_text_alone(text: str, at: list[int], markers: list[str]) -> None:
    assert heard(cut(text, at), markers) == first_to_be_complete(text, markers)


@given(TEXT, CUTS)
def test_what_is_heard_early_is_a_beginning_of_what_is_heard(text: str, at: list[int]) -> None:
    reply = Reply(StopStrings(MARKERS))
    whole, _ = first_to_be_complete(text, MARKERS)
    for chunk in cut(text, at):
        reply.push(chunk)
        assert whole.startswith(reply.text)


@define
class Pairs:
    """A cleaner that lets text go two characters at a time, in capitals."""

    held: str = ""

    def push(self, delta: str) -> str:
        whole = self.held + delta
        even = len(whole) - len(whole) % 2
        self.held = whole[even:]
        return whole[:even].upper()

    def flush(self) -> str:
        rest, self.held = self.held, ""
        return rest.upper()


@given(TEXT, CUTS)
def test_the_cleaner_gets_exactly_what_the_stop_strings_let_pass(text: str, at: list[int]) -> None:
    reply = Reply(StopStrings(MARKERS), Pairs())
    for chunk in cut(text, at):
        reply.push(chunk)
    reply.finish()
    assert reply.text == first_to_be_complete(text, MARKERS)[0].upper()
