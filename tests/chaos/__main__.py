"""Break a whole server with a real engine in every way that production knows, and see that everything comes back.

Without names all scenarios run, in about ten minutes on two cores. Each starts from a look at the server's memory,
descriptors, processes and metrics, and ends when all of them are back.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

import trio
from attrs import define

from tests.chaos.attempt import Outcome, attempt
from tests.chaos.report import document, lines
from tests.chaos.scenario import Scenario
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.servers import ENGINES, Servers, scratch
from tooling import INTERRUPTED, usage
from tooling.refusal import FAILED

CLIENTS = 500


@define
class Run:
    """One run of the program. `shows`: progress goes to stderr."""

    servers: Servers
    began: float

    def say(self, what: str) -> None:
        """Progress."""
        print(f"[{time.monotonic() - self.began:6.1f} s] {what}", file=sys.stderr, flush=True)

    def all(self, wanted: Iterable[Scenario]) -> Iterator[Outcome]:
        """One outcome after the other. Scenarios that share a house stand together; one that fails ends it."""
        for house, scenarios in groupby(wanted, key=lambda one: one.house):
            left = list(scenarios)
            while left:
                yield from self._in_one_house(house, left)

    def _in_one_house(self, house: "object", left: list[Scenario]) -> Iterator[Outcome]:
        """Scenarios off the front of `left`, until one fails: the next one gets a server that nothing happened to."""
        with ExitStack() as stack:
            try:
                self.say(f"{left[0].name}: starting a server")
                server = stack.enter_context(left[0].house(self.servers))
            except (AssertionError, OSError) as error:
                yield Outcome(name=left.pop(0).name, problems=(f"no server: {str(error)[-600:]}",))
                return
            while left:
                scenario = left.pop(0)
                self.say(f"{scenario.name}: {scenario.what}")
                outcome = trio.run(
                    attempt,
                    scenario,
                    self.servers,
                    server,
                    lambda what, name=scenario.name: self.say(f"{name}: {what}"),
                )
                self.say(f"{scenario.name}: {'ok' if outcome.passed else f'FAILED: {outcome.problems[0]}'}")
                yield outcome
                if not outcome.passed:
                    return


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run what is asked for; the exit status: 1 if any of it failed."""
    parser = usage.parser("just chaos", __doc__, codes="0 all came back, 1 a scenario failed, 2 usage, 130 interrupted")
    parser.add_argument("names", nargs="*", metavar="SCENARIO", help="which (default: all); --list names them")
    parser.add_argument("--list", action="store_true", help="name the scenarios, and stop")
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0], help="standin: to try this program out")
    parser.add_argument("--model", type=Path, help="what vLLM serves (default: random weights that never stop talking)")
    parser.add_argument("--clients", type=int, default=CLIENTS, metavar="N", help=f"how many a crowd is ({CLIENTS})")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    options = parser.parse_args(argv)
    if unknown := [name for name in options.names if name not in SCENARIOS]:
        parser.error(f"there is no scenario {', '.join(unknown)}; --list names all")
    if options.list:
        width = max(map(len, SCENARIOS))
        print("\n".join(f"{name:<{width}}  {one.what}" for name, one in SCENARIOS.items()))
        return 0
    wanted = [one for name, one in SCENARIOS.items() if name in options.names or not options.names]
    began = time.monotonic()
    with scratch() as directory:
        servers = Servers(engine=options.engine, clients=options.clients, directory=directory, model=options.model)
        outcomes = list(Run(servers, began).all(wanted))
    seconds = time.monotonic() - began
    if options.json:
        print(document(outcomes, seconds, options.engine))
    else:
        colours = sys.stdout.isatty() and not environ.get("NO_COLOR")
        print("\n".join(lines(outcomes, colours=colours)))
        print(f"{sum(one.passed for one in outcomes)} of {len(outcomes)} came back, {seconds:.0f} s")
    return 0 if all(outcome.passed for outcome in outcomes) else FAILED


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl+C: no server is left behind
    code = INTERRUPTED
    try:
        code = main(sys.argv[1:], os.environ)  # noqa: TID251 - an entry module
    except* KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    sys.exit(code)
