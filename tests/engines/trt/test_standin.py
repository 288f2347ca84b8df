"""The contract on the stand-in, for both backends. It is a stand-in: none of this has been seen on TensorRT-LLM."""

import pytest

from tests.contract.suite import CHECKS
from tests.engines.trt.conftest import Open


@pytest.mark.parametrize("backend", ["engine", "pytorch"])
@pytest.mark.parametrize("name", CHECKS)
async def test_the_contract(open_engine: Open, backend: str, name: str) -> None:
    async with open_engine(backend) as session:
        await CHECKS[name](session.opened)
