"""A disk of half a MiB: a tmpfs in a mount namespace of its own, which takes no privilege that a user has not."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define

KIB = 512
HOLDS = f'mount -t tmpfs -o size={KIB}k none "$1" && echo mounted && exec sleep infinity'
FILLER = "filler"
PIECES = (1 << 16, 1 << 12, 1)


@define
class SmallDisk:
    """`inside`: where it is for who runs within its namespace; `outside`: the same for everybody else."""

    inside: Path
    outside: Path
    within: tuple[str, ...]

    def fill(self) -> None:
        """Not a byte is left."""
        with (self.outside / FILLER).open("ab", buffering=0) as file:
            for size in PIECES:
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    continue  # a smaller piece may still fit

    def clear(self) -> None:
        """There is room again."""
        (self.outside / FILLER).unlink()


@contextmanager
def small_disk(directory: Path) -> Iterator[SmallDisk]:
    """Mounted on a directory, for as long as somebody needs it."""
    holder = subprocess.Popen(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", HOLDS, "sh", str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stderr is not None
        said = holder.stdout.readline()
        assert said == "mounted\n", f"no disk of our own can be mounted here: {holder.stderr.read().strip()}"
        target = ("nsenter", f"--target={holder.pid}", "--user", "--mount", "--preserve-credentials")
        yield SmallDisk(directory, Path(f"/proc/{holder.pid}/root") / directory.relative_to("/"), target)
    finally:
        holder.kill()
        holder.communicate()


__all__ = ["SmallDisk", "small_disk"]
