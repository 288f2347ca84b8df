"""`python -m tooling.benchmarks.fanout.engine_alone STEP_MS SESSIONS SECONDS`: the scripted engine, and nobody there.

Prints the microseconds of CPU that a token of it takes: a part of what our server's process takes, and of no rival's.
"""

import sys
import time
from collections.abc import Sequence

import trio

from engines.base import Delta, GenerationRequest, Output, Sampling
from tooling.benchmarks.scripted.engine import StampingEngine, script
from tooling.usage import answer_help


async def measure(step_s: float, sessions: int, seconds: float) -> float:
    """Microseconds a token."""
    engine = StampingEngine(script(step_s, 4000))
    tokens = 0

    def deliver(outputs: Sequence[tuple[str, Output]]) -> None:
        nonlocal tokens
        tokens += sum(type(output) is Delta for _, output in outputs)

    await engine.open(deliver, lambda _line: None)
    for number in range(sessions):
        engine.submit(GenerationRequest(id=f"{number}", prompt_ids=[1], sampling=Sampling(), max_tokens=4000))
    before = time.process_time()
    with trio.move_on_after(seconds):
        await engine.watch()
    return (time.process_time() - before) / tokens * 1e6


def main(argv: Sequence[str]) -> int:
    """Measure."""
    step_ms, sessions, seconds = argv
    print(trio.run(measure, float(step_ms) / 1000, int(sessions), float(seconds)))
    return 0


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
