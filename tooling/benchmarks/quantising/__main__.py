"""`python -m tooling.benchmarks.quantising`: exports of one model, each served by ours, one table.

Makes an 8-bit and a 4-bit export with `tooling.quantize` (in `.venvs/quant`), serves the float model and each export
with `python -m runtime`, and asks all of them the same questions greedily. Tells size, seconds to make, perplexity,
tokens a second, time to the first token, and how much of what the float model says each says as well.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import trio
from attrs import asdict, frozen

from tooling.benchmarks.quantising.asked import Answers, agreement, ask
from tooling.benchmarks.serving.contenders import KEY, grammar, our_program, our_settings
from tooling.benchmarks.serving.processes import free_port, running

MEGA = 1e6
SOURCE = "float"


@frozen(kw_only=True)
class Row:
    """One line of the table; what is not known of the float model is None."""

    format: str
    megabytes: float
    made_s: float | None
    perplexity: float | None
    tokens_s: float
    ttft_p50_ms: float
    agreement: float
    says: str


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Print a line for each format, or JSON; 1 if an export could not be made."""
    parser = grammar("python -m tooling.benchmarks.quantising", __doc__ or "")
    parser.add_argument("--formats", nargs="+", choices=["8bit", "4bit"], default=["8bit", "4bit"])
    parser.add_argument("--connections", type=int, default=32, help="that ask at once (default 32)")
    parser.add_argument("--no-calibration", action="store_true", help="4bit: rounded, where there is no GPU")
    parser.add_argument("--float", dest="is_float", action="store_true", help="measure the float model alone")
    options = parser.parse_args(argv)
    for row in _rows(options, environ):
        print(json.dumps(asdict(row)) if options.json else _line(row), flush=True)
    return 0


def _rows(options: argparse.Namespace, environ: Mapping[str, str]) -> Iterator[Row]:
    source = Path(options.model)
    if not options.json:
        print(
            f"{'format':<8}{'MB':>10}{'made s':>9}{'perplexity':>12}{'tokens/s':>10}{'ttft ms':>9}{'agrees':>8}  says"
        )
    floating = _served(options, environ, source)
    weights = sum(path.stat().st_size for path in source.glob("*.safetensors"))
    before: float | None = None
    if options.is_float:
        yield _row(SOURCE, weights, made=(None, None), answers=floating, source=floating)
        return
    for format_ in options.formats:
        made = _make(format_, options, environ)
        if before is None:
            before = float(made["perplexity_before"])
            yield _row(SOURCE, weights, made=(None, before), answers=floating, source=floating)
        answers = _served(options, environ, Path(made["path"]))
        told = (made["seconds"], made["perplexity_after"])
        yield _row(format_, made["bytes"], made=told, answers=answers, source=floating)


def _row(name: str, size: int, *, made: tuple[float | None, float | None], answers: Answers, source: Answers) -> Row:
    return Row(
        format=name,
        megabytes=size / MEGA,
        made_s=made[0],
        perplexity=made[1],
        tokens_s=answers.tokens_a_second,
        ttft_p50_ms=statistics.median(answers.ttft_ms),
        agreement=agreement(source, answers),
        says=answers.texts[0],
    )


def _make(format_: str, options: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, Any]:
    plain = ["--no-calibration"] if options.no_calibration and format_ == "4bit" else []
    command = [sys.executable, "-m", "tooling.quantize", format_, options.model, "--json", *plain]
    done = subprocess.run(command, env=dict(environ), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(1)  # it has said why
    told = json.loads(done.stdout)
    assert isinstance(told, dict)
    return told


def _served(options: argparse.Namespace, environ: Mapping[str, str], place: Path) -> Answers:
    """What a server of that directory says, after a first round that warms it up."""
    port = free_port()
    settings = {**our_settings(options, port, options.connections + 2), "CHAT_MODEL": str(place)}
    with running(our_program(options), {**environ, **settings}, f"http://127.0.0.1:{port}/readyz"):
        trio.run(ask, port, KEY, options.connections)
        return trio.run(ask, port, KEY, options.connections)


def _line(row: Row) -> str:
    made = f"{row.made_s:.0f}" if row.made_s is not None else "-"
    perplexity = f"{row.perplexity:.2f}" if row.perplexity is not None else "-"
    return (
        f"{row.format:<8}{row.megabytes:>10,.1f}{made:>9}{perplexity:>12}{row.tokens_s:>10,.0f}{row.ttft_p50_ms:>9.0f}"
        f"{row.agreement:>8.0%}  {' '.join(row.says.split())[:40]}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
