"""Labels are parsed strictly, and two of them say what keeps an engine from running."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.trt import Label

GOOD = "sm90_trt-llm-1.2.1_cuda13.1"
labels = st.builds(
    Label,
    sm=st.integers(10, 999).map("sm{}".format),
    version=st.from_regex(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}([a-z][a-z0-9.]{0,6})?", fullmatch=True),
    cuda=st.from_regex(r"[0-9]{1,2}\.[0-9]{1,2}", fullmatch=True),
)


@given(labels)
def test_a_label_is_read_as_it_was_written(label: Label) -> None:
    assert Label.parse(str(label)) == label


@given(st.text())
def test_whatever_is_read_is_written_the_same(text: str) -> None:
    label = Label.parse(text)
    assert label is None or str(label) == text


@given(labels, st.text(min_size=1), st.booleans())
def test_nothing_may_stand_around_it(label: Label, more: str, before: bool) -> None:
    found = Label.parse(more + str(label) if before else str(label) + more)
    assert found is None or str(found) != str(label)


@pytest.mark.parametrize(
    "name",
    [
        *("", "sm90", GOOD + "\n", " " + GOOD, GOOD.upper(), GOOD.replace("sm90", "sm9"), GOOD.replace("sm90", "90")),
        *(GOOD.replace("13.1", "13"), GOOD.replace("1.2.1", "1.2"), GOOD.replace("_", "-"), "sm90_trt-llm-?_cuda13.1"),
        *(GOOD.replace("90", "٩٠"), "../" + GOOD, "sm9000_trt-llm-1.2.1_cuda13.1"),
    ],
)
def test_other_names_are_none(name: str) -> None:
    assert Label.parse(name) is None


def test_a_release_candidate_is_a_version() -> None:
    assert Label.parse("sm120_trt-llm-1.2.0rc5.post1_cuda13.0") == Label(
        sm="sm120", version="1.2.0rc5.post1", cuda="13.0"
    )


def test_what_is_not_known_is_shown_and_cannot_be_read() -> None:
    label = Label(sm="sm90", version="", cuda="")
    assert str(label) == "sm90_trt-llm-?_cuda?"
    assert Label.parse(str(label)) is None


def test_differences_name_both_sides_of_each_part() -> None:
    own, other = Label.parse(GOOD), Label.parse("sm80_trt-llm-1.2.0_cuda13.1")
    assert own is not None
    assert other is not None
    assert own.differences(own) == ""
    assert other.differences(own) == "GPU sm80 instead of sm90, TensorRT-LLM 1.2.0 instead of 1.2.1"
