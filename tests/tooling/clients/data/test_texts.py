"""Every figure of what the clients say: counts, lengths, where the facts stand."""

import re
from pathlib import Path

import pytest

from tooling.clients.data.conversation import Conversation, load_conversation
from tooling.clients.data.expected import says_any
from tooling.clients.data.messages import message
from tooling.clients.data.vision import Vision, load_vision
from tooling.clients.data.warm_history import WarmHistory, load_warm_history
from tooling.clients.failures import UsageProblem

TURNS, ASKING_BACK = 10, 3
MESSAGES, CHARACTERS = 70, range(14_500, 15_501)
FIRST_FIFTH, MIDDLE_FIFTH, LAST_FIFTH = range(14), range(28, 42), range(56, 70)
ANALYSIS_CHARACTERS = range(80, 301)
WORDS_OF_A_LONG_STORY = 400


@pytest.fixture(scope="module")
def conversation() -> Conversation:
    """The script."""
    return load_conversation()


@pytest.fixture(scope="module")
def history() -> WarmHistory:
    """The warm history."""
    return load_warm_history()


@pytest.fixture(scope="module")
def vision() -> Vision:
    """The looks at a screen."""
    return load_vision()


def test_the_script_has_ten_turns_and_asks_back_in_the_last_three(conversation: Conversation) -> None:
    assert len(conversation.turns) == TURNS
    assert [bool(turn.expect_any) for turn in conversation.turns] == [False] * 7 + [True] * ASKING_BACK


def test_each_of_the_first_three_turns_is_asked_for_and_said_nowhere_else(conversation: Conversation) -> None:
    told = []
    for asking in conversation.turns[-ASKING_BACK:]:
        for word in asking.expect_any:
            told.append([place for place, turn in enumerate(conversation.turns) if says_any(turn.text, [word])])
    assert sorted(told) == [[0], [1], [2]]


def test_the_warm_history_is_seventy_messages_in_turn(history: WarmHistory) -> None:
    assert [one["role"] for one in history.messages] == ["user", "assistant"] * (MESSAGES // 2)
    assert all(set(one) == {"role", "content"} for one in history.messages)
    assert sum(len(one["content"]) for one in history.messages) in CHARACTERS
    assert len({one["content"] for one in history.messages}) == MESSAGES


def test_recall_asks_for_all_parts_of_the_history(history: WarmHistory) -> None:
    indices = [question.message_index for question in history.questions]
    fifths = [sum(index in fifth for index in indices) for fifth in (FIRST_FIFTH, MIDDLE_FIFTH, LAST_FIFTH)]
    assert fifths == [2, 3, 3]
    assert len(set(indices)) == len(indices) == 8


def test_each_fact_is_in_its_message_and_nowhere_else(history: WarmHistory) -> None:
    """Nor in a question: so it is recalled, not guessed, and a trimmed message is a trimmed fact."""
    said = [one["content"] for one in history.messages]
    questions = [question.text for question in history.questions]
    for question in history.questions:
        assert question.expect_any
        for word in question.expect_any:
            holding = [index for index, text in enumerate(said) if says_any(text, [word])]
            assert holding == [question.message_index], word
            assert not any(says_any(text, [word]) for text in questions), word


def test_three_looks_at_a_screen_with_what_was_seen(vision: Vision) -> None:
    assert len(set(vision.requests)) == len(set(vision.analyses)) == 3
    assert all(re.search(r"\b(my|the|a) screen|[Ll]ook at", request) for request in vision.requests)
    assert all(len(analysis) in ANALYSIS_CHARACTERS for analysis in vision.analyses)


def test_the_long_story_is_long_enough_to_be_cancelled() -> None:
    asked = re.search(r"at least (\d+) words", message("long_story"))
    assert asked is not None
    assert int(asked[1]) >= WORDS_OF_A_LONG_STORY


def test_the_fixed_messages_are_there_each_on_one_line() -> None:
    texts = [message(name) for name in ("greeting", "opener", "bench", "long_story")]
    assert len(set(texts)) == 4
    assert all(text and "\n" not in text for text in texts)
    with pytest.raises(UsageProblem, match=r"^messages\.toml: farewell must be a text"):
        message("farewell")


@pytest.mark.parametrize(
    ("text", "said"),
    [("No HAZELNUTS, please!", True), ("hazelnut-free", True), ("witch-hazel nuts", False), ("xhazelnut", False)],
)
def test_an_expected_word_begins_a_word_in_any_case(text: str, said: bool) -> None:
    assert says_any(text, ["almond", "hazelnut"]) is said


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "needs tables [[exchanges]]"),
        ("exchanges = 3", "needs tables [[exchanges]]"),
        ('[[exchanges]]\nuser = "a"', "exchange 1: assistant must be a text"),
        ('[[exchanges]]\nuser = "a"\nassistant = "b"', "needs tables [[questions]]"),
        ('[[exchanges]]\nuser = "a"\nassistant = "b"\n[[questions]]\nmessage = 2', "question 1: message must be a"),
        (
            '[[exchanges]]\nuser = "a"\nassistant = "b"\n[[questions]]\nmessage = 1\ntext = "c"\nexpect_any = "d"',
            "question 1: expect_any must be a list of texts",
        ),
    ],
)
def test_a_history_that_is_not_whole_is_told_by_file_and_place(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content, "utf-8")
    with pytest.raises(UsageProblem) as raised:
        load_warm_history(path)
    assert str(raised.value).startswith("mine.toml: ")
    assert complaint in str(raised.value)


def test_a_script_and_looks_that_are_not_whole_are_told_as_well(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    with pytest.raises(UsageProblem, match=r"^mine\.toml: cannot be read \(No such file or directory\)$"):
        load_conversation(path)
    path.write_text('[[turns]]\ntext = "a"\n[[turns]]\ntext = ""\n[[looks]]\nrequest = "a"\n', "utf-8")
    with pytest.raises(UsageProblem, match=r"^mine\.toml: turn 2: text is empty$"):
        load_conversation(path)
    with pytest.raises(UsageProblem, match=r"^mine\.toml: look 1: analysis must be a text"):
        load_vision(path)
