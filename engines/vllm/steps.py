"""The quick way: each step of the engine is handled in one pass, without a task or a queue per request.

`AsyncLLM` starts the engine and makes its requests; the outputs are taken where the client of the engine's process puts
them, one level below `AsyncLLM.generate`, and detokenised here. `internals` says on which names that rests.
"""

from collections.abc import Sequence
from typing import Any

from attrs import define, field

from engines.base import Delta, Failed, GenerationRequest, Output
from engines.detokenising import ReplyText, deltas
from engines.errors import EngineDead, TurnFailed
from engines.vllm.client import AGAIN_S, Client, Stream, ending
from engines.vllm.internals import Internals, StepTap

REMEMBERED = 1024
"""Aborted requests, newest first, whose late tokens are still told from what was never ours."""


@define(eq=False, kw_only=True)
class Reply(Stream):
    """One request with its text, and the rank that it counts for."""

    text: ReplyText
    rank: int | None = None


@define(eq=False)
class Steps(Client):
    """Requests over the client of the engine's process. `open` before the first one."""

    internals: Internals
    _live: dict[str, Reply] = field(factory=dict, init=False)
    _withdrawn: dict[str, None] = field(factory=dict, init=False)
    _tap: StepTap = field(init=False)

    @_tap.default
    def _make_tap(self) -> StepTap:
        return StepTap(self.internals.queue, self._take, self._broke)

    def open(self) -> None:
        """Take the engine's steps from now on."""
        self._tap.open()

    def close(self) -> None:
        """Leave them to the library again."""
        self._tap.close()

    def begin(self, request: GenerationRequest) -> None:
        """See `Client.begin`."""
        reply = self._live[request.id] = Reply(
            request=request, text=self.internals.detokeniser.begin(request.prompt_ids)
        )
        if self.ranks is not None:
            reply.rank = self.ranks.take(request.affinity)
        self.parts.spawn(self._send(reply))

    def abort(self, request_id: str) -> None:
        """See `Client.abort`."""
        reply = self._live.get(request_id)
        if reply is not None and not reply.aborted:
            reply.aborted = True
            self._withdrawn[request_id] = None
            if len(self._withdrawn) > REMEMBERED:
                del self._withdrawn[next(iter(self._withdrawn))]
            self.parts.spawn(self._withdraw(reply))

    def unfinished(self) -> int:
        """Requests of which neither an end nor the confirmation of an abort has come."""
        return len(self._live)

    def end(self, stream: Stream, end: Output) -> None:
        """See `Client.end`."""
        if self._forget(stream.request.id):
            self.parts.emit([(stream.request.id, end)])

    # To the engine: what is sent in one go arrives in that order

    async def _send(self, reply: Reply) -> None:
        if reply.aborted:
            # Its confirmation is on the way already.
            return
        placement = None if reply.rank is None else {"data_parallel_rank": reply.rank}
        try:
            await self.internals.core.add_request_async(self.internals.builder.build(reply.request, placement))
        except Exception as error:  # the door: whatever the library raises becomes one of our errors
            self.end(reply, Failed(self.parts.library.translate(error)))

    async def _withdraw(self, reply: Reply) -> None:
        while True:
            try:
                await self.internals.core.abort_requests_async([reply.request.id])
            except Exception:  # no end: told again, and if that never helps, whoever waits has a deadline
                await self.parts.pause(AGAIN_S)
            else:
                self.confirm(reply)
                return

    # From the engine

    def _take(self, step: Any) -> None:
        batch: list[tuple[str, Output]] = []
        for output in step.outputs:
            reply = self._live.get(output.request_id)
            if reply is None or reply.aborted:
                # It has ended, or waits for the confirmation of its abort, or was never ours.
                if output.new_token_ids and output.request_id in self._withdrawn:
                    batch.append((output.request_id, Delta("", len(output.new_token_ids))))
                continue
            try:
                self._read(reply, output, batch)
            except Exception as error:  # one reply's fault is not its neighbours'
                self._give_up(reply, error, batch)
        if batch:
            self.parts.emit(batch)

    def _read(self, reply: Reply, output: Any, batch: list[tuple[str, Output]]) -> None:
        # The ids of the reply are here and nowhere behind; whoever decides on ids decides here.
        ids, reason, name = output.new_token_ids, output.finish_reason, output.request_id
        if output.prefill_stats is not None:
            reply.cached_tokens = output.prefill_stats.num_cached_tokens
        if ids:
            reply.completion_tokens += len(ids)
            shown = ids if reason is None or reason != self.internals.stop else ids[:-1]
            if reply.request.controls.keys().isdisjoint(shown):
                batch.append((name, Delta(reply.text.push(shown), len(ids), reply.cached_tokens)))
            else:
                self._part(reply, shown, len(ids) - len(shown), batch)
        if reason is not None:
            self._forget(name)
            batch.append((name, self._ending(reply, output)))

    def _part(self, reply: Reply, shown: Sequence[int], uncounted: int, batch: list[tuple[str, Output]]) -> None:
        parts = deltas(shown, reply.text.push, reply.request.controls, uncounted, reply.cached_tokens)
        batch.extend((reply.request.id, part) for part in parts)

    def _ending(self, reply: Reply, output: Any) -> Output:
        told = getattr(output, "error", None)  # 0.33
        if told is not None:
            return Failed(self.parts.library.translate(told.to_exception()))
        return ending(reply, str(output.finish_reason))

    def _give_up(self, reply: Reply, error: Exception, batch: list[tuple[str, Output]]) -> None:
        # The error's own text may quote the reply.
        if self._forget(reply.request.id):
            end = Failed(TurnFailed(f"an output of vLLM could not be read: {type(error).__name__}"))
            batch.append((reply.request.id, end))
            self.parts.spawn(self._withdraw(reply))

    def _broke(self, error: BaseException) -> None:
        """The library reads no more steps: the engine's process has died, or sends what nobody understands."""
        told = self.parts.library.translate(error)
        dead = told if isinstance(told, EngineDead) else EngineDead(f"vLLM's outputs cannot be read any more: {told}")
        for reply in tuple(self._live.values()):
            self.end(reply, Failed(dead))

    def _forget(self, request_id: str) -> bool:
        reply = self._live.pop(request_id, None)
        if reply is not None and reply.rank is not None and self.ranks is not None:
            self.ranks.give_back(reply.rank)
        return reply is not None


__all__ = ["Steps"]
