"""Measure for how long reading a client's text keeps everybody else waiting: the parts as they are, and plainly done.

For each shape the longest pause that a thread sees which wants to run every 0.2 ms, while another one reads. "plain" is
what a server does that thinks nothing of it: `json.loads`, one `encode`, one `normalize`.
"""

import json
import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from statistics import median

import ftfy
from attrs import asdict, field, frozen
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from engines.prompts.cutting import cut_start
from engines.prompts.encoder import encoder_of
from protocol.json_text import NotJson, parse
from protocol.text import sanitize_prompt
from runtime.process import SWITCH_INTERVAL_S
from tooling import usage

TICK_S = 0.0002
UTTERANCE_TOKENS = 500


@frozen
class Case:
    """One text, read plainly and as the server reads it."""

    name: str
    text: str = field(repr=False)
    plain: Callable[[str], object] = field(repr=False)
    ours: Callable[[str], object] = field(repr=False)


@frozen
class Row:
    """Longest pauses of a bystander in milliseconds, one a round, and our whole reading time (median)."""

    name: str
    kilobytes: int
    plain_ms: tuple[float, ...]
    ours_ms: tuple[float, ...]
    ours_total_ms: float


def longest_pause(read: Callable[[str], object], text: str) -> tuple[float, float]:
    """Milliseconds: the longest pause of a bystander while the text is read, and the reading."""
    worst, stop, ready = 0.0, threading.Event(), threading.Event()

    def stand_by() -> None:
        nonlocal worst
        last = time.perf_counter()
        while not stop.wait(TICK_S):
            now = time.perf_counter()
            worst, last = max(worst, now - last), now
            ready.set()
        worst = max(worst, time.perf_counter() - last)

    bystander = threading.Thread(target=stand_by)
    bystander.start()
    ready.wait()
    started = time.perf_counter()
    read(text)
    took = time.perf_counter() - started
    stop.set()
    bystander.join()
    return worst * 1000, took * 1000


def cases(size: int) -> Iterator[Case]:
    """Every shape, in texts of about `size` bytes; prompts and utterances as long as the protocol lets them be."""
    shapes = {
        "one string": '"' + "a" * size + '"',
        "one string, Chinese": '"' + "中" * (size // 3) + '"',
        "one string of \\u escapes": '"' + "\\u4e2d" * (size // 6) + '"',
        'one string of \\"': '"' + '\\"' * (size // 2) + '"',
        "[] over and over": "[" + "[]," * (size // 3) + "1]",
        '"" over and over': "[" + '"",' * (size // 3) + "1]",
        '{"a":{}} over and over': "[" + '{"a":{}},' * (size // 9) + "1]",
        "1 over and over": "[" + "1," * (size // 2) + "1]",
        "19,999 arrays": "[" + ",".join(["[]"] * 19_999) + "]",
        "integers of 4,300 digits": "[" + ",".join(["9" * 4300] * (size // 4301)) + "]",
        "a bracket that never closes": "[" * size,
        "blanks": " " * size + "1",
        "a history of 512 messages": json.dumps([{"role": "user", "content": "word " * 78}] * 512),
    }
    for name, text in shapes.items():
        yield Case(f"JSON: {name}", text, _json_plain, _json_ours)
    tokenizer = _tokenizer()
    encoder = encoder_of(tokenizer)
    for name, text in {
        "English": "hello some words " * 5882,
        "Chinese": "中文字符" * 25_000,
        "a": "a" * 100_000,
    }.items():
        yield Case(
            f"utterance: {name}",
            text,
            lambda text: tokenizer.backend_tokenizer.encode(text).offsets,
            lambda text: (encoder.count(text), cut_start(encoder, text, UTTERANCE_TOKENS)),
        )
    for name, text in {
        "plain": "be kind " * 3750,
        "damaged": "Ã©" * 15_000,
        "marks": "a" + "\u0301\u0316" * 15_000,
    }.items():
        yield Case(f"chat prompt: {name}", text, _sanitized_plainly, sanitize_prompt)


def _json_plain(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _json_ours(text: str) -> object:
    try:
        return parse(text)
    except NotJson:
        return None


def _sanitized_plainly(text: str) -> str:
    return unicodedata.normalize("NFKC", ftfy.fix_text(text))


def _tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level and small: Chinese takes three tokens a character, which is as bad as it gets."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(["hello some words, be kind"] * 50, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def measure(size: int, rounds: int) -> list[Row]:
    """Every case `rounds` times, plain and ours in turns."""
    rows = []
    for case in cases(size):
        plain, ours, totals = [], [], []
        for _ in range(rounds):
            plain.append(longest_pause(case.plain, case.text)[0])
            pause, took = longest_pause(case.ours, case.text)
            ours.append(pause)
            totals.append(took)
        kilobytes = len(case.text.encode()) // 1000
        rows.append(Row(case.name, kilobytes, tuple(plain), tuple(ours), median(totals)))
    return rows


def _spread(values: tuple[float, ...]) -> str:
    return f"{median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def main() -> int:
    """Print the table, or one JSON object."""
    parser = usage.parser("python -m tooling.benchmarks.reading", __doc__)
    parser.add_argument("--bytes", type=int, default=2 << 20, help="size of the JSON texts (2097152)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is read (5)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    options = parser.parse_args()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    rows = measure(options.bytes, options.rounds)
    if options.json:
        print(json.dumps({"bytes": options.bytes, "rounds": options.rounds, "rows": [asdict(row) for row in rows]}))
        return 0
    print("| text | kB | longest pause, plain (ms) | longest pause, ours (ms) | ours, all of it (ms) |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for row in rows:
        print(
            f"| {row.name} | {row.kilobytes} | {_spread(row.plain_ms)} | {_spread(row.ours_ms)} "
            f"| {row.ours_total_ms:.0f} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
