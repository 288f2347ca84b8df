"""`python -m tests.chaos.fragile_router`: `python -m runtime`, whose tool model breaks as a file tells it to.

The tool model is a thread of the server: no signal can kill it alone. The file is named by `CHAOS_ORDERS`.
"""

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import trio
from attrs import define, field

from actors.router import RouterActor, routing
from actors.session.intake import Routing
from engines.classifier import ClassifierEngine
from engines.errors import EngineDead
from runtime.process import Process
from runtime.tool_model import ToolModel, classifier_config
from tooling.benchmarks.serving.dummy_weights import start

ORDERS = "orders"


class Order(StrEnum):
    """What becomes of the next inferences."""

    SERVE = "serve"
    RAISE = "raise"
    DIE = "die"
    HANG = "hang"


class Fragile(ClassifierEngine):
    """The real tool model, as long as it is told to serve."""

    orders: Path

    async def classify(self, texts: Sequence[str]) -> Sequence[float]:
        """Break as told, or classify."""
        order = Order(self.orders.read_text())
        if order is Order.RAISE:
            raise RuntimeError("the tool model raises")
        if order is Order.DIE:
            raise EngineDead("the tool model died")
        while Order(self.orders.read_text()) is Order.HANG:
            await trio.sleep(0.05)
        return await super().classify(texts)


@define(eq=False)
class Breaking(Process):
    """The process as it is, but for the tool model."""

    orders: Path = field(kw_only=True)

    async def _load_router(self, router: RouterActor, nursery: trio.Nursery) -> Routing:
        def make() -> Fragile:
            made = Fragile(classifier_config(self.settings))
            made.orders = self.orders
            return made

        timeout_s = self.settings.engine.start_timeout_s
        life = ToolModel(make=make, actor=router, health=self.health, start_timeout_s=timeout_s)
        info = await nursery.start(life.run)
        return routing(info.measure)


if __name__ == "__main__":
    told = Path(os.environ["CHAOS_ORDERS"])  # noqa: TID251 - an entry module
    sys.exit(start("auto", lambda settings, around: Breaking(settings, around, orders=told)))
