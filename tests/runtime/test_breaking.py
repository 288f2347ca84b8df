"""Engines and tool models that break in ways that nobody translated: restarted, told in one line, never the end."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import pytest
import trio
from attrs import define, field
from structlog.testing import capture_logs
from trio.testing import MockClock

from actors.engine import EngineActor
from actors.router import Asker, RouterActor
from engines.base import Deliver, EngineInfo, Progress
from engines.errors import EngineDead, EngineError
from engines.scripted import ScriptedEngine
from runtime.health import Health
from runtime.supervisor import Supervisor
from runtime.tool_model import ToolModel
from tests.runtime.classifying import Classifying

EMFILE = OSError(24, "Too many open files")
TOLD = "OSError: [Errno 24] Too many open files"
FOREIGN = [
    pytest.param(EMFILE, TOLD, id="no-descriptor"),
    pytest.param(ExceptionGroup("a nursery", [ExceptionGroup("another", [EMFILE])]), TOLD, id="in-groups"),
    pytest.param(KeyError("somebody's words"), "unforeseen: KeyError at", id="nobody-foresaw-it"),
]


@define(eq=False)
class Fragile(ScriptedEngine):
    """Raises where it is told to: `open`, `watch` (when it is told to break), `close`."""

    errors: dict[str, Exception] = field(factory=dict)
    broken: trio.Event = field(factory=trio.Event)

    async def open(self, deliver: Deliver, progress: Progress) -> EngineInfo:
        """Open, or break."""
        self._break("open")
        return await super().open(deliver, progress)

    async def watch(self) -> NoReturn:
        """Until it breaks."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._run)
            await self.broken.wait()
            self._break("watch")
        raise AssertionError("it has nothing to break with")

    async def close(self) -> None:
        """Close, and break."""
        await super().close()
        self._break("close")

    def _break(self, where: str) -> None:
        if where in self.errors:
            raise self.errors[where]


@define(eq=False)
class Life:
    """A supervisor whose engines break as told, one after the other, and then no more."""

    breaks: list[dict[str, Exception]]
    engines: list[Fragile] = field(factory=list)
    health: Health = field(factory=Health)
    supervisor: Supervisor = field(init=False)

    def __attrs_post_init__(self) -> None:
        actor = EngineActor()
        self.health.chat = actor
        self.supervisor = Supervisor(self._make, actor, self.health, lambda _info: [1, 2, 3])

    def _make(self) -> Fragile:
        errors = self.breaks.pop(0) if self.breaks else {}
        self.engines.append(Fragile(errors=errors))
        return self.engines[-1]

    async def begin(self, nursery: trio.Nursery) -> None:
        """Return when the first engine serves."""
        nursery.start_soon(self.supervisor.actor.run)
        await nursery.start(self.supervisor.run)

    async def until_ready(self) -> None:
        """Return when turns are served."""
        with trio.fail_after(100):
            while self.health.reason() is not None:
                await trio.sleep(0.01)


def _causes(logs: list[Any]) -> list[str]:
    return [line["error"] for line in logs if line["event"] in ("engine.died", "router.died")]


@pytest.mark.parametrize(("error", "told"), FOREIGN)
async def test_an_engine_whose_watch_breaks_is_replaced(
    error: Exception, told: str, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    life = Life([{"watch": error}])
    with capture_logs() as logs:
        await life.begin(nursery)
        life.engines[0].broken.set()
        await trio.sleep(0.5)
        await life.until_ready()
    assert len(life.engines) == 2
    assert _causes(logs)[0].startswith(told)
    assert "somebody" not in str(logs)


@pytest.mark.parametrize(("error", "told"), FOREIGN)
async def test_a_close_that_breaks_hides_no_death_and_ends_no_server(
    error: Exception, told: str, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    life = Life([{"close": error}])
    with capture_logs() as logs:
        await life.begin(nursery)
        life.engines[0].die("CUDA error: an illegal memory access")
        life.engines[0].errors["watch"] = EngineDead("CUDA error: an illegal memory access")
        life.engines[0].broken.set()
        await trio.sleep(0.5)
        await life.until_ready()
    assert _causes(logs) == ["CUDA error: an illegal memory access"]
    (closing,) = [line["error"] for line in logs if line["event"] == "engine.close_failed"]
    assert told.partition(" at")[0] in closing


@pytest.mark.parametrize(("error", "told"), FOREIGN)
async def test_a_first_start_that_breaks_is_an_engine_error_and_a_later_one_is_tried_again(
    error: Exception, told: str, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    with pytest.raises(EngineError, match=re.escape(told)):
        await Life([{"open": error}]).supervisor.run()
    life = Life([{"watch": EngineDead("gone")}, {"open": error}, {"open": error}])
    await life.begin(nursery)
    life.engines[0].broken.set()
    await trio.sleep(0.5)
    await life.until_ready()
    assert len(life.engines) == 4


def raising(error: Exception | None) -> Callable[[Sequence[str]], None] | None:
    """Raises it, whatever was asked."""
    if error is None:
        return None

    def fail(_texts: Sequence[str]) -> None:
        raise error

    return fail


@pytest.mark.parametrize(("error", "told"), FOREIGN)
async def test_a_tool_model_that_breaks_is_replaced(
    error: Exception, told: str, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    errors, actor, health = iter([error]), RouterActor(), Health(router_ready=False)
    life = ToolModel(make=lambda: Classifying(raising(next(errors, None))), actor=actor, health=health)
    with capture_logs() as logs, trio.fail_after(100):
        nursery.start_soon(actor.run)
        await nursery.start(life.run)
        asker = Asker(actor.mailbox)
        assert not (await asker.decide("look", 5)).yes
        await trio.sleep(5)
        assert (await asker.decide("look", 5)).yes
    assert _causes(logs)[0].startswith(told)
    assert [line["event"] for line in logs if line["event"] == "router.close_failed"]
    assert "somebody" not in str(logs)
