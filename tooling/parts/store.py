"""The parts on disk: each is whole or not there, and one process at a time makes them.

Layout: `NAME/` a whole part with its record, `NAME.partial-*/` one being made, `apt/` apt's lists and caches;
`parts.lock` beside it all.
"""

import contextlib
import hashlib
import json
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tooling.parts.debian import Packages, require_tools
from tooling.parts.surroundings import variables, write_fonts
from tooling.parts.table import PARTS, Part
from tooling.setup.environment import require_space
from tooling.setup.errors import SetupError
from tooling.setup.locking import locked
from tooling.setup.progress import Progress

HOME = Path(__file__).resolve().parents[2] / ".venvs" / "parts"
RECORD = "part.json"
PROOF_S = 60.0


def ensure(wanted: Sequence[Part], home: Path, environ: Mapping[str, str], progress: Progress) -> list[Path]:
    """Return each part's directory below `home`, made if it is not whole.

    A second process waits for the first and takes its parts. Raises `SetupError`, `OSError` when `home` cannot be
    written; nothing half made counts then.
    """
    if not all(is_whole(part, home) for part in wanted):
        with locked(home, "the parts are being fetched by another process", progress):
            if missing := [part for part in wanted if not is_whole(part, home)]:
                require_tools(missing, environ)
                _make_all(missing, home, environ, progress)
    return [home / part.name for part in wanted]


def is_whole(part: Part, home: Path) -> bool:
    """Whether a part is there as it was unpacked, by its record: for this machine, every file with its size."""
    directory = home / part.name
    try:
        kept = json.loads((directory / RECORD).read_text("utf-8"))
        sizes = {directory / name: size for name, size in kept["files"].items()}
        return kept["key"] == _key(part) and all(path.lstat().st_size == size for path, size in sizes.items())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False


def program(part: str, name: str, home: Path = HOME) -> Path:
    """The path of a part's program. Raises `SetupError` when the part is not there; nothing is fetched."""
    if not is_whole(PARTS[part], home):
        raise SetupError(f"{name} is not here: fetch the part with `just parts {part}`")
    return home / part / PARTS[part].programs[name]


def environment(part: str, home: Path = HOME) -> dict[str, str]:
    """The variables that a part's programs need: where the libraries and fonts are that were unpacked with them."""
    return _environment(PARTS[part], home / part)


def _environment(part: Part, directory: Path) -> dict[str, str]:
    return {} if part.leaves_out is None else variables(directory)


def _make_all(parts: Sequence[Part], home: Path, environ: Mapping[str, str], progress: Progress) -> None:
    home.mkdir(parents=True, exist_ok=True)
    require_space(home, sum(part.space_bytes for part in parts))
    progress.total = 1 + len(parts)
    packages = Packages(home / "apt", environ, progress)
    with progress.step("lists of packages"):
        packages.update()
    for part in parts:
        with progress.step(part.name), _beside(home / part.name) as work:
            _make(part, work, packages)
            # A directory under its name is one of another machine or another version, or was damaged.
            shutil.rmtree(home / part.name, ignore_errors=True)
            (work / "whole").rename(home / part.name)


def _make(part: Part, work: Path, packages: Packages) -> None:
    whole, fetched = work / "whole", work / "fetched"
    whole.mkdir()
    fetched.mkdir()
    wanted: Sequence[str] = part.packages
    if part.leaves_out is not None:
        wanted = packages.with_dependencies(part.packages, part.leaves_out)
    files = packages.fetch(wanted, fetched)
    for file in files:
        packages.unpack(file, whole)
    if part.leaves_out is not None:
        write_fonts(whole)
    for name, path in part.programs.items():
        _prove(name, whole / path, part.proof, _environment(part, whole))
    sizes = {
        str(path.relative_to(whole)): path.lstat().st_size
        for path in sorted(whole.rglob("*"))
        if path.is_file() or path.is_symlink()
    }
    record = {"key": _key(part), "packages": [file.name for file in files], "files": sizes}
    (whole / RECORD).write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def _prove(name: str, path: Path, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run it once: what lacks a shared library, or was made for another processor, is found here and not in a test."""
    try:
        done = subprocess.run(
            [path, *arguments], env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROOF_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{name} was unpacked and does not run here: {error}") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[-500:]
        raise SetupError(f"{name} was unpacked and does not run here (exit code {done.returncode}): {said}")


@contextlib.contextmanager
def _beside(final: Path) -> Iterator[Path]:
    """A fresh directory to make a part in; what killed makers left is removed, and so is this one in the end."""
    for left in final.parent.glob(f"{final.name}.partial-*"):
        shutil.rmtree(left, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=f"{final.name}.partial-", dir=final.parent))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _key(part: Part) -> str:
    """Changes with the part's line in the table, the distribution and the processor."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    distribution = [release.get("ID"), release.get("VERSION_ID"), platform.machine()]
    facts = [part.packages, part.programs, part.leaves_out, *distribution]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


__all__ = ["HOME", "ensure", "environment", "is_whole", "program"]
