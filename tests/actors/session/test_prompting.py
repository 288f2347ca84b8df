"""A turn's prompt: it leaves room for the reply, and what the template does not take is found and told."""

from collections.abc import Sequence

import pytest

from actors.session.history import History, HistoryMessage, Kind
from actors.session.prompting import fitting_prompt
from engines.errors import TextRefused, TurnFailed


def history(*texts: str) -> History:
    """User and assistant in turn, two messages a turn."""
    kinds = (Kind.UTTERANCE, Kind.REPLY)
    return History(
        tuple(
            HistoryMessage(kind=kinds[place % 2], text=text, turn=1 + place // 2, cost=1)
            for place, text in enumerate(texts)
        )
    )


def render(said: Sequence[tuple[str, str]]) -> list[int]:
    """An id a message, and a template that does not like one word."""
    if any("boo" in text for _, text in said):
        raise TextRefused("the chat template failed: TemplateError")
    return [len(text) for _, text in said]


def test_the_oldest_turns_go_until_the_rest_fits() -> None:
    assert fitting_prompt(render, history("a", "bb", "ccc", "dddd", "eeeee"), "", 3) == [3, 4, 5]
    with pytest.raises(TurnFailed, match=r"has 2 tokens .* 1 fit: CHAT_MAX_LEN less CHAT_MAX_OUT"):
        fitting_prompt(render, history("a"), "be kind", 1)


def test_a_refused_text_of_the_turn_itself_is_refused() -> None:
    with pytest.raises(TextRefused):
        fitting_prompt(render, history("a", "bb", "boo"), "be kind", 99)


@pytest.mark.parametrize(
    ("said", "kept"),
    [(("boo", "bb", "ccc", "dddd", "eeeee"), [3, 4, 5]), (("a", "bb", "ccc", "boo", "eeeee"), [1, 2, 5])],
)
def test_an_earlier_turn_that_is_refused_is_left_out(said: Sequence[str], kept: list[int]) -> None:
    assert fitting_prompt(render, history(*said), "", 99) == kept


def test_several_earlier_ones_that_are_refused_are_left_out_together() -> None:
    said = history("boo", "bb", "ccc", "dddd", "eeeee", "boo", "ggggggg")
    assert fitting_prompt(render, said, "be kind", 99) == [7, 3, 4, 7]


def test_turns_that_are_refused_only_together_leave_the_newest_alone() -> None:
    def takes_two_turns(messages: Sequence[tuple[str, str]]) -> list[int]:
        if len(messages) > 4:
            raise TextRefused("the chat template failed: TemplateError")
        return render(messages)

    assert fitting_prompt(takes_two_turns, history("a", "bb", "ccc", "dddd", "eeeee"), "be kind", 99) == [7, 5]


def test_a_long_history_with_a_refused_turn_is_rendered_a_few_messages_at_a_time() -> None:
    seen: list[int] = []

    def counted(messages: Sequence[tuple[str, str]]) -> list[int]:
        seen.append(len(messages))
        return render(messages)

    texts = ["boo", "b", *["c", "d"] * 100, "e"]
    assert len(fitting_prompt(counted, history(*texts), "", 999)) == 201
    assert sum(seen) < 6 * len(texts)
