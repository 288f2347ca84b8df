"""What the router reads of a history: its own text of each utterance, beside a chat and in tool mode."""

from actors.session.history import History
from actors.session.intake import analysis, import_tool, reply, routed, utterance
from tests.actors.session.word_tokens import MEASURE, count, routing, words

# --- the router's texts


def heard(budget: int, *texts: str) -> History:
    history = History()
    for number, text in enumerate(texts, start=1):
        history = history.append(utterance(number, text, MEASURE, routing(budget)))
    return history


def test_the_router_reads_the_newest_utterances_that_fit() -> None:
    assert heard(5, "one two", "three", "four five six").router_text(5) == "three\nfour five six"


def test_the_walk_ends_at_the_first_text_that_does_not_fit() -> None:
    assert heard(6, "a", "b c d e", "f g").router_text(6) == "f g"


def test_a_newest_text_over_the_budget_keeps_its_end() -> None:
    assert heard(3, "zero", "one two three four five").router_text(3) == "three four five"


def test_the_router_sees_neither_prefix_nor_analysis_nor_reply() -> None:
    history = heard(50, "look").attach_prefix(1, "CHECK:").append(reply(1, "ok", MEASURE))
    history = history.append(analysis(2, "a cat", "SCREEN:", MEASURE)).append(
        utterance(3, " and now ", MEASURE, routing(50))
    )
    assert history.router_text(50) == "look\nand now"


def test_the_router_gets_the_last_words_that_the_chat_cuts_off() -> None:
    message = utterance(1, words(600), MEASURE, routing(2))
    assert (message.routing_text, count(message.text)) == ("w598 w599", 500)


def test_newlines_that_cost_nothing_are_free() -> None:
    assert heard(4, "a b", "c d").router_text(4, newline_tokens=0) == "a b\nc d"


# --- tool mode


def test_tool_mode_drops_the_oldest_texts() -> None:
    history = History()
    for number, text in enumerate(["a b", "c", "d e f"], start=1):
        history = history.append(routed(number, text, routing(5))).router_trimmed(5)
    assert history.router_text(5) == "c\nd e f"
    assert len(history.messages) == 2


def test_tool_mode_keeps_the_end_of_a_single_text() -> None:
    history = History().append(routed(1, "one two three four five", routing(3))).router_trimmed(3)
    assert [m.text for m in history.messages] == ["three four five"]


def test_an_import_in_tool_mode_keeps_user_texts_only() -> None:
    items = [("assistant", "hello"), ("user", "a b"), ("assistant", "x"), ("user", "c"), ("user", "d")]
    done = import_tool(items, routing(3))
    assert [m.text for m in done.history.messages] == ["c\n\nd"]
    assert (done.input_messages, done.input_turns, done.retained_turns, done.trimmed) == (5, 3, 1, True)
    assert done.history_tokens == 2
