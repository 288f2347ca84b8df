"""Outputs of several steps at once: what a request gets of them is the same, in as few pieces as there can be."""

from hypothesis import given
from hypothesis import strategies as st

from actors.engine.actor import joined
from engines.base import Aborted, Delta, Finished, FinishReason, Output, Usage

TEXTS = st.builds(Delta, st.text(max_size=3), st.integers(1, 3), st.sampled_from([None, 4]))
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
        if texts:
            tokens = sum(delta.tokens for delta in texts)
            expected = [Delta("".join(delta.text for delta in texts), tokens, _cached(texts))]
        assert said == [*expected, *ends]
