"""Measure the spoken-text sanitizer: CPU time per token by length of the reply, and the worst single push.

With `--beside CHECKOUT` another checkout's sanitizer takes turns with this one's, round by round, each in a process of
its own, and the ratios of this one's times to the other's are printed.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from attrs import asdict, frozen

from actors.session.sanitizer import Sanitizer
from tooling import usage
from tooling.benchmarks.figures import Spread, table

TOKEN, WORD = 4, 0
"""Characters of a token, about what chat models' tokenizers make of English; or each a space and a word."""

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
    if size == WORD:
        return [f" {word}" for word in text.split(" ")]
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


def measure(name: str, unit: str, characters: int, size: int = TOKEN) -> Row:
    """One row: replies of this length, pushed token by token, each of `size` characters (`WORD`: a word)."""
    chunks = _chunks(unit, characters, size)
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


def _rows() -> Iterator[Row]:
    for name, unit in (("prose", PROSE), ("markdown", MARKDOWN), ("mixed", MIXED)):
        for characters in LENGTHS:
            yield measure(name, unit, characters)
    yield measure("words", PROSE, LENGTHS[1], WORD)
    yield measure("letters", PROSE, LENGTHS[1], 1)


def _elsewhere(checkout: Path) -> list[Row]:
    """This benchmark over the sanitizer of a checkout."""
    argv = [sys.executable, "-P", "-c", f"import runpy; runpy.run_path({__file__!r}, run_name='__main__')", "--json"]
    environ = {**os.environ, "PYTHONPATH": str(checkout)}  # noqa: TID251 - an entry module
    done = subprocess.run(argv, cwd=checkout, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    return [Row(**json.loads(line)) for line in done.stdout.splitlines()]


def compare(here: Path, there: Path, rounds: int) -> Iterator[dict[str, object]]:
    """Both checkouts by turns, the first of a round going second in the next; a row for each text and length."""
    seen: dict[Path, list[list[Row]]] = {here: [], there: []}
    for number in range(rounds):
        for checkout in (here, there) if number % 2 else (there, here):
            seen[checkout].append(_elsewhere(checkout))
    for ours, theirs in zip(zip(*seen[here], strict=True), zip(*seen[there], strict=True), strict=True):
        pairs = list(zip(ours, theirs, strict=True))
        yield {
            "text": ours[0].text,
            "characters": ours[0].characters,
            "there us/token": f"{Spread.of(row.us_per_token for row in theirs).median:.2f}",
            "here us/token": f"{Spread.of(row.us_per_token for row in ours).median:.2f}",
            "ratio": f"{Spread.of(one.us_per_token / other.us_per_token for one, other in pairs):.2f}",
            "ratio of a 4 kB push": f"{Spread.of(one.worst_push_us / other.worst_push_us for one, other in pairs):.2f}",
        }


def main(argv: Sequence[str]) -> int:
    """Run the benchmark; the exit status."""
    parser = usage.parser("python -m tooling.benchmarks.sanitizer", __doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")
    parser.add_argument("--beside", type=Path, metavar="CHECKOUT", help="another checkout of this project")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="with --beside: rounds (default 3)")
    args = parser.parse_args(argv)
    if args.beside is not None:
        rows = list(compare(Path(__file__).parents[2], args.beside.resolve(), args.rounds))
        print("\n".join(map(json.dumps, rows) if args.json else table(rows)))
        return 0
    if not args.json:
        print(
            f"{'text':8} {'characters':>10} {'us/token':>9} {'join us/token':>14} {'ratio':>7} {'us per 4 kB push':>17}"
        )
    for row in _rows():
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
