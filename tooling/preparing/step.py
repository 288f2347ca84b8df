"""One thing to make, decided and not yet done. Pure data: `--plan` prints it, the executor carries it out."""

from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from tooling.cache import Entry, is_complete


@frozen(kw_only=True)
class Step:
    """A worker process and what it makes.

    `name`: quantise, checkpoint, engine or push; `title`: the line printed when it starts. `entry`: the cache entry it
    makes, None for a push. `program`: the worker's argv; the path of a job file is added to it, which holds `job` as
    JSON and, where there is an entry, `output`: the directory to write into. The worker writes `result.json` beside
    the job file (or `refusal` and `code` in it, which are raised), its standard output and error are kept, a failure
    shows the last 60 lines of them.

    `secrets`: names of the environment variables that this worker gets although they are secret; nothing secret is
    ever in `program`, `job` or the result. `environ`: plain settings of the worker's libraries. `disk_bytes`: room it
    needs, checked before the first step starts. `needs_gpu`: a server that holds the GPU is stopped first. `anew`: it
    is made although it is there; the old entry stays until the new one is complete. `reads`: what it is made of; where
    that is an entry, it stays while the worker runs.
    """

    name: str
    title: str
    program: tuple[str, ...]
    job: Mapping[str, object]
    entry: Entry | None = None
    secrets: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(factory=dict)
    disk_bytes: int = 0
    needs_gpu: bool = False
    anew: bool = False
    reads: tuple[Path, ...] = ()

    def makes(self, home: Path) -> Path | None:
        """Where what it makes will stand; None for a push."""
        return self.entry.path(home) if self.entry else None

    def is_made(self, home: Path) -> bool:
        """Whether it is there already, whole, and not asked for anew."""
        return self.entry is not None and not self.anew and is_complete(self.entry.path(home))


__all__ = ["Step"]
