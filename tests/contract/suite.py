"""What every engine must do, as checks on an opened one; each engine's tests run them all."""

import itertools
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

import trio
from attrs import define, field

from engines.base import (
    Aborted,
    Delta,
    Engine,
    EngineInfo,
    Failed,
    Finished,
    FinishReason,
    GenerationRequest,
    Output,
    Sampling,
)
from engines.errors import EngineDead

# Longer than any step of a test engine, shorter than anybody's patience (seconds).
PATIENCE_S = 30.0

GREEDY = Sampling(temperature=0.0)


@define(eq=False)
class Recorder:
    """Collects what an engine delivers, per request id."""

    outputs: dict[str, list[Output]] = field(factory=lambda: defaultdict(list))
    batches: list[int] = field(factory=list)
    _changed: trio.Event = field(factory=trio.Event)

    def deliver(self, batch: Sequence[tuple[str, Output]]) -> None:
        """The engine's `deliver`."""
        self.batches.append(len(batch))
        for request_id, output in batch:
            self.outputs[request_id].append(output)
        self._changed.set()
        self._changed = trio.Event()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for outputs until a condition on them holds."""
        with trio.fail_after(PATIENCE_S):
            while not holds():
                await self._changed.wait()

    async def end(self, request_id: str) -> Output:
        """The end of a request, waited for."""
        await self.until(lambda: bool(self.ends(request_id)))
        return self.ends(request_id)[0]

    def ends(self, request_id: str) -> list[Output]:
        """Every end of a request so far; more than one is a fault."""
        return [output for output in self.outputs[request_id] if not isinstance(output, Delta)]

    def deltas(self, request_id: str) -> list[Delta]:
        """The deltas of a request so far."""
        return [output for output in self.outputs[request_id] if isinstance(output, Delta)]

    def text(self, request_id: str) -> str:
        """The text of a request so far."""
        return "".join(delta.text for delta in self.deltas(request_id))


@define(eq=False)
class Opened:
    """An opened engine under test. `prompt_ids`: a prompt it takes. `all_ids`: its whole vocabulary."""

    engine: Engine
    info: EngineInfo
    recorder: Recorder
    prompt_ids: Sequence[int]
    all_ids: Sequence[int]
    _numbers: Iterator[int] = field(factory=itertools.count)

    def submit(
        self,
        max_tokens: int = 8,
        *,
        prompt_ids: Sequence[int] | None = None,
        sampling: Sampling = GREEDY,
        stop_token_ids: Sequence[int] = (),
        controls: Mapping[int, str] | None = None,
        seed: int = 7,
    ) -> str:
        """Submit a request; returns its id."""
        request_id = f"check-{next(self._numbers)}"
        self.engine.submit(
            GenerationRequest(
                id=request_id,
                prompt_ids=self.prompt_ids if prompt_ids is None else prompt_ids,
                sampling=sampling,
                max_tokens=max_tokens,
                stop_token_ids=stop_token_ids,
                controls=controls or {},
                seed=seed,
            )
        )
        return request_id

    def longest(self) -> int:
        """As many new tokens as fit behind the prompt."""
        return self.info.max_model_len - len(self.prompt_ids) - 1


Check = Callable[[Opened], Awaitable[None]]


async def a_request_streams_and_ends_once_with_true_counts(opened: Opened) -> None:
    """Deltas add up to the usage of the one end."""
    request_id = opened.submit(12)
    end = await opened.recorder.end(request_id)
    assert isinstance(end, Finished), end
    assert end.usage.prompt_tokens == len(opened.prompt_ids)
    assert end.usage.completion_tokens == sum(delta.tokens for delta in opened.recorder.deltas(request_id))
    assert 1 <= end.usage.completion_tokens <= 12
    assert (end.reason is FinishReason.LENGTH) == (end.usage.completion_tokens == 12)
    await trio.sleep(0.1)
    assert len(opened.recorder.ends(request_id)) == 1
    assert opened.recorder.outputs[request_id][-1] is end


async def a_hand_over_is_short_with_and_without_requests(opened: Opened) -> None:
    """The router waits for it, so it must neither take long nor hang."""
    with trio.fail_after(5):
        await opened.engine.handed_over()
        request_id = opened.submit()
        await opened.engine.handed_over()
    await opened.recorder.end(request_id)
    await opened.engine.handed_over()


async def two_requests_run_at_once(opened: Opened) -> None:
    """Neither waits for the other to end."""
    ids = [opened.submit(opened.longest()) for _ in range(2)]
    await opened.recorder.until(lambda: all(opened.recorder.deltas(request_id) for request_id in ids))
    for request_id in ids:
        opened.engine.abort(request_id)
    for request_id in ids:
        assert isinstance(await opened.recorder.end(request_id), Aborted | Finished)


async def a_running_request_is_aborted_and_silent_from_then_on(opened: Opened) -> None:
    """After `abort` returns, the confirmation is the only thing delivered."""
    request_id = opened.submit(opened.longest())
    await opened.recorder.until(lambda: bool(opened.recorder.deltas(request_id)))
    seen = len(opened.recorder.outputs[request_id])
    opened.engine.abort(request_id)
    assert isinstance(await opened.recorder.end(request_id), Aborted)
    await trio.sleep(0.1)
    assert _heard(opened.recorder.outputs[request_id][seen:]) == [Aborted()]


async def a_request_aborted_in_the_turn_of_its_submission_says_nothing(opened: Opened) -> None:
    """Also before the engine has seen it."""
    request_id = opened.submit(opened.longest())
    opened.engine.abort(request_id)
    await opened.recorder.end(request_id)
    await trio.sleep(0.1)
    assert _heard(opened.recorder.outputs[request_id]) == [Aborted()]


async def a_queued_request_is_aborted(opened: Opened) -> None:
    """One that waits behind a full engine ends at once, and the running ones go on."""
    running = [opened.submit(opened.longest()) for _ in range(opened.info.max_running)]
    queued = opened.submit(opened.longest())
    await opened.recorder.until(lambda: bool(opened.recorder.deltas(running[0])))
    opened.engine.abort(queued)
    await opened.recorder.end(queued)
    assert _heard(opened.recorder.outputs[queued]) == [Aborted()]
    for request_id in running:
        opened.engine.abort(request_id)
        await opened.recorder.end(request_id)


async def aborts_of_unknown_and_ended_requests_are_ignored(opened: Opened) -> None:
    """They deliver nothing and disturb nobody."""
    request_id = opened.submit(2)
    await opened.recorder.end(request_id)
    opened.engine.abort(request_id)
    opened.engine.abort("never-submitted")
    other = opened.submit(2)
    assert isinstance(await opened.recorder.end(other), Finished)
    assert len(opened.recorder.ends(request_id)) == 1
    assert "never-submitted" not in opened.recorder.outputs


async def an_abort_storm_leaves_nothing_behind(opened: Opened) -> None:
    """Four times as many requests as run at once, aborted in all stages; each ends once, none remains."""
    ids = []
    for number in range(opened.info.max_running * 4):
        ids.append(opened.submit(opened.longest()))
        if number % 3 == 0:
            await trio.sleep(0.001)
        if number % 2 == 0:
            opened.engine.abort(ids[number // 2])
            opened.engine.abort(ids[number])
    for request_id in ids:
        opened.engine.abort(request_id)
        opened.engine.abort(request_id)
    for request_id in ids:
        await opened.recorder.end(request_id)
        assert len(opened.recorder.ends(request_id)) == 1
    assert await opened.engine.unfinished() in (0, None)


async def a_stop_token_ends_the_reply_and_is_not_part_of_it(opened: Opened) -> None:
    """With every token a stop token, the first one ends it; also where it is the only one that is allowed."""
    for allowed in (8, 1):
        request_id = opened.submit(allowed, stop_token_ids=opened.all_ids)
        end = await opened.recorder.end(request_id)
        assert isinstance(end, Finished), end
        assert end.reason is FinishReason.STOP
        assert opened.recorder.text(request_id) == ""
        assert end.usage.completion_tokens == 1


async def a_prompt_that_does_not_fit_fails_alone(opened: Opened) -> None:
    """Its neighbour and the engine go on."""
    neighbour = opened.submit(8)
    long = opened.submit(8, prompt_ids=[*opened.prompt_ids] * opened.info.max_model_len)
    end = await opened.recorder.end(long)
    assert isinstance(end, Failed), end
    assert not isinstance(end.error, EngineDead)
    assert isinstance(await opened.recorder.end(neighbour), Finished)


async def greedy_replies_repeat(opened: Opened) -> None:
    """Temperature 0 gives the same text again."""
    ids = [opened.submit(16)]
    await opened.recorder.end(ids[0])
    ids.append(opened.submit(16))
    await opened.recorder.end(ids[1])
    assert opened.recorder.text(ids[0]) == opened.recorder.text(ids[1])


async def a_reset_of_the_prefix_cache_says_whether_it_happened(opened: Opened) -> None:
    """Never while a request runs."""
    request_id = opened.submit(opened.longest())
    await opened.recorder.until(lambda: bool(opened.recorder.deltas(request_id)))
    assert await opened.engine.reset_prefix_cache() is False
    opened.engine.abort(request_id)
    await opened.recorder.end(request_id)
    assert isinstance(await opened.engine.reset_prefix_cache(), bool)


def _heard(outputs: Sequence[Output]) -> list[Output]:
    """Without what is only counted: tokens that were generated after an abort."""
    return [output for output in outputs if not (isinstance(output, Delta) and not output.text)]


CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        a_request_streams_and_ends_once_with_true_counts,
        a_hand_over_is_short_with_and_without_requests,
        two_requests_run_at_once,
        a_running_request_is_aborted_and_silent_from_then_on,
        a_request_aborted_in_the_turn_of_its_submission_says_nothing,
        a_queued_request_is_aborted,
        aborts_of_unknown_and_ended_requests_are_ignored,
        an_abort_storm_leaves_nothing_behind,
        a_stop_token_ends_the_reply_and_is_not_part_of_it,
        a_prompt_that_does_not_fit_fails_alone,
        greedy_replies_repeat,
        a_reset_of_the_prefix_cache_says_whether_it_happened,
    )
}

__all__ = ["CHECKS", "GREEDY", "PATIENCE_S", "Check", "Opened", "Recorder"]
