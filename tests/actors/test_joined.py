"""Outputs of several steps at once: what a request gets of them is the same, in as few pieces as there can be."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from actors.engine.actor import joined
from engines.base import Aborted, Control, Delta, Finished, FinishReason, Output, Usage

PIECES = st.one_of(st.text(max_size=3), st.text(max_size=3).map(Control))
TEXTS = st.builds(Delta, PIECES, st.integers(1, 3), st.sampled_from([None, 4]))
ENDS = st.sampled_from([Aborted(), Finished(FinishReason.STOP, Usage(1, 2, 3))])
LIVES = st.tuples(st.lists(TEXTS, max_size=4), st.lists(ENDS, max_size=1))


def _cached(deltas: list[Delta]) -> int | None:
    return next((delta.cached_tokens for delta in deltas if delta.cached_tokens is not None), None)


@given(st.lists(LIVES, max_size=4), st.data())
def test_every_request_gets_all_its_text_once_and_its_end_last(
    lives: list[tuple[list[Delta], list[Output]]], data: st.DataObject
) -> None:
    queues: dict[str, list[Output]] = {str(at): [*texts, *ends] for at, (texts, ends) in enumerate(lives)}
    outputs: list[tuple[str, Output]] = []
    while any(queues.values()):
        name = data.draw(st.sampled_from([name for name, queue in queues.items() if queue]))
        outputs.append((name, queues[name].pop(0)))
    whole = joined(outputs)
    for at, (texts, ends) in enumerate(lives):
        said = [output for name, output in whole if name == str(at)]
        expected: list[Output] = []
        for is_control, run in groupby(texts, lambda delta: isinstance(delta.text, Control)):
            deltas = list(run)
            tokens = sum(delta.tokens for delta in deltas)
            joined_text = Delta("".join(delta.text for delta in deltas), tokens, _cached(deltas))
            expected += deltas if is_control else [joined_text]
        assert said == [*expected, *ends]
        assert [type(output.text) for output in said if isinstance(output, Delta)] == [
            type(output.text) for output in expected if isinstance(output, Delta)
        ]
