"""One virtual environment on disk: made, found sound or made again, and its record of what was put in."""

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tooling.setup.errors import MachineError, SetupError
from tooling.setup.locking import locked
from tooling.setup.progress import Progress
from tooling.setup.uv import Uv

RECORD = "set-up.json"


@dataclass(frozen=True)
class Environment:
    """A virtual environment directory and what can be asked of it."""

    path: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.path / "bin" / "python"

    def sound(self) -> bool:
        """Whether its interpreter runs and still is the version its packages were installed for."""
        if not self.python.exists():  # follows the link: false as well when the interpreter was removed
            return False
        code = "import sys; print('python%d.%d' % sys.version_info[:2])"
        try:
            said = subprocess.run(
                [str(self.python), "-I", "-S", "-c", code], capture_output=True, text=True, check=False
            )
        except OSError:  # another machine's, or half of one
            return False
        home = self.path / "lib" / said.stdout.strip()
        return said.returncode == 0 and (home / "site-packages" / "pip").is_dir()

    def record(self) -> dict[str, str]:
        """Stage name to key of everything that was completed in it."""
        try:
            kept = json.loads((self.path / RECORD).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def keep(self, record: Mapping[str, str]) -> None:
        """Replace the record, in one step so that an interruption leaves the old or the new one."""
        partial = self.path / f"{RECORD}.partial"
        partial.write_text(json.dumps(dict(record), indent=1, sort_keys=True) + "\n", "utf-8")
        partial.replace(self.path / RECORD)

    def make(self, interpreter: str = sys.executable, uv: Uv | None = None) -> None:
        """Make it afresh with this interpreter, by default the running one, and with pip in it. Raises `SetupError`."""
        shutil.rmtree(self.path, ignore_errors=True)
        if uv is not None:
            command = uv.venv(self.path, interpreter)
            made = subprocess.run(command, env=dict(uv.environ), capture_output=True, text=True, check=False)
            if made.returncode == 0 and self.sound():
                return
            shutil.rmtree(self.path, ignore_errors=True)
        command = [interpreter, "-m", "venv", str(self.path)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            said = made.stdout + made.stderr
            tail = "\n".join(f"    {line}" for line in said.splitlines()[-10:])
            missing = "ensurepip" in said and "No space left" not in said
            mend = "\nOn Debian and Ubuntu the package python3-venv is what is missing." if missing else ""
            shutil.rmtree(self.path, ignore_errors=True)
            raise SetupError(f"python -m venv failed:\n{tail}{mend}")

    @contextlib.contextmanager
    def locked(self, progress: Progress) -> Iterator[int]:
        """Hold this environment alone: a second set-up waits for the first and then finds everything done.

        Gives the lock's descriptor; a child that inherits it holds the lock as well.
        """
        with locked(self.path, f"another set-up of {self.path.name} is running", progress) as descriptor:
            yield descriptor


def require_space(path: Path, wanted_bytes: int) -> None:
    """Refuse before hours of downloads when the disk cannot hold them. Raises `MachineError`."""
    free = shutil.disk_usage(path).free
    if free < wanted_bytes:
        raise MachineError(
            f"{path} has {free / 1e9:.1f} GB free, this needs about {wanted_bytes / 1e9:.1f} GB: free some space first"
        )


__all__ = ["Environment", "require_space"]
