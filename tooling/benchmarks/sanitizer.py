"""Measure the spoken-text sanitizer: CPU time per token by length of the reply, and the worst single push."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence

from attrs import asdict, frozen

from actors.session.sanitizer import Sanitizer

TOKEN = 4
"""Characters of a token, about what chat models' tokenizers make of English."""

LENGTHS = (100, 1_000, 10_000, 100_000)
LARGE_PUSH = 4096
REPEATS = 7

PROSE = (
    "The weather was lovely that morning, and she decided to walk along the river before work. It's funny how a small "
    'change like that can turn a whole day around! "Would you come with me?" he asked, but nobody answered. '
)
MIXED = (
    "Contact me at foo.bar@example.com or +1 415-555-1234, 😂 *laughs* it is 72°F; 5*3 is 15 and 10 - 5 for 2020–2024. "
    "A well-known **fact** :) ... <b>bold</b> &amp; https://x.io/a-b?c=1. Text—with dashes, 85% sure.I think. . ooohh! "
)

MARKDOWN = (
    "## A plan for the day\n\nHere is what I would do, and why it should work:\n\n1. **Morning**: walk by the river.\n"
    "2. _Noon_: see [the museum](https://example.com/a_b) with `ticket` in hand.\n- The area is $n^2$, the rest is "
    "easy.\n\n| when | where |\n|---|---|\n| noon | here |\n\nEnjoy it, and tell me afterwards how it was.\n\n"
)


@frozen
class Row:
    """One measurement. Times in microseconds of CPU; `ratio` is against `str.join` of the same chunks."""

    text: str
    characters: int
    us_per_token: float
    join_us_per_token: float
    ratio: float
    worst_push_us: float


def _best(work: Callable[[], None], repeats: int) -> float:
    """CPU seconds of the quickest run: the one that the rest of the machine disturbed least."""
    best = float("inf")
    for _ in range(repeats):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best


def _chunks(unit: str, characters: int, size: int) -> list[str]:
    text = (unit * (characters // len(unit) + 1))[:characters]
    return [text[at : at + size] for at in range(0, characters, size)]


def _sanitise(chunks: Sequence[str]) -> None:
    sanitizer = Sanitizer()
    for chunk in chunks:
        sanitizer.push(chunk)
    sanitizer.flush()


def _large_push(unit: str) -> float:
    """CPU seconds of one 4 kB delta inside a reply, the best of a few."""
    delta = _chunks(unit, LARGE_PUSH, LARGE_PUSH)[0]
    sanitizer = Sanitizer()
    sanitizer.push("So it begins. ")
    return _best(lambda: (sanitizer.push(delta), None)[1], REPEATS)


def measure(name: str, unit: str, characters: int) -> Row:
    """One row: replies of this length, pushed token by token."""
    chunks = _chunks(unit, characters, TOKEN)
    rounds = max(1, 20_000 // characters)  # short replies are repeated until the clock can see them

    def sanitised() -> None:
        for _ in range(rounds):
            _sanitise(chunks)

    def joined() -> None:
        for _ in range(rounds):
            "".join(chunks)

    tokens = len(chunks) * rounds
    spent = _best(sanitised, REPEATS) / tokens * 1e6
    bare = _best(joined, REPEATS) / tokens * 1e6
    return Row(
        name,
        characters,
        round(spent, 2),
        round(bare, 4),
        round(spent / bare, 1) if bare else 0.0,
        round(_large_push(unit) * 1e6, 1),
    )


def main(argv: Sequence[str]) -> int:
    """Run the benchmark; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tooling.benchmarks.sanitizer", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")
    args = parser.parse_args(argv)
    if not args.json:
        print(
            f"{'text':8} {'characters':>10} {'us/token':>9} {'join us/token':>14} {'ratio':>7} {'us per 4 kB push':>17}"
        )
    for name, unit in (("prose", PROSE), ("markdown", MARKDOWN), ("mixed", MIXED)):
        for characters in LENGTHS:
            row = measure(name, unit, characters)
            if args.json:
                print(json.dumps(asdict(row)))
            else:
                print(
                    f"{row.text:8} {row.characters:10} {row.us_per_token:9} {row.join_us_per_token:14} {row.ratio:7} "
                    f"{row.worst_push_us:17}"
                )
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
