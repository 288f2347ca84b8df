"""`python -m tooling.benchmarks.serving.capacity`: how many callers fit, on ours or on a rival with its limits.

Starts one contender and lets `just capacity` load it; flags behind `--` go there. The result of each is a line of JSON,
so that several starts can be compared.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tooling.benchmarks.serving import contenders
from tooling.benchmarks.serving.processes import free_port, running

CLIENT = "tooling.clients.capacity"
SPARE = 16
"""Connection slots beyond the callers: somebody hangs up and calls again before the server has seen the end."""


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Load one contender; the client's exit code."""
    own, _, rest = _split(argv)
    options = _grammar().parse_args(own)
    port = free_port()
    with running(*_started(options, port, environ), _ready(options, port)):
        flags = _flags(options, port)
        answer = subprocess.run(
            [sys.executable, "-m", CLIENT, "--json", *flags, *rest],
            env={**environ, "TEXT_API_KEY": contenders.KEY},
            stdout=subprocess.PIPE,
            check=False,
        )
    document = json.loads(answer.stdout)
    (found,) = document["summary"].values()
    line = {
        "contender": options.contender,
        "fp8": options.fp8,
        "label": options.label,
        "seconds": document["duration_s"],
    }
    print(json.dumps({**line, **found}), flush=True)
    if options.document is not None:
        options.document.write_bytes(answer.stdout)
    return answer.returncode


def _split(argv: Sequence[str]) -> tuple[Sequence[str], str, Sequence[str]]:
    if "--" not in argv:
        return argv, "", ()
    place = list(argv).index("--")
    return argv[:place], "--", argv[place + 1 :]


def _grammar() -> argparse.ArgumentParser:
    parser = contenders.grammar("python -m tooling.benchmarks.serving.capacity", __doc__ or "")
    parser.add_argument("--contender", choices=("ours", "vllm-serve"), default="ours")
    parser.add_argument("--most", type=int, default=1024, help="callers at most")
    parser.add_argument("--label", default="", help="told in the result, such as the number of the start")
    parser.add_argument("--document", type=Path, metavar="FILE", help="the whole document of the client")
    return parser


def _started(
    options: argparse.Namespace, port: int, environ: Mapping[str, str]
) -> tuple[Sequence[str], Mapping[str, str]]:
    if options.contender == "ours":
        settings = contenders.our_settings(options, port, options.most + SPARE)
        return contenders.our_program(options), {**environ, **settings}
    serve = contenders.vllm_server if options.kv_cache_bytes else contenders.vllm_serve
    return serve(options, port), environ


def _ready(options: argparse.Namespace, port: int) -> str:
    return f"http://127.0.0.1:{port}/{'readyz' if options.contender == 'ours' else 'health'}"


def _flags(options: argparse.Namespace, port: int) -> list[str]:
    if options.contender == "ours":
        return ["--most", str(options.most), "--server", f"ws://127.0.0.1:{port}/ws"]
    url = f"http://127.0.0.1:{port}/v1"
    limits = ["--openai-max-tokens", str(options.max_out), "--openai-model", options.model]
    return ["--most", str(options.most), "--openai-only", "--openai", url, *limits]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
