"""`python -m tests.conformance.autobahn PYTHON2 SITE [CASE...]`: run the fuzzing client, print what was not OK.

`PYTHON2`: a Python 2.7 interpreter; `SITE`: the directory that autobahntestsuite was installed into. Once without and
once with compression. Exit status 1 if a case failed or was not strict.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path

from tooling.benchmarks.serving.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
COMPRESSION = ("12.*", "13.*")
"""Left out without compression, which is all they are about."""
RUN = (
    "import site, sys; site.addsitedir(sys.argv[1]); sys.argv[:2] = ['wstest']; "
    "from autobahntestsuite import wstest; wstest.run()"
)
"""A plain PYTHONPATH would miss the namespace packages of zope."""
GOOD = ("OK", "INFORMATIONAL", "UNIMPLEMENTED")


def run(python: str, site: str, cases: Sequence[str], left_out: Sequence[str], *, compress: bool) -> dict[str, str]:
    """How our behaviour was judged, by case; a close that was is behind a slash."""
    port = free_port()
    arguments = [sys.executable, "-m", "tests.conformance.echo", str(port), *(["--compress"] if compress else [])]
    echo = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        _wait(port)
        with tempfile.TemporaryDirectory(prefix="autobahn-") as scratch:
            spec = {
                "options": {"failByDrop": False},
                "outdir": scratch,
                "servers": [{"agent": "yap", "url": f"ws://127.0.0.1:{port}/ws?api_key=autobahn"}],
                "cases": list(cases),
                "exclude-cases": list(left_out),
                "exclude-agent-cases": {},
            }
            file = Path(scratch) / "spec.json"
            file.write_text(json.dumps(spec))
            command = [python, "-c", RUN, site, "-m", "fuzzingclient", "-s", str(file)]
            subprocess.run(command, cwd=scratch, check=True, stdout=subprocess.DEVNULL)
            (verdicts,) = json.loads((Path(scratch) / "index.json").read_text()).values()
    finally:
        echo.kill()
        echo.wait()
    return {name: f"{told['behavior']} / {told['behaviorClose']}" for name, told in verdicts.items()}


def _wait(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            HTTPConnection("127.0.0.1", port, timeout=5).request("GET", "/healthz")
        except OSError:
            time.sleep(0.1)  # noqa: TID251 - no trio here
        else:
            return
    raise SystemExit("the echo did not come up")


def main(argv: Sequence[str]) -> int:
    """Run it both ways."""
    python, site, *cases = argv
    bad = 0
    for compress in (False, True):
        left_out = () if compress else COMPRESSION
        judged = run(python, site, cases or ["*"], left_out, compress=compress)
        print("with compression" if compress else "without compression", dict(Counter(judged.values())))
        for name, verdict in judged.items():
            if any(word not in GOOD for word in verdict.split(" / ")):
                bad += 1
                print(f"  {name}: {verdict}")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
