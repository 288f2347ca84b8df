"""`python -m tooling.benchmarks.speculation.doors NAME:PORT... [--dummy]`: a server in mode both with more doors.

Behind every door is the same process with the same two models; they differ in what a session does with them. Two
servers that are configured alike differ by a millisecond of TTFT from start to start, which is more than routing costs.
"""

import sys
from collections.abc import Mapping, Sequence

import trio
from attrs import define, evolve, field

from actors.router import Asker, Decision
from actors.session.deployment import Deployment
from actors.session.turn import Router
from runtime import assembly
from runtime.process import Process
from runtime.server import Server
from tooling.benchmarks.serving.dummy_weights import start
from tooling.usage import answer_help

CHAT, WAITING, YES = "chat", "both, ROUTING_SPECULATION=0", "both, always yes"
HOST = "127.0.0.1"


@define
class Certain:
    """Another router's answers as yes, when they come: for a tool model with random weights."""

    asked: Router

    async def decide(self, text: str, timeout_s: float) -> Decision:
        """Yes."""
        return Decision(yes=True, score=(await self.asked.decide(text, timeout_s)).score)


@define(eq=False)
class Doors(Process):
    """The process, and by name the ports of its other doors."""

    ports: Mapping[str, int] = field(factory=dict, kw_only=True)

    async def _receive(self, server: Server, parts: assembly.Parts, site: Deployment, nursery: trio.Nursery) -> None:
        await super()._receive(server, parts, site, nursery)
        assert parts.router is not None, "mode both"
        receptions = {
            CHAT: assembly.Reception(parts, evolve(site, routing=None, turns=evolve(site.turns, tools=False))),
            WAITING: assembly.Reception(parts, evolve(site, speculates=False)),
            YES: assembly.Reception(parts, site, Certain(Asker(parts.router.mailbox))),
        }
        for name, port in self.ports.items():
            door = assembly.server(parts)
            door.connect = receptions[name].connect
            await nursery.start(door.serve, HOST, port)


def main(argv: Sequence[str]) -> int:
    """Serve."""
    ports = {name: int(port) for name, _, port in (word.partition(":") for word in argv if ":" in word)}
    load_format = "dummy" if "--dummy" in argv else "auto"
    return start(load_format, lambda settings, around: Doors(settings, around, ports=ports))


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
