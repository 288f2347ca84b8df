"""The one judge of a turn's end: every combination, whatever else is known."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.session.events import Ending, TurnEnded
from actors.session.verdict import End, Verdict, judge

# What the task reports; then the verdict if nothing else is known, with a stop string, with all tokens here, with both.
DONE_STOP, DONE_LENGTH = Verdict(End.DONE, "stop"), Verdict(End.DONE, "length")
TIMED_OUT, FAILED = Verdict(End.TIMED_OUT, "generation_timeout"), Verdict(End.FAILED, "worker is gone")
REFUSED = Verdict(End.REFUSED, "invalid_user_utterance")
BUSY, TOOL = Verdict(End.BUSY, "engine_queue_full"), Verdict(End.DONE, "tool")
GRID = {
    (Ending.COMPLETED, "tool"): (TOOL, TOOL, TOOL, TOOL),
    (Ending.COMPLETED, "stop"): (DONE_STOP, DONE_STOP, DONE_STOP, DONE_STOP),
    (Ending.COMPLETED, "length"): (DONE_LENGTH, DONE_STOP, DONE_LENGTH, DONE_STOP),
    (Ending.BUSY, "engine_queue_full"): (BUSY, BUSY, BUSY, BUSY),
    (Ending.REFUSED, "invalid_user_utterance"): (REFUSED, REFUSED, REFUSED, REFUSED),
    (Ending.TIMED_OUT, "generation_timeout"): (TIMED_OUT, DONE_STOP, DONE_LENGTH, DONE_STOP),
    (Ending.FAILED, "worker is gone"): (FAILED, DONE_STOP, DONE_LENGTH, DONE_STOP),
}


@pytest.mark.parametrize(("how", "detail"), GRID)
@pytest.mark.parametrize("at", range(4))
def test_the_judge_knows_every_end(how: Ending, detail: str, at: int) -> None:
    exhausted, stopped = divmod(at, 2)
    verdict = judge(TurnEnded(turn=1, how=how, detail=detail), stopped=bool(stopped), exhausted=bool(exhausted))
    assert verdict == GRID[how, detail][at]


@pytest.mark.parametrize(("stopped", "exhausted"), list(itertools.product([False, True], repeat=2)))
def test_a_turn_that_somebody_stopped_is_not_judged(stopped: bool, exhausted: bool) -> None:
    with pytest.raises(AssertionError, match="by nobody"):
        judge(TurnEnded(turn=1, how=Ending.CANCELLED), stopped=stopped, exhausted=exhausted)


ENDS = st.builds(
    TurnEnded,
    turn=st.integers(1),
    how=st.sampled_from([how for how in Ending if how is not Ending.CANCELLED]),
    detail=st.sampled_from(["stop", "length", "tool", "engine_unavailable", "generation_timeout", "", "oh"]),
)


@given(ENDS, st.booleans(), st.booleans(), st.text(max_size=3))
def test_an_end_is_done_only_with_something_said(ended: TurnEnded, stopped: bool, exhausted: bool, text: str) -> None:
    verdict = judge(ended, stopped=stopped, exhausted=exhausted).with_text(text)
    assert (verdict.end is not End.DONE) or bool(text) or verdict.reason == "tool"
    assert (verdict.end is not End.EMPTY) or not text


@given(ENDS, st.booleans(), st.text(max_size=3))
def test_a_reply_with_a_stop_string_is_complete_whatever_the_engine_does_next(
    ended: TurnEnded, exhausted: bool, text: str
) -> None:
    verdict = judge(ended, stopped=True, exhausted=exhausted).with_text(text)
    if ended.how not in (Ending.BUSY, Ending.REFUSED) and ended.detail != "tool":
        assert verdict == Verdict(End.DONE if text else End.EMPTY, "stop")


@given(ENDS, st.booleans())
def test_more_knowledge_never_turns_a_complete_reply_into_an_error(ended: TurnEnded, exhausted: bool) -> None:
    if judge(ended, stopped=False, exhausted=exhausted).end is End.DONE:
        assert judge(ended, stopped=True, exhausted=exhausted).end is End.DONE
        assert judge(ended, stopped=False, exhausted=True).end is End.DONE
