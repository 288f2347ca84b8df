"""`python -m tests.hardware.vllm.starts --model M --dummy`: starts that cannot succeed, on a real engine.

Each must end the server with a status that is not 0 and with words that say why; nothing of it may stay. Prints one
line per check, the server's own words beneath it. Exit status 1 if any check failed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from runtime.gpus import GIB, visible_gpus
from tests.e2e.program import left_of_session
from tests.hardware.server import PROGRAMS, child_environment, grammar, settings
from tooling.benchmarks.serving.processes import free_port

PATIENCE_S = 300


@frozen(kw_only=True)
class Start:
    """A start that must fail: with these settings, of these weights, saying one of these words."""

    name: str
    environ: Mapping[str, str]
    dummy: bool
    says: tuple[str, ...]


def starts(options: Namespace, scratch: Path) -> Iterator[Start]:
    """Every one of them."""
    broken = scratch / "broken"
    shutil.copytree(options.model, broken)
    for weights in broken.glob("*.safetensors"):
        weights.unlink()
    (broken / "model.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{}")
    yield Start(
        name="broken weights",
        environ={"CHAT_MODEL": str(broken)},
        dummy=False,
        says=("SafetensorError", "safetensors", "header"),
    )
    yield Start(
        name="a KV cache larger than the memory",
        environ={"CHAT_KV_CACHE_BYTES": str(4096 * GIB)},
        dummy=options.dummy,
        says=("out of memory", "OutOfMemory", "Available memory"),
    )
    if visible_gpus(os.environ):  # noqa: TID251
        yield Start(
            name="another program holds the GPU's memory",
            environ={"CHAT_GPU_FRAC": "0.9"},
            dummy=options.dummy,
            says=("GiB free of",),
        )


def holder() -> subprocess.Popen[str]:
    """A program that takes a quarter of the first GPU until its standard input closes."""
    code = (
        "import sys, torch; n = torch.cuda.get_device_properties(0).total_memory // 4;"
        "kept = torch.empty(n, dtype=torch.uint8, device='cuda'); print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def attempt(start: Start, options: Namespace, environ: Mapping[str, str]) -> tuple[bool, str]:
    """Whether it failed as it should, and the server's last words."""
    # The library's own variable would outweigh the size that must not fit.
    inherited = {name: value for name, value in environ.items() if name != "VLLM_CPU_KVCACHE_SPACE"}
    child = child_environment(inherited, {**settings(options, free_port()), **start.environ})
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", PROGRAMS[start.dummy]],
        env=child,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, log = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return False, f"still running after {PATIENCE_S} s"
    told = [line for line in log.splitlines() if "server.failed" in line]
    words = [line for line in told if any(word in line for word in start.says)]
    left = left_of(process.pid)
    seen = f"exit {process.returncode} after {time.perf_counter() - began:.0f} s, {len(left)} processes left"
    said = words[-1][:400] if words else "\n".join(log.splitlines()[-8:])
    return process.returncode not in (0, None) and bool(words) and not left, f"{seen}\n         {said}"


def left_of(leader: int, within_s: float = 8.0) -> list[str]:
    """What is still there of a session, once its trackers have had the time to tidy up."""
    deadline = time.monotonic() + within_s
    while (left := left_of_session(leader)) and time.monotonic() < deadline:
        time.sleep(0.1)  # noqa: TID251 - no trio here
    return left


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Try every start."""
    options = grammar("python -m tests.hardware.vllm.starts", main.__doc__ or "").parse_args(argv)
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for start in starts(options, Path(scratch)):
            other = holder() if "another" in start.name else None
            try:
                fine, seen = attempt(start, options, environ)
            finally:
                if other is not None:
                    other.communicate("")
            failed += not fine
            print(f"{'ok    ' if fine else 'FAILED'} {start.name}: {seen}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
