"""Which label is yes."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.classifier.labels import YES_NAMES, YesLabel, resolve_yes
from engines.errors import EngineStartFailed


def head(names: Sequence[str]) -> dict[int, str]:
    return dict(enumerate(names))


@pytest.mark.parametrize("name", [*YES_NAMES, "YES", " Take_Screenshot "])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_label_that_says_yes_is_found_wherever_it_is(name: str, index: int) -> None:
    names = ["no", "maybe", "other"]
    names[index] = name
    assert resolve_yes(head(names)) == YesLabel(name, index)


def test_of_two_silent_labels_the_second_is_yes() -> None:
    assert resolve_yes(head(["LABEL_0", "LABEL_1"])) == YesLabel("LABEL_1", 1)


def test_of_several_labels_that_say_yes_the_first_word_wins() -> None:
    assert resolve_yes(head(["positive", "true", "yes"])) == YesLabel("yes", 2)


@pytest.mark.parametrize(("asked", "index"), [("look", 2), (" LOOK ", 2), ("0", 0), ("2", 2), ("yes", 1), ("1", 1)])
def test_the_setting_names_a_label_or_its_index(asked: str, index: int) -> None:
    labels = head(["skip", "yes", "look"])
    assert resolve_yes(labels, asked) == YesLabel(labels[index], index)


def test_a_label_with_a_number_for_a_name_is_found_by_name() -> None:
    assert resolve_yes(head(["1", "0"]), "1") == YesLabel("1", 0)


@pytest.mark.parametrize("asked", ["3", "-1", "screen", "²"])
def test_a_label_that_does_not_exist_is_refused_with_those_that_do(asked: str) -> None:
    with pytest.raises(EngineStartFailed, match=r"skip \(0\), yes \(1\), look \(2\)"):
        resolve_yes(head(["skip", "yes", "look"]), asked)


def test_three_silent_labels_are_refused_with_what_to_set() -> None:
    with pytest.raises(EngineStartFailed, match=r"TOOL_POSITIVE_LABEL to one of A \(0\), B \(1\), C \(2\)"):
        resolve_yes(head(["A", "B", "C"]))


@pytest.mark.parametrize("asked", [None, "0", "1", "label_0"])
def test_a_head_of_one_logit_has_one_yes(asked: str | None) -> None:
    assert resolve_yes({0: "LABEL_0"}, asked) == YesLabel("LABEL_0", None)


def test_a_head_of_one_logit_has_no_third_label() -> None:
    with pytest.raises(EngineStartFailed, match="TOOL_POSITIVE_LABEL"):
        resolve_yes({0: "LABEL_0"}, "2")


@given(st.lists(st.text(max_size=5), min_size=2, max_size=6), st.one_of(st.none(), st.text(max_size=5)))
def test_the_yes_label_is_one_of_the_heads_or_refused(names: list[str], asked: str | None) -> None:
    try:
        found = resolve_yes(head(names), asked)
    except EngineStartFailed:
        return
    assert found.index is not None
    assert names[found.index] == found.name
