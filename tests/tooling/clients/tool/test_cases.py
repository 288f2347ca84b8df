"""The labelled cases: every figure that is promised of them, and what is said of a file that cannot be used."""

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from tests.tooling.clients.tool.scene import CASES
from tooling.clients.data.tool_cases import domains, load_cases
from tooling.clients.failures import UsageProblem

STEPS = [step for case in CASES for step in case.steps]
DOMAINS = {
    "apps",
    "banking",
    "calendar",
    "coding",
    "cooking",
    "documents",
    "edge",
    "email",
    "games",
    "health",
    "home",
    "maps",
    "messaging",
    "music",
    "news",
    "non_visual",
    "photos",
    "school",
    "shopping",
    "social",
    "sports",
    "streaming",
    "travel",
    "video_calls",
}
TOO_ALIKE = 0.6  # common words of all words


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def test_there_are_at_least_150_cases_and_1000_steps_of_6_to_20_each() -> None:
    assert len(CASES) >= 150
    assert len(STEPS) >= 1000
    assert all(6 <= len(case.steps) <= 20 for case in CASES)


def test_every_domain_has_a_file_and_several_cases() -> None:
    assert set(domains(CASES)) == DOMAINS
    assert min(Counter(case.domain for case in CASES).values()) >= 5


def test_35_to_45_in_a_hundred_need_the_screen() -> None:
    assert 0.35 <= sum(step.yes for step in STEPS) / len(STEPS) <= 0.45


@pytest.mark.parametrize("domain", sorted(DOMAINS - {"non_visual"}))
def test_both_labels_are_in_every_case(domain: str) -> None:
    for case in CASES:
        if case.domain == domain:
            assert {step.yes for step in case.steps} == {True, False}, case.key


def test_nothing_non_visual_needs_the_screen() -> None:
    assert not any(step.yes for case in CASES if case.domain == "non_visual" for step in case.steps)


def test_a_session_begins_with_either_label() -> None:
    assert 10 <= sum(case.steps[0].yes for case in CASES) <= len(CASES) // 2


def test_texts_are_short_distinct_and_not_nearly_the_same() -> None:
    assert max(len(step.text) for step in STEPS) <= 160
    assert all(step.text.isprintable() for step in STEPS)
    said = [(words(step.text), step.text) for step in STEPS]
    for (one, text), (two, other) in combinations(said, 2):
        assert len(one & two) < TOO_ALIKE * len(one | two), f"{text!r} is nearly {other!r}"


def test_the_edge_has_one_word_lines_long_ones_and_other_languages() -> None:
    texts = [step.text for case in CASES if case.domain == "edge" for step in case.steps]
    assert sum(len(text.split()) == 1 for text in texts) >= 8
    assert sum(len(text) > 140 for text in texts) >= 5
    assert sum(not text.isascii() for text in texts) >= 8


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", r"bad\.toml: needs tables \[\[case\]\]"),
        ("[[case]]\nsteps = []", r"bad\.toml: case 1: name must be a text"),
        ("[[case]]\nname = 'a'", r"bad\.toml: case 'a': needs steps"),
        ("[[case]]\nname = 'a'\nsteps = []", "case 'a': needs steps"),
        ("[[case]]\nname = 'a'\nsteps = [['hi', 'no'], ['look', 'maybe']]", "case 'a', step 2: write"),
        ("[[case]]\nname = 'a'\nsteps = [['hi']]", "case 'a', step 1: write"),
        ("[[case]]\nname = 'a'\nsteps = ['hi']", "case 'a', step 1: write"),
        ("[[case]]\nname = 'a'\nsteps = [[' ', 'no']]", "case 'a', step 1: write"),
        ("[[case]]\nname = 'a'\nsteps = [['hi', true]]", "case 'a', step 1: write"),
        (2 * "[[case]]\nname = 'a'\nsteps = [['hi', 'no']]\n", "two cases are named 'a'; rename one"),
        ("[[case", r"bad\.toml: is not TOML"),
    ],
)
def test_a_bad_file_is_refused_by_file_case_step_and_what_to_mend(tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "bad.toml").write_text(content, "utf-8")
    with pytest.raises(UsageProblem, match=complaint):
        load_cases(tmp_path)


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match=r"at least one \.toml file"):
        load_cases(tmp_path)
