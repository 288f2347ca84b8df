"""Runs the fuzzing client against servers of ours: cases in several lanes, each with an echo of its own."""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from attrs import frozen

from tests.conformance.verdict import Verdict
from tooling.benchmarks.serving.processes import free_port
from tooling.refusal import FAILED, Refusal

ROOT = Path(__file__).resolve().parents[2]
# A plain PYTHONPATH would miss the namespace packages of zope.
SITE = "import site, sys; site.addsitedir(sys.argv[1]); "
RUN = SITE + "sys.argv[:2] = ['wstest']; from autobahntestsuite import wstest; wstest.run()"
LIST = SITE + (
    "from autobahntestsuite import case; cut = len(case.CaseBasename); "
    "sys.stdout.write('\\n'.join(each.__name__[cut:].replace('_', '.') for each in case.Cases))"
)
STARTED = "Running test case ID "
START_S = 60.0
PATIENCE = {"openHandshakeTimeout": 30, "closeHandshakeTimeout": 10, "serverConnectionDropTimeout": 10}
"""Seconds. Its own second for a close is shorter than what a busy machine now and then takes from one of the two."""


@frozen
class Fuzzer:
    """The client: its interpreter, its packages, and who hears of every case that begins."""

    python: Path
    site: Path
    began: Callable[[str], None]

    def cases(self) -> list[str]:
        """The ids of all cases there are, in the suite's order."""
        command = [str(self.python), "-c", LIST, str(self.site)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refusal(f"the fuzzing client does not run: {done.stderr.strip()[-500:]}", FAILED)
        return done.stdout.split()

    def judge(self, cases: Sequence[str], *, compress: bool, lanes: int) -> list[Verdict]:
        """Every case once, by so many clients at a time. Raises `Refusal` when one was not judged."""
        shares = [share for lane in range(lanes) if (share := cases[lane::lanes])]
        with ThreadPoolExecutor(max_workers=max(1, len(shares))) as pool:
            parts = list(pool.map(lambda share: self._lane(share, compress=compress), shares))
        verdicts = {verdict.case: verdict for part in parts for verdict in part}
        if missing := [case for case in cases if case not in verdicts]:
            raise Refusal(f"{len(missing)} cases were not judged, {missing[0]} first: the server was not there", FAILED)
        return [verdicts[case] for case in cases]

    def _lane(self, cases: Sequence[str], *, compress: bool) -> list[Verdict]:
        with _echo(compress=compress) as port, tempfile.TemporaryDirectory(prefix="autobahn-") as scratch:
            spec = {
                "options": {"failByDrop": False, **PATIENCE},
                "outdir": scratch,
                "servers": [{"agent": "yap", "url": f"ws://127.0.0.1:{port}/ws?api_key=autobahn"}],
                "cases": list(cases),
                "exclude-cases": [],
                "exclude-agent-cases": {},
            }
            file = Path(scratch) / "spec.json"
            file.write_text(json.dumps(spec), "utf-8")
            self._run(file)
            (told,) = json.loads((Path(scratch) / "index.json").read_text("utf-8")).values()
        return [
            Verdict(case, compress, one["behavior"], one["behaviorClose"], one["duration"])
            for case, one in told.items()
        ]

    def _run(self, spec: Path) -> None:
        command = [str(self.python), "-u", "-c", RUN, str(self.site), "-m", "fuzzingclient", "-s", str(spec)]
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors,
            subprocess.Popen(
                command, cwd=spec.parent, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True
            ) as client,
        ):
            try:
                assert client.stdout is not None
                for line in client.stdout:
                    if line.startswith(STARTED):
                        self.began(line.removeprefix(STARTED).split()[0])
            except BaseException:
                client.kill()
                raise
            if client.wait():
                errors.seek(0)
                raise Refusal(f"the fuzzing client ended with {client.returncode}: {errors.read()[-500:]}", FAILED)


@contextmanager
def _echo(*, compress: bool) -> Iterator[int]:
    """The port of an echo, ended on the way out."""
    port = free_port()
    arguments = [sys.executable, "-m", "tests.conformance.echo", str(port), *(["--compress"] if compress else [])]
    echo = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        _wait(port, echo)
        yield port
    finally:
        echo.kill()
        echo.wait()


def _wait(port: int, echo: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and echo.poll() is None:
        try:
            HTTPConnection("127.0.0.1", port, timeout=5).request("GET", "/healthz")
        except OSError:
            threading.Event().wait(0.1)
        else:
            return
    raise Refusal("the server under test did not come up", FAILED)


__all__ = ["Fuzzer"]
