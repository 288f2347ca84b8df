"""The Python 2.7 that the fuzzing client runs on: found, never installed."""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import which

from attrs import frozen

from tooling.refusal import REFUSED, Refusal

NAMES = ("python2.7", "python2")
PROOF = (
    "import platform, sys, pip; sys.stdout.write('%d.%d %s' % (sys.version_info[:2] + (platform.python_version(),)))"
)
PROOF_S = 30.0
MEND = "`pyenv install 2.7.18` makes one where it is looked for, and --python PATH names any other"


@frozen
class Interpreter:
    """One that runs and has pip. `version`: its own words, as 2.7.18."""

    path: Path
    version: str


def find(named: str | None, environ: Mapping[str, str]) -> Interpreter:
    """The one that is named, else the first that works: on PATH, then pyenv's, newest first.

    Raises `Refusal` (3) that says what was tried and how to have one.
    """
    tried: list[str] = []
    for path in [Path(named)] if named else _candidates(environ):
        try:
            return proven(path)
        except OSError as error:
            tried.append(f"{path} ({error})")
    looked = "; ".join(tried) or f"there is no {' or '.join(NAMES)} on PATH and none of pyenv's"
    raise Refusal(f"the fuzzing client needs a Python 2.7 with pip: {looked}; {MEND}", REFUSED)


def proven(path: Path) -> Interpreter:
    """The interpreter at a path. Raises `OSError` that says why it is none for this."""
    try:
        done = subprocess.run(
            [path, "-c", PROOF], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PROOF_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"no answer in {PROOF_S:.0f} s") from error
    if done.returncode:
        raise OSError((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1].strip())
    kind, _, version = done.stdout.partition(" ")
    if kind != "2.7":
        raise OSError(f"it is Python {version or kind}")
    return Interpreter(path, version)


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    for name in NAMES:
        if found := which(name, path=environ.get("PATH")):
            yield Path(found)
    pyenv = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "/")) / ".pyenv")
    yield from sorted(pyenv.glob("versions/2.7.*/bin/python2.7"), key=lambda path: path.parts[-3], reverse=True)


__all__ = ["Interpreter", "find", "proven"]
