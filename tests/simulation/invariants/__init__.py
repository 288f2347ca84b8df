"""What the server is held to. Each has a name, which is what a failed run and the table of mutations cite.

Of frames, as clients hear them (`client.Client`, `hearing`, `ending`): `websocket`, `frame-order`, `one-terminal`,
`polite-close`, `close-code`. At each moment of rest (`settled`): `running-set`, `places`, `slots`, `outbox`,
`imports`, `history`, `prompt`, `decision`, `goodbye`, `violation`, `draining`, `one-engine`, `deadline`, `readiness`,
`restarts`, `went-on`, `stall`, `room`, `questions`, `idle`, `pong`, `patience`, `answering`. Of each frame that a gate
reads (`doorman`): `rates`. Of the engine (`engine.Simulated`): `warm-up`. Of what is told (`books.Ledger`):
`telemetry`, `no-crash`. At the end: `nobody-hangs`, `left-over`, `gave-up`, `telemetry`, `accounts`, `causes`,
`refusals`, `texts`, `answers`, `retry-in`, `wasted`. At any moment: `spins`.
"""

from collections.abc import Callable

from tests.simulation.invariants.accounts import accounts, causes, wasted
from tests.simulation.invariants.answering import Answering
from tests.simulation.invariants.decisions import Decisions
from tests.simulation.invariants.endings import emptied, gave_up, went_on
from tests.simulation.invariants.engines import Room, Stalls, deadline, one_engine, readiness, restarts, retry_in
from tests.simulation.invariants.goodbyes import Goodbyes, draining, pong
from tests.simulation.invariants.history import History
from tests.simulation.invariants.imports import Imports
from tests.simulation.invariants.patience import Patience
from tests.simulation.invariants.questions import answers, questions
from tests.simulation.invariants.refusals import refusals
from tests.simulation.invariants.rest import outbox, places, running_set, slots
from tests.simulation.invariants.silence import Idle
from tests.simulation.invariants.texts import texts
from tests.simulation.world import World

Look = Callable[[World], str | None]
"""Looks at a server at rest; what is wrong, None if nothing is."""


def looks() -> list[tuple[str, Look]]:
    """Name and look of each invariant of a server at rest, fresh for one run."""
    memory = History()
    return [
        ("running-set", running_set),
        ("places", places),
        ("slots", slots),
        ("outbox", outbox),
        ("imports", Imports().imports),
        ("history", memory.history),
        ("prompt", memory.prompt),
        ("decision", Decisions().decision),
        ("goodbye", Goodbyes().goodbye),
        ("violation", Goodbyes().violation),
        ("draining", draining),
        ("one-engine", one_engine),
        ("deadline", deadline),
        ("readiness", readiness),
        ("restarts", restarts),
        ("went-on", went_on),
        ("stall", Stalls().stall),
        ("room", Room().room),
        ("questions", questions),
        ("idle", Idle().idle),
        ("pong", pong),
        ("patience", Patience().patience),
        ("answering", Answering().answering),
    ]


def ends() -> list[tuple[str, Look]]:
    """The same of a server that has ended."""
    return [
        ("goodbye", Goodbyes().goodbye),
        ("violation", Goodbyes().violation),
        ("answering", Answering().answering),
        ("gave-up", gave_up),
        ("left-over", emptied),
        ("accounts", accounts),
        ("causes", causes),
        ("refusals", refusals),
        ("texts", texts),
        ("answers", answers),
        ("retry-in", retry_in),
        ("wasted", wasted),
    ]


__all__ = ["Look", "ends", "looks"]
