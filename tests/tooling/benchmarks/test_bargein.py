"""What the watched server notes of a turn that is stopped."""

from engines.base import Aborted, Delta, Finished, FinishReason, GenerationRequest, Sampling, Usage
from tooling.benchmarks.bargein.watched import Watch

CANCEL = '{"type":"cancel"}'


def request(name: str, session: int) -> GenerationRequest:
    return GenerationRequest(id=name, prompt_ids=[1], sampling=Sampling(), max_tokens=9, affinity=session)


def test_tokens_made_between_the_frame_and_the_confirmation_are_counted() -> None:
    watch = Watch()
    watch.submitted(request("a", 1))
    watch.submitted(request("b", 2))
    watch.step([("a", Delta("x", 1)), ("b", Delta("x", 1))])
    watch.read(1, CANCEL)
    watch.step([("a", Delta("x", 1)), ("b", Delta("x", 1))])
    watch.aborted("a")
    watch.step([("a", Aborted()), ("b", Delta("x", 1))])
    assert watch.samples.tokens == [1]
    assert len(watch.samples.told_ms) == 1


def test_a_turn_that_nobody_stopped_makes_no_sample() -> None:
    watch = Watch()
    watch.submitted(request("a", 1))
    watch.read(1, '{"type":"ping"}')
    watch.read(2, CANCEL)
    watch.step([("a", Delta("x", 1)), ("a", Finished(FinishReason.STOP, Usage()))])
    watch.read(1, CANCEL)
    assert not watch.samples.tokens
    assert not watch.samples.told_ms
