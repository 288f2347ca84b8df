"""`python -m tests.chaos.starved`: how long one client of real vLLM on the CPU was ready to run, and did not.

Servers with and without `engines.vllm.waiting` in turns; the client is this process, in another login session than the
server. A line a call, and JSON of all of them at the end.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import trio
from trio_websocket import ConnectionClosed

from tests.chaos.servers import Servers, scratch
from tests.e2e.breaking import GREEDY
from tests.e2e.client import connected, ends_turn
from tooling import usage
from tooling.benchmarks.serving.contenders import PLUGINS

CALL_S = 8.0
WAYS = {"asleep": {}, "yielding": {PLUGINS: "none"}}


def waited_s() -> float:
    """Seconds that this thread was ready to run and did not, ever (Linux, schedstats: the second figure, in ns)."""
    return int(Path("/proc/self/schedstat").read_text("ascii").split()[1]) / 1e9


async def call(port: int) -> dict[str, object]:
    """Hear replies for so many seconds."""
    before, tokens, closed = waited_s(), 0, ""
    with trio.move_on_after(CALL_S):
        try:
            async with connected(port) as client:
                await client.start("r-0", "tell me a story", sampling=GREEDY)
                while True:
                    tokens += 1
                    if ends_turn(await client.frame()):
                        await client.message(f"r-{tokens}", "go on", sampling=GREEDY)
        except ConnectionClosed as end:
            closed = str(end.reason)
    return {"tokens": tokens, "waited_s": round(waited_s() - before, 2), "closed": closed}


def main(argv: Sequence[str]) -> int:
    """Measure, and print."""
    parser = usage.parser("python -m tests.chaos.starved", __doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="servers of each kind (3)")
    parser.add_argument("--calls", type=int, default=3, metavar="N", help="calls of each server (3)")
    options = parser.parse_args(argv)
    rows: list[dict[str, object]] = []
    with scratch() as directory:
        servers = Servers(engine="vllm", clients=1, directory=directory)
        for way, more in list(WAYS.items()) * options.rounds:
            with servers.running(servers.environment(**more)) as server:
                for _ in range(options.calls):
                    rows.append({"way": way, **trio.run(call, server.port)})
                    print(rows[-1], file=sys.stderr, flush=True)
    print(json.dumps(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
