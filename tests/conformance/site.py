"""The packages of the fuzzing client: made once for an interpreter, whole or not there, used by every run after."""

import contextlib
import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.conformance.interpreter import Interpreter
from tooling.refusal import FAILED, Refusal
from tooling.setup.locking import locked
from tooling.setup.progress import Progress

HOME = Path(__file__).resolve().parents[2] / ".venvs" / "autobahn"
PINS = Path(__file__).with_name("pins.txt")
RECORD = "made.json"
TAIL_LINES = 12


def ensure(interpreter: Interpreter, home: Path, progress: Progress) -> Path:
    """The directory with the packages; a second process waits for the first and takes its own.

    Raises `Refusal` with pip's last lines; nothing half made counts then.
    """
    key = _key(interpreter)
    if _is_whole(home, key):
        return home
    with locked(home, "the fuzzing client is being fetched by another process", progress):
        if not _is_whole(home, key):
            progress.say(f"fetching it for {interpreter.path} ({interpreter.version}); half a minute")
            _make(interpreter, home, key)
    return home


def _is_whole(home: Path, key: str) -> bool:
    try:
        return bool(json.loads((home / RECORD).read_text("utf-8"))["key"] == key)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _make(interpreter: Interpreter, home: Path, key: str) -> None:
    for left in home.parent.glob(f"{home.name}.partial-*"):
        shutil.rmtree(left, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=f"{home.name}.partial-", dir=home.parent))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        command = [str(interpreter.path), "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run(
            [*command, "--target", str(work / "whole"), "-r", str(PINS)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            said = "\n".join(f"    {line}" for line in done.stdout.splitlines()[-TAIL_LINES:])
            raise Refusal(
                f"{interpreter.path} -m pip could not fetch {PINS.name} (exit code {done.returncode}); with a network"
                f" and a C compiler it can. Its last lines:\n{said}",
                FAILED,
            )
        (work / "whole" / RECORD).write_text(json.dumps({"key": key, "python": str(interpreter.path)}) + "\n", "utf-8")
        shutil.rmtree(home, ignore_errors=True)  # one of another interpreter or other pins
        (work / "whole").rename(home)


def _key(interpreter: Interpreter) -> str:
    facts = f"{interpreter.path.resolve()} {interpreter.version} {PINS.read_text('utf-8')}"
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


__all__ = ["HOME", "ensure"]
