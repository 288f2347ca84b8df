"""Graphs of the network, where a graph is the same call once more: which one a batch takes, and what it says.

Recording itself needs a GPU: `python -m tooling.benchmarks.routing --against-eager` there.
"""

import gc
import inspect
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from engines.classifier import ClassifierConfig
from engines.classifier.graphs import Graphs, Record, shapes
from engines.classifier.loading import load
from engines.classifier.model import Model
from tests.engines.classifier.conftest import Maker
from tests.engines.classifier.test_models import LONG, TEXTS, reference

Recorded = tuple[Callable[[], None], Any]


@define
class Again:
    """In place of CUDA's graphs: the call itself, into the place of its first result. Counts replays."""

    replays: int = 0
    off_by: float = 0.0
    seen: list[Any] = field(factory=list)

    def __call__(self, call: Callable[[], Any]) -> Recorded:
        found = call()

        def replay() -> None:
            self.replays += 1
            found.copy_(call() + self.off_by)
            self.seen.append(found.clone())

        return replay, found


def opened(make_model: Maker, model_type: str, config: dict[str, Any] | None = None, **settings: Any) -> Model:
    directory = make_model(model_type, **(config or {}))
    return load(ClassifierConfig(model=str(directory), device="cpu", threads=1, **settings), lambda line: None).model


@pytest.mark.parametrize("model_type", ["bert", "modernbert", "roberta"])
def test_a_graph_says_what_the_library_says(model_type: str, make_model: Maker) -> None:
    model, again = opened(make_model, model_type), Again()
    assert model.capture(again) == []
    assert model.graphs is not None
    assert len(model.graphs) == len(shapes(model.limits.batching.max_size, model.limits.max_length))
    expected = reference(make_model(model_type), TEXTS, model.limits.max_length, 1)
    tried = again.replays
    assert [model.probabilities([text])[0] for text in TEXTS] == pytest.approx(expected, abs=1e-4)
    assert again.replays - tried == len(TEXTS), "each took a graph"
    assert model.probabilities(TEXTS) == pytest.approx(expected, abs=1e-4)


def test_places_that_are_left_in_a_graph_hold_the_first_text_again(make_model: Maker) -> None:
    model, again = opened(make_model, "bert", batch_max_size=4), Again()
    model.capture(again)
    model.probabilities(["one two three", "what do you see", "a"])
    (first, *_, last) = again.seen[-1].tolist()
    assert last == pytest.approx(first, abs=1e-6)


@pytest.mark.parametrize("model_type", ["longformer", "gpt2"])
def test_what_cannot_be_padded_to_a_shape_runs_without(model_type: str, make_model: Maker) -> None:
    model, again = opened(make_model, model_type), Again()
    assert model.capture(again) == []
    assert model.graphs is None
    assert again.replays == 0


def test_one_shape_that_cannot_be_recorded_leaves_none(make_model: Maker) -> None:
    left = iter([Again()] * 3)

    def full(call: Callable[[], Any]) -> Recorded:
        raise RuntimeError("CUDA out of memory\nand a table")

    def record(call: Callable[[], Any]) -> Recorded:
        return next(left, full)(call)

    model = opened(make_model, "bert", batch_max_size=2)
    (said,) = model.capture(record)
    assert said.startswith("the tool model runs without CUDA graphs; the one of ")
    assert said.endswith("x 64 tokens: RuntimeError: CUDA out of memory")
    assert model.graphs is None
    expected = reference(make_model("bert"), [LONG, "a"], 64, 1)
    assert model.probabilities([LONG, "a"]) == pytest.approx(expected, abs=1e-4)


def does_nothing(call: Callable[[], Any]) -> Recorded:
    return lambda: None, call()


def says_no_number(call: Callable[[], Any]) -> Recorded:
    return lambda: None, torch.full_like(call(), float("nan"))


@pytest.mark.parametrize("record", [does_nothing, says_no_number, Again(off_by=0.05)])
def test_graphs_that_say_something_else_are_not_used(record: Record, make_model: Maker) -> None:
    model = opened(make_model, "bert", batch_max_size=2)
    (said,) = model.capture(record)
    assert "where the network says 0." in said
    assert model.graphs is None


def test_a_model_that_takes_only_zeros_beside_its_words_is_recorded_on_nothing_else(make_model: Maker) -> None:
    """An index out of range on a GPU is the end of all GPU work of the process."""
    model, again = opened(make_model, "bert", {"type_vocab_size": 1}), Again()
    assert model.capture(again) == []
    assert model.graphs is not None


def test_the_network_goes_with_its_model(make_model: Maker) -> None:
    """At once and in the thread that let go of it, not when the collector comes by."""

    def keeps_nothing(call: Callable[[], Any]) -> Recorded:
        found, calls = call(), [call]  # as a real graph, it lets go of the call; here after the trial

        def replay() -> None:
            if calls:
                found.copy_(calls.pop()())

        return replay, found

    model = opened(make_model, "bert")
    assert model.capture(keeps_nothing) == []
    assert model.graphs is not None
    network = weakref.ref(model.network)
    gc.collect()
    gc.disable()
    try:
        del model
        assert network() is None
    finally:
        gc.enable()


def test_torch_takes_what_the_recorder_gives_it() -> None:
    """There is no GPU here: at least the names are torch's."""
    assert {"pool", "stream", "capture_error_mode"} <= set(inspect.signature(torch.cuda.graph).parameters)
    for name in ("graph_pool_handle", "current_stream", "device", "Stream", "stream", "CUDAGraph"):
        assert callable(getattr(torch.cuda, name))


@given(most=st.integers(1, 64), longest=st.integers(8, 4096), data=st.data())
def test_every_batch_has_a_shape_that_is_at_most_four_times_as_large(
    most: int, longest: int, data: st.DataObject
) -> None:
    texts, width = data.draw(st.integers(1, most)), data.draw(st.integers(1, longest))
    graphs = Graphs(torch=torch, device="cpu", names=("ids",))
    samples = [{"ids": [0]}, {"ids": [0]}]
    graphs.add(shapes(most, longest), lambda width: samples, lambda inputs: inputs["ids"][:, 0].float(), Again())
    held = graphs.shape(texts, width)
    assert held is not None
    assert texts <= held[0] <= min(most, 2 * texts)
    assert width <= held[1] <= max(16, 2 * width)
    assert held[1] <= longest
