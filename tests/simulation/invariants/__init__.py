"""What the server is held to. Each has a name, which is what a failed run and the table of mutations cite.

Of frames, as clients hear them (`client.Client`, `hearing`, `ending`): `websocket`, `frame-order`, `one-terminal`,
`polite-close`, `close-code`. At each moment of rest (`settled`): `running-set`, `places`, `slots`, `outbox`,
`history`, `prompt`. Of what is told (`books.Ledger`): `telemetry`, `no-crash`. At the end: `nobody-hangs`,
`left-over`, `telemetry`.
"""

from collections.abc import Callable

from tests.simulation.invariants.history import History
from tests.simulation.invariants.rest import outbox, places, running_set, slots
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
        ("history", memory.history),
        ("prompt", memory.prompt),
    ]


__all__ = ["Look", "looks"]
