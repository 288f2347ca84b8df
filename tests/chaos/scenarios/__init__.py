"""Every scenario, in the order in which they run: those that share a server stand together."""

from tests.chaos.scenario import Scenario
from tests.chaos.scenarios.clients import HALF_OPEN, SLOW, VANISH
from tests.chaos.scenarios.clock import CLOCK
from tests.chaos.scenarios.disk import DISK
from tests.chaos.scenarios.engine import KILLED, STOPPED
from tests.chaos.scenarios.machine import DESCRIPTORS
from tests.chaos.scenarios.memory import OUT_OF_MEMORY
from tests.chaos.scenarios.rolling import ROLLING
from tests.chaos.scenarios.router import ROUTER

EVERY = (VANISH, SLOW, HALF_OPEN, DESCRIPTORS, KILLED, STOPPED, OUT_OF_MEMORY, ROUTER, CLOCK, DISK, ROLLING)
SCENARIOS: dict[str, Scenario] = {one.name: one for one in EVERY}

__all__ = ["SCENARIOS"]
