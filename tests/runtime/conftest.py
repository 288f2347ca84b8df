"""The session suite's engines: a test that takes `serving` runs once with each."""

import contextlib
from collections.abc import Iterator
from functools import partial

import pytest

from tests.engines.trt.library import standing_in
from tests.runtime import serving as place
from tests.runtime.serving import Serving


@pytest.fixture(params=["scripted", "trt"])
def serving(request: pytest.FixtureRequest) -> Iterator[Serving]:
    """Serves with the scripted engine, and with the TensorRT-LLM adapter over its stand-in."""
    with standing_in() if request.param == "trt" else contextlib.nullcontext():
        yield partial(place.serving, kind=request.param)
