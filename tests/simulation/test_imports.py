"""The model of imported histories says what the behaviour page's examples say."""

import pytest

from tests.simulation.histories import BAD, GOOD, MOST_CHARS, MOST_MESSAGES, history
from tests.simulation.imports import Scale, grouped, imported

WORDS = Scale(
    count=lambda text: len(text.split()), cut=lambda text, most: (" ".join(text.split()[:most]), most), target=9
)


def _said(role: str, content: object) -> dict[str, object]:
    return {"role": role, "content": content}


def test_the_page_s_own_example_is_two_turns() -> None:
    roles = ("user", "assistant", "assistant", "user", "user", "assistant", "system", "user")
    texts = ("u1", "a1", "a1b", "u2", "u2b", "a2", "be kind", " ")
    assert grouped([_said(role, text) for role, text in zip(roles, texts, strict=True)]) == [
        [("user", "u1"), ("assistant", "a1\n\na1b")],
        [("user", "u2\n\nu2b"), ("assistant", "a2")],
    ]


def test_whole_turns_go_until_the_rest_fits() -> None:
    kept = imported([_said("user", f"{number} b c") for number in range(3)], WORDS)
    assert [each.text for each in kept] == ["0 b c\n\n1 b c\n\n2 b c"]
    pairs = [_said(role, f"{number} b") for number in range(4) for role in ("user", "assistant")]
    assert [each.text for each in imported(pairs, WORDS)] == ["2 b", "2 b", "3 b", "3 b"]


def test_a_turn_that_alone_is_too_much_is_shared_between_its_messages() -> None:
    kept = imported([_said("user", "a " * 12), _said("assistant", "b c")], WORDS)
    assert [len(each.text.split()) for each in kept] == [7, 2]


@pytest.mark.parametrize("shape", [*GOOD, *BAD])
def test_a_history_is_a_function_of_its_shape_and_number(shape: str) -> None:
    assert history(shape, 3) == history(shape, 3)


def test_the_largest_are_as_large_as_is_allowed() -> None:
    many, brim = history("many", 0), history("brim", 0)
    assert isinstance(many, list)
    assert isinstance(brim, list)
    assert len(many) == MOST_MESSAGES
    assert sum(len(each["content"]) for each in brim) == MOST_CHARS
