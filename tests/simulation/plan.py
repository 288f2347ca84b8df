"""A plan: everything that happens to a server in one run, as data. It can be shrunk, saved and run again."""

from pathlib import Path

import msgspec
from attrs import field, frozen

Payload = dict[str, object]


@frozen(kw_only=True)
class Line:
    """The network between one client and the server. Times in seconds, sizes in bytes; 0: no limit.

    `delay_s`, `jitter_s`: one way. `segment`: the most that arrives at the server at once. `read_most`: the most that
    the server reads at once. `window`: what the server may have written that the client has not read. `write_most`:
    the most that a write takes.
    """

    delay_s: float = 0.01
    jitter_s: float = 0.0
    segment: int = 0
    read_most: int = 0
    window: int = 65536
    write_most: int = 0


@frozen(kw_only=True)
class Step:
    """One deed of a client (`deeds.DEEDS` has their names), and what it waits for.

    `wait`: until the newest turn of this client has its `ack`, its first `token` or its `end`; "": for nothing.
    `after_s`: seconds after that. `text`, `number`, `payload`: what the deed makes of them.
    """

    do: str
    wait: str = ""
    after_s: float = 0.0
    text: str = ""
    number: int = 0
    payload: Payload = field(factory=dict)


@frozen(kw_only=True)
class ClientPlan:
    """One connection. `at_s`: when it is made, seconds after the server was ready; a `door` "early": before that.

    `door`: else with which key, "right", "wrong" or "none"; or which of `doors.DOORS` it takes. `eager`: it talks
    before the handshake is answered. `follows`: whose conversation it goes on with, once that client has done all it
    had planned. `deflate`: which of `deflating.OFFERS` it makes.
    """

    name: str
    at_s: float = 0.0
    door: str = "right"
    eager: bool = False
    follows: str = ""
    deflate: str = ""
    address: str = "10.0.0.1"
    line: Line = field(factory=Line)
    steps: tuple[Step, ...] = ()


@frozen(kw_only=True)
class Fault:
    """Something that breaks (`faults.FAULTS` has names) so many seconds after the server was ready.

    `seconds`, `number`: for how long, how many.
    """

    at_s: float
    what: str
    seconds: float = 0.0
    number: int = 0


@frozen(kw_only=True)
class Plan:
    """One run. `env`: settings of the server. `voice`: how its engine speaks. `ends`: by what the server
    ends. `ends_with`: the client with whose last step the signal arrives, if that is earlier. `late`: how often a
    step's text comes with the next step's. `router_s`: the most that an inference takes.

    `leave`: when everybody has gone; `drain`: by a signal at `ends_at_s`; `twice`: by two, the second `impatience_s`
    later; `gives-up`: by itself, for its engine fails again and again, or (`stillborn`) the first one does not come up.
    """

    seed: int
    mode: str = "chat"
    env: dict[str, str] = field(factory=dict)
    voice: str = "words"
    step_s: float = 0.05
    max_running: int = 8
    late: float = 0.0
    router_s: float = 0.03
    clients: tuple[ClientPlan, ...] = ()
    faults: tuple[Fault, ...] = ()
    ends: str = "leave"
    ends_at_s: float = 0.0
    ends_with: str = ""
    stillborn: bool = False
    impatience_s: float = 0.0

    @property
    def size(self) -> int:
        """Things that happen in it; a shrunk one has less of them."""
        return len(self.faults) + sum(1 + len(client.steps) for client in self.clients)


@frozen(kw_only=True)
class Case:
    """A plan worth keeping. `found`: a sentence on what it found."""

    found: str
    plan: Plan


def encode(case: Case) -> bytes:
    """As JSON, for people to read."""
    return msgspec.json.format(msgspec.json.encode(case), indent=1) + b"\n"


def decode(data: bytes) -> Case:
    """Raises `msgspec.ValidationError` if it is none."""
    return msgspec.json.decode(data, type=Case)


def load(path: Path) -> Case:
    """From a file. Raises `OSError`, `msgspec.ValidationError`."""
    return decode(path.read_bytes())


__all__ = ["Case", "ClientPlan", "Fault", "Line", "Payload", "Plan", "Step", "decode", "encode", "load"]
