"""What counts as too near to a held-out text."""

import pytest

from tooling.demo.tool.overlap import KeptOut, plain, words

KEPT = KeptOut.of(["What's on the big red sign?", "look, I'm done", "okay then"])


@pytest.mark.parametrize(
    "text",
    [
        "what's on the big red sign",
        "hey, what's on that big red sign please",
        "on the big red sign, what's",
        "look I'm done",
        "Okay, then.",
    ],
)
def test_the_same_words_and_nearly_the_same_words_are_kept_out(text: str) -> None:
    assert text in KEPT


@pytest.mark.parametrize("text", ["what's on the menu", "look, I'm fine with it", "then it rained", "okay", "", "?!"])
def test_other_words_are_not(text: str) -> None:
    assert text not in KEPT


def test_texts_are_compared_by_their_words_without_fillers() -> None:
    assert plain("Hey, it's  NINE!") == "hey it s nine"
    assert words("hey please look at this") == {"look", "at", "this"}
    assert words("hey") == {"hey"}
