"""A wall clock that can be moved under processes that were told of it, and under nobody else."""

import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

from attrs import define

SOURCE = Path(__file__).with_suffix(".c")
SECONDS = struct.Struct("=q")


@define
class WallClock:
    """`environment`: of the processes. What they see changes at once; what waits in the kernel by the wall clock does
    not."""

    _file: Path
    _library: Path

    @classmethod
    def made(cls, directory: Path) -> "WallClock":
        """Compile what is preloaded. Raises `AssertionError` where there is no compiler."""
        compiler = shutil.which("cc") or shutil.which("gcc")
        assert compiler is not None, "there is no C compiler here, which makes the clock: install gcc"
        library = directory / "wall_clock.so"
        command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"the clock was not compiled: {done.stderr.strip()[-400:]}"
        made = cls(directory / "wall_clock", library)
        made.jump(0)
        return made

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs to see it."""
        return {"LD_PRELOAD": str(self._library), "CHAOS_CLOCK": str(self._file)}

    def jump(self, seconds: int) -> None:
        """Be off by so many seconds from now on. In place: the file is mapped."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(SECONDS.pack(seconds))


__all__ = ["WallClock"]
