"""Graphs of the network, where a graph is the same call once more: which one a batch takes, and what it says.

Capturing itself needs a GPU: `python -m tooling.benchmarks.routing --without-graphs` there.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engines.classifier import ClassifierConfig
from engines.classifier.graphs import Capture, Graphs, cuda_capture, shapes
from engines.classifier.loading import load
from engines.classifier.model import Model
from tests.engines.classifier.conftest import Maker
from tests.engines.classifier.test_models import LONG, TEXTS, reference


def again(call: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
    """In place of CUDA's capture: the call itself, into the place of its first result."""
    found = call()
    return lambda: found.copy_(call()), found


def after(shapes_that_work: int, otherwise: Capture) -> Capture:
    """Captures that go well at first."""
    captures = iter([again] * shapes_that_work)

    def capture(call: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        return next(captures, otherwise)(call)

    return capture


def opened(make_model: Maker, model_type: str, **config: Any) -> Model:
    directory = make_model(model_type)
    return load(ClassifierConfig(model=str(directory), device="cpu", threads=1, **config), lambda line: None).model


@pytest.mark.parametrize("model_type", ["bert", "modernbert", "roberta"])
def test_a_graph_says_what_the_library_says(model_type: str, make_model: Maker) -> None:
    model = opened(make_model, model_type)
    assert model.capture(again) == []
    assert model.graphs is not None
    assert len(model.graphs) == len(shapes(model.limits.batching.max_size, model.limits.max_length))
    expected = reference(make_model(model_type), TEXTS, model.limits.max_length, 1)
    assert model.probabilities(TEXTS) == pytest.approx(expected, abs=1e-4)
    assert [model.probabilities([text])[0] for text in TEXTS] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("model_type", ["longformer", "gpt2"])
def test_what_cannot_be_padded_to_a_shape_runs_without(model_type: str, make_model: Maker) -> None:
    model = opened(make_model, model_type)
    assert model.capture(again) == []
    assert model.graphs is None


def test_a_shape_that_cannot_be_captured_is_told_and_the_smaller_ones_stay(make_model: Maker) -> None:
    def full(call: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        raise RuntimeError("CUDA out of memory\nand a table")

    model = opened(make_model, "bert", batch_max_size=2)
    said = model.capture(after(3, full))
    assert said == ["the tool model runs without a CUDA graph from 1 x 64 tokens on: RuntimeError: CUDA out of memory"]
    assert model.graphs is not None
    assert len(model.graphs) == 3
    assert model.graphs.shape(1, 33) is None
    expected = reference(make_model("bert"), [LONG, "a"], 64, 1)
    assert model.probabilities([LONG, "a"]) == pytest.approx(expected, abs=1e-4)


def test_a_graph_that_says_something_else_is_not_used(make_model: Maker) -> None:
    def other(call: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        found = torch.full_like(call(), 2.0)
        return lambda: None, found

    model = opened(make_model, "bert", batch_max_size=2)
    (said,) = model.capture(after(3, other))
    assert "it says 2.000 where the network says 0." in said
    assert model.graphs is None


def test_on_a_cpu_nothing_is_captured(make_model: Maker) -> None:
    model = opened(make_model, "bert")
    assert model.graphs is None


def test_the_capture_uses_names_that_torch_has() -> None:
    """There is no GPU here: at least the parts of torch that it calls are there, and take what they are given."""
    assert callable(cuda_capture)
    for name in ("graph_pool_handle", "current_stream", "device", "Stream", "stream", "CUDAGraph"):
        assert callable(getattr(torch.cuda, name))
    assert {"pool", "stream", "capture_error_mode"} <= set(torch.cuda.graph.__init__.__code__.co_varnames)


@given(most=st.integers(1, 64), longest=st.integers(8, 4096), data=st.data())
def test_every_batch_has_a_shape_that_is_at_most_four_times_as_large(
    most: int, longest: int, data: st.DataObject
) -> None:
    found = shapes(most, longest)
    texts, width = data.draw(st.integers(1, most)), data.draw(st.integers(1, longest))
    graphs = Graphs(
        torch=torch, device="cpu", names=("ids",), compute=lambda inputs: inputs["ids"][:, 0], capture=again
    )
    graphs.add(found, lambda width: {"ids": [1] * width})
    held = graphs.shape(texts, width)
    assert held is not None
    assert texts <= held[0] <= min(most, 2 * texts)
    assert width <= held[1] <= max(16, 2 * width)
    assert held[1] <= longest
