"""CUDA graphs of the tool model: on a GPU a short text is a few hundred small kernels, and launching them one by one
takes longer than computing them, with the interpreter held meanwhile. A graph launches them all at once.

A graph is of one shape: a batch is put into the smallest that holds it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field

Rows = Mapping[str, Sequence[Sequence[int]]]
"""By name, the ids of each text, all padded to one width."""
Compute = Callable[[Mapping[str, Any]], Any]
"""Tensors (texts, tokens) of ids by name to a tensor (texts,) of probabilities."""
Record = Callable[[Callable[[], Any]], tuple[Callable[[], None], Any]]
"""Records a call that takes and gives tensors of fixed places; what repeats it, and the tensor that it gives."""

ALIKE = 0.1
"""How far the log-odds of a graph may be from the network's own on the same texts: at one half, 0.025 of probability.
Both run the same kernels; in half precision log-odds of 8 are rounded to 0.008."""
_SURE = 1e-6
_MAX_WORDS = 200


@define(eq=False)
class _Graph:
    ids: Any
    replay: Callable[[], None]
    found: Any


@define(eq=False, kw_only=True)
class Graphs:
    """The graphs of one network. `names`: the tensors that it takes, in the order of their places."""

    torch: Any = field(repr=False)
    device: Any
    names: tuple[str, ...]
    _held: dict[tuple[int, int], _Graph] = field(factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self._held)

    def shape(self, texts: int, width: int) -> tuple[int, int] | None:
        """The graph that holds so many texts of so many tokens at the least cost, None if none does."""
        fitting = [shape for shape in self._held if shape[0] >= texts and shape[1] >= width]
        return min(fitting, key=lambda shape: shape[0] * shape[1], default=None)

    def run(self, shape: tuple[int, int], rows: Rows) -> list[float]:
        """The probability of each text; `rows` are as wide as the shape."""
        graph = self._held[shape]
        texts = len(rows[self.names[0]])
        with self.torch.inference_mode():
            graph.ids.copy_(self._stacked(rows, shape[0]))
            graph.replay()
            return [float(probability) for probability in graph.found[:texts].tolist()]

    def add(
        self,
        shapes: Sequence[tuple[int, int]],
        samples: Callable[[int], Sequence[Mapping[str, Sequence[int]]]],
        compute: Compute,
        record: Record,
    ) -> list[str]:
        """Record and try these shapes, smallest first. `samples`: the ids of a few unlike texts, padded to a width.

        If one of them cannot be recorded, or says something else than the network, there are none at all, and the
        sentence for the log that is returned says why: what was recorded before it would only keep memory from it.
        """
        for shape in sorted(shapes, key=lambda each: each[0] * each[1]):
            try:
                reason = self._try(shape, samples(shape[1]), compute, record)
            except Exception as error:  # whatever the driver, the library or a model's own code raises
                reason = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"[:_MAX_WORDS]
            if reason is not None:
                self._held.clear()
                return [f"the tool model runs without CUDA graphs; the one of {shape[0]} x {shape[1]} tokens: {reason}"]
        return []

    def _try(
        self, shape: tuple[int, int], samples: Sequence[Mapping[str, Sequence[int]]], compute: Compute, record: Record
    ) -> str | None:
        # Recorded on other texts than it is tried on, or a graph that does nothing would pass.
        recorded, tried = (
            {name: [samples[(first + row) % len(samples)][name] for row in range(shape[0])] for name in self.names}
            for first in (0, 1)
        )
        with self.torch.inference_mode():
            ids = self._stacked(recorded, shape[0]).to(self.device)
            inputs = dict(zip(self.names, ids, strict=True))
            replay, found = record(lambda: compute(inputs))
            self._held[shape] = _Graph(ids, replay, found)
            wanted = compute(dict(zip(self.names, self._stacked(tried, shape[0]).to(self.device), strict=True)))
        pairs = list(zip(self.run(shape, tried), map(float, wanted.tolist()), strict=True))
        one, other = max(pairs, key=lambda pair: _apart(*pair))
        return None if _apart(one, other) <= ALIKE else f"it says {one:.3f} where the network says {other:.3f}"

    def _stacked(self, rows: Rows, texts: int) -> Any:
        # The places that are left are another copy of the first text: nothing that could end in no number.
        return self.torch.tensor(
            [[*rows[name], *[rows[name][0]] * (texts - len(rows[name]))] for name in self.names], dtype=self.torch.long
        )


def shapes(most: int, longest: int) -> list[tuple[int, int]]:
    """Shapes for batches of up to `most` texts of up to `longest` tokens: each next one is at most twice as large."""
    sizes = sorted({min(most, 1 << power) for power in range(most.bit_length() + 1)})
    widths = sorted({min(longest, 16 << power) for power in range(longest.bit_length())})
    return [(size, width) for size in sizes for width in widths]


def cuda_recorder(torch: Any, device: Any) -> Record:
    """Records on a CUDA device. All graphs share one pool of memory, which takes one stream: one runs at a time."""
    pool, aside = torch.cuda.graph_pool_handle(), torch.cuda.Stream(device)

    def record(call: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        current = torch.cuda.current_stream(device)
        with torch.cuda.device(device), torch.cuda.stream(current):  # a failed capture does not put the stream back
            aside.wait_stream(current)
            with torch.cuda.stream(aside):
                for _ in range(2):  # libraries set themselves up in the first calls, which no graph may hold
                    call()
            current.wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=pool, stream=aside, capture_error_mode="thread_local"):
                found = call()
        return graph.replay, found

    return record


def _apart(one: float, other: float) -> float:
    """The distance of two probabilities in log-odds; infinite if one is no number."""
    distance = abs(_log_odds(one) - _log_odds(other))
    return distance if math.isfinite(distance) else math.inf


def _log_odds(probability: float) -> float:
    if not 0.0 <= probability <= 1.0:
        return math.inf if math.isnan(probability) else math.copysign(math.inf, probability)
    kept = min(max(probability, _SURE), 1 - _SURE)
    return math.log(kept / (1 - kept))


__all__ = ["ALIKE", "Compute", "Graphs", "Record", "Rows", "cuda_recorder", "shapes"]
