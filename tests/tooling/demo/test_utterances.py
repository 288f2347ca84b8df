"""The utterances of the tool model and their held-out set."""

import random

import pytest

from tooling.demo.files import content_lines, read_all
from tooling.demo.tool.overlap import KeptOut, words
from tooling.demo.tool.utterances import Utterances, labelled, last_line, load

TEXTS = read_all("tool")


@pytest.fixture(scope="module")
def utterances() -> Utterances:
    return load(TEXTS, read_all("chat"))


def test_the_held_out_set_is_large_balanced_and_distinct() -> None:
    examples = labelled(TEXTS["heldout.txt"])
    yes = sum(example.label for example in examples) / len(examples)
    assert len(examples) >= 300
    assert 0.45 <= yes <= 0.55
    assert len({example.text for example in examples}) == len(examples)


def test_no_held_out_line_nor_a_near_duplicate_is_ever_trained_on(utterances: Utterances) -> None:
    held_out = [last_line(example.text) for example in labelled(TEXTS["heldout.txt"])]
    kept = KeptOut.of(held_out)
    written = [last_line(example.text) for example in labelled(TEXTS["written.txt"])]
    templates = [line for name in ("yes.txt", "no.txt") for line in content_lines(TEXTS[name])]
    assert [line for line in written + templates if line in kept] == []
    rng = random.Random(5)
    drawn = {line for _ in range(3000) for line in utterances.example(rng).text.split("\n")}
    assert [line for line in drawn if line in kept] == []
    # The same said again without the index behind `KeptOut`.
    sets = [words(line) for line in held_out]
    sample = [words(line) for line in sorted(drawn)[::4]]
    assert max(len(one & two) / len(one | two) for one in sample for two in sets) < 0.75


def test_every_template_can_be_filled(utterances: Utterances) -> None:
    rng = random.Random(1)
    for templates in utterances.templates:
        for template in templates:
            text = utterances.slots.fill(template, {}, rng)
            assert text.strip()
            assert not set("{}[]|") & set(text), template


def test_no_template_stands_under_both_labels() -> None:
    assert not set(content_lines(TEXTS["yes.txt"])) & set(content_lines(TEXTS["no.txt"]))


def test_conversations_have_up_to_seven_lines_and_the_asked_number(utterances: Utterances) -> None:
    rng = random.Random(1)
    counts = {len(utterances.example(rng).text.split("\n")) for _ in range(500)}
    assert counts == set(range(1, 8))
    assert len(utterances.example(rng, lines=30).text.split("\n")) == 30


def test_a_line_with_another_label_is_refused() -> None:
    with pytest.raises(ValueError, match="maybe"):
        labelled("maybe look at this")
