"""Which requests are open, seen from trio: each ends once, and after an abort only its confirmation is passed on."""

from collections.abc import Iterable, Sequence

from attrs import define, field

from engines.base import Aborted, Delta, Failed, Output
from engines.errors import EngineDead, EngineError

Batch = list[tuple[str, Output]]


@define(eq=False)
class Ledger:
    """Open requests, and whether their abort was asked for."""

    _open: dict[str, bool] = field(factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._open)

    def add(self, request_id: str) -> None:
        """A request was submitted. Raises ValueError if its id is in use."""
        if request_id in self._open:
            raise ValueError(f"request id {request_id!r} is in use")
        self._open[request_id] = False

    def abort(self, request_id: str) -> bool:
        """Whether this is the first abort of an open request, which is the one to pass on."""
        first = self._open.get(request_id) is False
        if first:
            self._open[request_id] = True
        return first

    def sift(self, batch: Iterable[tuple[str, Output]]) -> Batch:
        """What of an engine step is passed on; closes the requests that end in it."""
        passed: Batch = []
        for request_id, output in batch:
            aborting = self._open.get(request_id)
            if isinstance(output, Delta):
                wasted = aborting is None or aborting
                passed.append((request_id, Delta("", output.tokens) if wasted else output))
                continue
            if aborting is None:
                # Late output of a request that was failed here.
                continue
            del self._open[request_id]
            # A generation that ended by itself while its abort was on the way is as gone as the abort wants it.
            passed.append((request_id, Aborted() if aborting and death_in(output) is None else output))
        return passed

    def fail_all(self, error: EngineError) -> Batch:
        """Close everything that is open, as failed."""
        failed: Batch = [(request_id, Failed(error)) for request_id in self._open]
        self._open.clear()
        return failed


def death_in(output: Output) -> EngineDead | None:
    """The engine's death, if this output tells of it."""
    error = output.error if isinstance(output, Failed) else None
    return error if isinstance(error, EngineDead) else None


def first_death(batch: Sequence[tuple[str, Output]]) -> EngineDead | None:
    """The first death that a batch tells of."""
    return next(filter(None, (death_in(output) for _, output in batch)), None)


__all__ = ["Batch", "Ledger", "death_in", "first_death"]
