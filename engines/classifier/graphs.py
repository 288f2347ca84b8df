"""CUDA graphs of the tool model: on a GPU a short text is a few hundred small kernels, and launching them one by one
takes longer than computing them, with the interpreter held meanwhile. A graph launches them all at once.

A graph is of one shape: a batch is put into the smallest that holds it. What cannot be captured stays as it was.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field

Compute = Callable[[Mapping[str, Any]], Any]
"""Tensors (texts, tokens) of ids by name to a tensor (texts,) of probabilities."""
Capture = Callable[[Callable[[], Any]], tuple[Callable[[], None], Any]]
"""Records a call that takes and gives tensors of fixed places; what repeats it, and the tensor that it gives."""

ALIKE = 0.02
"""How far a probability may be from the eager one: the kernels of another shape round otherwise, in half precision."""
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
    compute: Compute = field(repr=False)
    capture: Capture = field(repr=False)
    _held: dict[tuple[int, int], _Graph] = field(factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self._held)

    def shape(self, texts: int, width: int) -> tuple[int, int] | None:
        """The graph that holds so many texts of so many tokens at the least cost, None if none does."""
        fitting = [shape for shape in self._held if shape[0] >= texts and shape[1] >= width]
        return min(fitting, key=lambda shape: shape[0] * shape[1], default=None)

    def run(self, shape: tuple[int, int], rows: Mapping[str, Sequence[Sequence[int]]]) -> list[float]:
        """The probability of each text. `rows`: by name, ids of each text, padded to the shape's width."""
        graph = self._held[shape]
        texts = len(rows[self.names[0]])
        # The places that are left are another copy of the first text: nothing that could end in no number.
        stacked = [[*rows[name], *[rows[name][0]] * (shape[0] - texts)] for name in self.names]
        with self.torch.inference_mode():
            graph.ids.copy_(self.torch.tensor(stacked))
            graph.replay()
            return [float(probability) for probability in graph.found[:texts].tolist()]

    def add(self, shapes: Sequence[tuple[int, int]], sample: Callable[[int], Mapping[str, Sequence[int]]]) -> list[str]:
        """Capture and try these shapes, smallest first. `sample`: ids of a text of some width, by name.

        Returns a sentence for the log if one of them cannot be: it and what is larger than it run without.
        """
        for shape in sorted(shapes, key=lambda each: each[0] * each[1]):
            rows = {name: [list(ids)] * shape[0] for name, ids in sample(shape[1]).items()}
            try:
                self._hold(shape)
                replayed, eager = self.run(shape, rows), self._eagerly(rows)
            except Exception as error:  # whatever the driver, the library or a model's own code raises
                self._held.pop(shape, None)
                first = next(iter(str(error).splitlines()), "")
                return [_sentence(shape, f"{type(error).__name__}: {first}"[:_MAX_WORDS])]
            if not all(abs(one - other) <= ALIKE for one, other in zip(replayed, eager, strict=True)):
                self._held.clear()
                return [_sentence(shape, f"it says {replayed[0]:.3f} where the network says {eager[0]:.3f}")]
        return []

    def _hold(self, shape: tuple[int, int]) -> None:
        torch = self.torch
        with torch.inference_mode():
            ids = torch.ones((len(self.names), *shape), dtype=torch.long, device=self.device)
            inputs = dict(zip(self.names, ids, strict=True))
            replay, found = self.capture(lambda: self.compute(inputs))
        self._held[shape] = _Graph(ids, replay, found)

    def _eagerly(self, rows: Mapping[str, Sequence[Sequence[int]]]) -> list[float]:
        inputs = {name: self.torch.tensor(values, device=self.device) for name, values in rows.items()}
        with self.torch.inference_mode():
            return [float(probability) for probability in self.compute(inputs).tolist()]


def shapes(most: int, longest: int) -> list[tuple[int, int]]:
    """Shapes for batches of up to `most` texts of up to `longest` tokens: each next one is at most twice as large."""
    sizes = sorted({min(most, 1 << power) for power in range(most.bit_length() + 1)})
    widths = sorted({min(longest, 16 << power) for power in range(longest.bit_length())})
    return [(size, width) for size in sizes for width in widths]


def cuda_capture(torch: Any, device: Any) -> Capture:
    """Captures on a CUDA device; all graphs share one pool of memory, since one runs at a time."""
    pool = torch.cuda.graph_pool_handle()

    def capture(call: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        current, aside = torch.cuda.current_stream(device), torch.cuda.Stream(device)
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

    return capture


def _sentence(shape: tuple[int, int], reason: str) -> str:
    return f"the tool model runs without a CUDA graph from {shape[0]} x {shape[1]} tokens on: {reason}"


__all__ = ["ALIKE", "Capture", "Compute", "Graphs", "cuda_capture", "shapes"]
