"""The tool model raises, dies and falls silent, beside a chat model that goes on talking."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from tests.chaos.fragile_router import ORDERS, Order
from tests.chaos.scenario import Scenario, Scene
from tests.chaos.servers import Servers
from tests.e2e.breaking import GREEDY
from tests.e2e.client import Client, connected
from tests.e2e.figures_page import Page, read_page
from tests.e2e.program import Program
from tests.engines.classifier.conftest import write_model

TIMEOUT_S = 2.0
TURNS = 8
LIMIT_S = 120.0


@contextmanager
def both(servers: Servers) -> Iterator[Program]:
    """A chat model and a tool model that breaks as it is told in a file."""
    model = servers.directory / "classifier"
    if not model.exists():
        model.mkdir()
        write_model(model, "bert", {})
    orders = servers.directory / ORDERS
    orders.write_text(Order.SERVE)
    environment = servers.environment(
        DEPLOY_MODE="both", TOOL_MODEL=str(model), TOOL_TIMEOUT_S=str(TIMEOUT_S), ROUTING_SPECULATION="1"
    )
    with servers.running({**environment, "CHAOS_ORDERS": str(orders)}, module="tests.chaos.fragile_router") as program:
        yield program


async def _router(scene: Scene) -> None:
    """Every turn gets a decision, which is no, and its text; the chat engine is not touched."""
    orders = scene.servers.directory / ORDERS
    async with connected(scene.server.port, session_id="talks") as client:
        await client.start("r-0", "what is on my screen?", sampling=GREEDY)
        await _is_spoken(client, "r-0")
        for order in (Order.RAISE, Order.DIE, Order.HANG):
            before = await read_page(scene.server.port)
            orders.write_text(order)
            scene.fault()
            for number in range(TURNS):
                await client.message(f"{order}-{number}", "look at my screen, please")
                await _is_spoken(client, f"{order}-{number}")
            scene.told = max(scene.told or 0.0, scene.since() / TURNS)
            page = await read_page(scene.server.port)
            scene.note(f"{order}: {TURNS} turns spoken, {_errors(page, before):g} decisions were no for it")
            assert _errors(page, before) > 0, f"{order}: nobody noticed"
            orders.write_text(Order.SERVE)
            scene.fault()
            await _until_decided(client, order, page)
            scene.recovered = max(scene.recovered or 0.0, scene.since())
        await client.say("end", "bye")
        await client.closed()
    page = await read_page(scene.server.port)
    assert page.sum("engine_restarts_total") == 0, "the chat engine was restarted"
    scene.fault()


async def _until_decided(client: Client, order: Order, before: Page) -> None:
    """Turns until one of them is decided by a tool model that works again."""
    with trio.fail_after(LIMIT_S):
        for number in range(10_000):
            await client.message(f"{order}-again-{number}", "look at my screen, please")
            await _is_spoken(client, f"{order}-again-{number}")
            page = await read_page(int(client.socket.remote.port))
            decided = page.sum("tool_classifications_total") > before.sum("tool_classifications_total")
            if page.sum("router_up") and decided and _errors(page, before) == _errors(before, before):
                return
            before = page
            await trio.sleep(0.1)


def _errors(page: Page, before: Page) -> float:
    return page.sum("router_errors_total") - before.sum("router_errors_total")


async def _is_spoken(client: Client, name: str) -> None:
    """A decision, then text; and a cancel, so that the next turn finds nothing running."""
    frames = await client.until("token", "error", "done")
    kinds = [frame["type"] for frame in frames if frame["request_id"] == name]
    assert kinds[:2] == ["ack", "toolcall"], kinds
    assert kinds[-1] in ("token", "done"), frames[-1]
    if kinds[-1] == "token":
        await client.say("cancel", name)
        end = (await client.rest())[-1]
        assert end["type"] in ("cancelled", "done"), end


ROUTER = Scenario(name="router", what="the tool model raises, dies, falls silent (mode both)", act=_router, house=both)

__all__ = ["ROUTER"]
