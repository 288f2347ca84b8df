"""Both flavours of the library: a test that takes `flavour` runs once on each."""

import pytest

from tests.tooling.yap_client.flavours import FLAVOURS, Flavour


@pytest.fixture(params=FLAVOURS, ids=lambda flavour: flavour.name)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    """Trio, then asyncio."""
    found: Flavour = request.param
    return found
