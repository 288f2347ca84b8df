"""From a plan to what comes of it."""

from functools import cache

import trio
from attrs import frozen
from trio.testing import MockClock

from runtime.settings import Settings
from tests.simulation.deeds import DEEDS
from tests.simulation.drive import Drive
from tests.simulation.invariants import ends, looks
from tests.simulation.invariants.spinning import Spinning
from tests.simulation.judge import Breach
from tests.simulation.plan import Plan
from tests.simulation.seams import simulated
from tests.simulation.trace import Trace
from tests.simulation.world import KEY, World
from tests.toy import toy_directory, toy_text

BASE = {
    "TEXT_API_KEY": KEY,
    "INFERENCE_ENGINE": "scripted",
    "MAX_CONCURRENT_CONNECTIONS": "8",
    "CHAT_MAX_LEN": "20000",
    "HISTORY_MAX_TOKENS": "15000",
    "TRIMMED_HISTORY_LENGTH": "10000",
    "WS_MAX_MESSAGES_PER_WINDOW": "0",
    "WS_IDLE_TIMEOUT_S": "0",
    "DRAIN_TIMEOUT_S": "20",
}


@frozen
class Outcome:
    """What came of a plan. `breach` None: all invariants held."""

    plan: Plan
    breach: Breach | None
    trace: Trace

    @property
    def digest(self) -> str:
        """Of the trace."""
        return self.trace.digest


def run(plan: Plan) -> Outcome:
    """Run it in a loop of its own; the same plan has the same outcome, anywhere."""
    toy_text()
    world = World(plan, DEEDS, _settings(plan), MockClock(autojump_threshold=0))
    names = looks()

    def settled(world: World) -> None:
        for name, look in names:
            wrong = look(world)
            if wrong is not None:
                world.judge.broken(name, wrong)

    spinning = Spinning(world.judge)
    with simulated(plan.seed, world.listener, world.sockets):
        try:
            trio.run(Drive(world, settled).run, clock=world.clock, instruments=[spinning])
        except Exception as error:  # of the simulation itself: told like a breach, so that it is shrunk as well
            world.judge.breach = world.judge.breach or Breach("simulator", _told(error))
    if world.judge.breach is None:
        _close_the_books(world)
    return Outcome(plan, world.judge.breach, world.trace)


def _close_the_books(world: World) -> None:
    try:
        world.ledger.accountant.balance()
        for session, connection in world.connections.items():
            world.ledger.accountant.compare(world.client_of(connection), session)
    except AssertionError as error:
        world.judge.broken("telemetry", f"the books do not balance: {error!r}")
    for name, look in ends():
        wrong = look(world)
        if wrong is not None:
            world.judge.broken(name, wrong)


def _settings(plan: Plan) -> Settings:
    tool = {"TOOL_MODEL": str(toy_directory())} if plan.mode != "chat" else {}
    chat = {"CHAT_MODEL": str(toy_directory())} if plan.mode != "tool" else {}
    return _parsed(tuple({**BASE, **tool, **chat, "DEPLOY_MODE": plan.mode, **plan.env}.items()))


@cache
def _parsed(env: tuple[tuple[str, str], ...]) -> Settings:
    return Settings.from_env(dict(env))


def _told(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_told(each) for each in error.exceptions)
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = f"{at.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{at.tb_lineno}" if at is not None else "?"
    return f"{error!r} at {where}"


__all__ = ["Outcome", "run"]
