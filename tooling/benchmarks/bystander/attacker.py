"""`python -m tooling.benchmarks.bystander.attacker NAME PORT KEY`: one attack, by a process of low priority.

Says `begun` on stdout when it has begun, goes on until its stdin ends, and prints what it did.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import trio
from attrs import asdict

from tooling.benchmarks.bystander.attacks import ATTACKS, Attack
from tooling.benchmarks.bystander.peer import Tally, Target
from tooling.usage import answer_help

PAUSE_S = 0.02
"""Between the end of a connection and the next: a stranger cannot connect faster than a loop of scripts would."""
HEAD_START_S = 0.2
NICENESS = 10
"""On few cores the attacker must not keep the server or the bystander from running: the server is what is measured."""


LONGEST_S = 60.0


async def attack(wanted: Attack, target: Target) -> None:
    """Run it until stdin ends."""
    with trio.move_on_after(LONGEST_S):
        async with trio.open_nursery() as nursery:
            for _ in range(wanted.connections):
                nursery.start_soon(_again_and_again, wanted, target)
            await trio.sleep(HEAD_START_S)
            print("begun", flush=True)
            await trio.lowlevel.wait_readable(sys.stdin.fileno())
            nursery.cancel_scope.cancel("told to stop")


async def _again_and_again(wanted: Attack, target: Target) -> None:
    while True:
        try:
            await wanted.run(target)
        except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the server ended it, or takes no more connections
        await trio.sleep(PAUSE_S)


def _stand_back() -> None:
    """Niceness, within this session (as in setsid) and, where the kernel divides the cores between them, of it."""
    os.nice(NICENESS)
    group = Path("/proc/self/autogroup")
    if group.exists():
        group.write_text(str(NICENESS))


def main(argv: Sequence[str]) -> int:
    """Attack; what was done as JSON on stdout."""
    name, port, key = argv
    _stand_back()
    tally = Tally()
    wanted = ATTACKS[name]
    trio.run(attack, wanted, Target(int(port), key if wanted.trusted else None, tally))
    print(json.dumps(asdict(tally)))
    return 0


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
