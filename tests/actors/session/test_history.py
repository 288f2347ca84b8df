"""What a history stores of an import and of turns, as the behaviour page says it and under arbitrary conversations."""

from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.session.budgets import Limits
from actors.session.history import History, HistoryMessage, Kind
from actors.session.intake import import_chat, reply, utterance
from tests.actors.session.word_tokens import LIMITS, MEASURE, count, cut, routing, spoken, words

# --- import


def test_an_imported_list_becomes_turns() -> None:
    items = [
        ("user", "u1"),
        ("assistant", "a1"),
        ("assistant", "a1b"),
        ("user", "u2"),
        ("user", "u2b"),
        ("assistant", "a2"),
        ("system", "be brief"),
        ("user", "  \n"),
    ]
    done = import_chat(items, MEASURE, LIMITS)
    assert [(m.role, m.text) for m in done.history.messages] == [
        ("user", "u1"),
        ("assistant", "a1\n\na1b"),
        ("user", "u2\n\nu2b"),
        ("assistant", "a2"),
    ]
    assert (done.input_messages, done.input_turns, done.retained_turns, done.trimmed) == (8, 2, 2, False)
    assert done.history_tokens == done.history.cost == 6


def test_skipped_roles_and_blanks_do_not_break_a_group() -> None:
    items = [
        (" USER ", " a "),
        ("tool", "x"),
        ("user", " "),
        ("User", "b"),
        ("ASSISTANT", "c"),
        ("", "d"),
        ("user", "e"),
    ]
    done = import_chat(items, MEASURE, LIMITS)
    assert [m.text for m in done.history.messages] == ["a\n\nb", "c", "e"]
    assert done.input_turns == 2


def test_a_leading_assistant_message_is_a_turn_of_its_own() -> None:
    done = import_chat([("assistant", "hello"), ("user", "hi")], MEASURE, LIMITS)
    assert [[m.role for m in turn] for turn in done.history.turns()] == [["assistant"], ["user"]]


def test_imported_turns_are_numbered_before_the_live_ones() -> None:
    done = import_chat([("user", "a"), ("assistant", "b"), ("user", "c")], MEASURE, LIMITS)
    assert [m.turn for m in done.history.messages] == [-1, -1, 0]


def test_an_import_is_trimmed_to_the_target_at_once() -> None:
    items = [("user" if n % 2 == 0 else "assistant", words(100)) for n in range(16)]
    items += [("user", words(100)), ("assistant", words(100)), ("user", words(201))]
    done = import_chat(items, MEASURE, LIMITS)
    assert (done.input_turns, done.retained_turns, done.history_tokens, done.trimmed) == (10, 9, 1801, True)


def test_an_import_of_nothing_counts_zero() -> None:
    done = import_chat([("system", "x")], MEASURE, LIMITS)
    assert (done.input_messages, done.input_turns, done.retained_turns, done.trimmed) == (1, 0, 0, False)


def test_an_import_in_mode_both_keeps_the_routers_texts() -> None:
    done = import_chat([("user", "one two three"), ("assistant", "x"), ("user", "four")], MEASURE, LIMITS, routing(2))
    assert [m.routing_text for m in done.history.messages] == ["two three", "", "four"]


# --- what is stored


def test_the_check_prefix_stays_at_its_message_and_costs_nothing_more() -> None:
    history = spoken((2, 1), (2, 0)).attach_prefix(2, "LOOK:")
    assert history.prompt_messages() == [("user", "w0 w1"), ("assistant", "w0"), ("user", "LOOK: w0 w1")]
    assert history.cost == spoken((2, 1), (2, 0)).cost


def test_an_empty_reply_is_not_stored() -> None:
    history = spoken((1, 0))
    assert [m.role for m in history.messages] == ["user"]


def test_an_unanswered_user_message_stays_a_turn() -> None:
    assert len(spoken((1, 0), (1, 1)).turns()) == 2


def test_a_busy_engine_gives_the_user_message_back() -> None:
    assert spoken((1, 1), (2, 0)).take_back(2) == spoken((1, 1))


def test_a_blank_chat_prompt_makes_no_system_message() -> None:
    assert spoken((1, 0)).prompt_messages(" \n") == [("user", "w0")]
    assert spoken((1, 0)).prompt_messages("be kind")[0] == ("system", "be kind")


def test_dropping_the_oldest_turn_never_drops_the_only_one() -> None:
    assert spoken((1, 1), (2, 2)).without_oldest().messages == spoken((1, 1), (2, 2)).messages[2:]
    assert spoken((1, 1)).without_oldest() == spoken((1, 1))


# --- played


def told(text: str) -> History:
    return History().append(utterance(1, "hi", MEASURE)).append(reply(1, text, MEASURE))


@pytest.mark.parametrize(
    ("text", "chars", "stored"),
    [
        ("hello there you", 5, "hello"),
        ("hello there you", 6, "hello"),
        ("hello there you", 7, "hello t"),
        ("hello\nthere", 6, "hello\n"),
        ("\n\n- hello", 1, "\n"),
        ("👩‍🚀 ok", 1, "👩"),
        ("hello", 5, "hello"),
        ("hello ", 99, "hello "),
    ],
)
def test_played_cuts_the_reply_to_what_was_heard(text: str, chars: int, stored: str) -> None:
    history, known = told(text).played(1, chars, count)
    assert known
    assert history.messages[-1].text == stored
    assert history.messages[-1].cost == count(stored)
    assert history.messages[-1].interrupted == (chars < len(text))


@pytest.mark.parametrize("text", ["hello", "  hello"])
def test_played_nothing_removes_the_reply(text: str) -> None:
    history, known = told(text).played(1, len(text) - len(text.lstrip()), count)
    assert known
    assert [m.role for m in history.messages] == ["user"]


def test_played_of_an_unknown_turn_changes_nothing() -> None:
    history = spoken((1, 4), (1, 4))
    assert history.played(1, 1, count) == (history, False)
    assert history.played(7, 1, count) == (history, False)
    assert History().played(1, 1, count) == (History(), False)


def test_played_reaches_the_newest_reply_over_an_unanswered_turn() -> None:
    history, known = spoken((1, 2), (1, 0)).played(1, 2, count)
    assert known
    assert [m.text for m in history.messages] == ["w0", "w0", "w0"]


def test_played_of_a_newest_turn_without_reply_is_known() -> None:
    history = spoken((1, 2), (1, 0))
    assert history.played(2, 0, count) == (history, True)


# --- a conversation, any conversation


class Conversation(RuleBasedStateMachine):
    """Turns in any order of endings: between two trims a history only grows at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.history = History()
        self.turn = 0
        self.open = False

    @rule(tokens=st.integers(1, 60))
    def user_speaks(self, tokens: int) -> None:
        self.turn += 1
        self.open = True
        before = self.history
        after = before.append(utterance(self.turn, words(tokens), MEASURE))
        assert after.messages[:-1] == before.messages
        self.history = after.trimmed(Limits(100, 70), cut)
        assert self.history.cost <= 100
        assert self.history.messages[-1].turn == self.turn
        if self.history != after:
            assert self.history.cost <= 70

    @precondition(lambda self: self.open)
    @rule(tokens=st.integers(0, 20), interrupted=st.booleans())
    def reply_ends(self, tokens: int, interrupted: bool) -> None:
        self.open = False
        before = self.history.messages
        self.history = self.history.append(reply(self.turn, words(tokens), MEASURE, interrupted=interrupted))
        assert self.history.messages[: len(before)] == before

    @precondition(lambda self: self.open)
    @rule()
    def router_says_yes(self) -> None:
        before = self.history
        self.history = before.attach_prefix(self.turn, "LOOK:")
        assert self.history.messages[:-1] == before.messages[:-1]

    @precondition(lambda self: self.open)
    @rule()
    def engine_is_busy(self) -> None:
        self.open = False
        self.history = self.history.take_back(self.turn)
        assert all(m.turn != self.turn for m in self.history.messages)

    @rule(chars=st.integers(0, 80), back=st.integers(0, 2))
    def client_says_what_it_played(self, chars: int, back: int) -> None:
        before = self.history
        self.history, _ = before.played(self.turn - back, chars, count)
        replies = [m for m in before.messages if m.kind is Kind.REPLY]
        changed = [m for m in before.messages if m not in self.history.messages]
        assert changed in ([], replies[-1:])

    @invariant()
    def turns_stand_in_order(self) -> None:
        assert all(a.turn <= b.turn for a, b in pairwise(self.history.messages))

    @invariant()
    def a_turn_is_one_user_message_and_at_most_one_reply(self) -> None:
        for turn in self.history.turns():
            assert [m.role for m in turn] in (["user"], ["user", "assistant"])

    @invariant()
    def costs_are_those_of_the_texts(self) -> None:
        assert all(m.cost == count(m.text) + m.overhead for m in self.history.messages)


Conversation.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestConversation = Conversation.TestCase


def test_repr_shows_no_text() -> None:
    message = HistoryMessage(kind=Kind.REPLY, text="a secret", turn=1, cost=2, routing_text="a secret")
    assert "secret" not in repr(message)
