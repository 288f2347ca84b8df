"""What the project pins for an environment, and whether that environment is what set-up would make of it today."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

from tooling.setup.environment import Environment
from tooling.setup.project import Project, pins_of
from tooling.setup.stages import plan

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTION = "yap-text-inference"
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^;\s]+)(?:\s*;\s*extra == ['\"](?P<extra>[a-z]+)['\"])?")


def pins(environment: str, root: Path = ROOT, *, gpu: bool = False) -> dict[str, str]:
    """Canonical distribution name to version, the lock's as well where the environment is one that set-up made.

    `gpu`: whether the environment `quant` was made for a GPU. Empty if the project says nothing.
    """
    is_checkout = (root / "pyproject.toml").is_file()
    wanted = _checkout(environment, root) if is_checkout else _installed(environment)
    found = {_canonical(match["name"]): match["version"] for text in wanted if (match := PIN.match(text))}
    for lock in _locks(environment, root, gpu=gpu, is_checkout=is_checkout):
        if lock.is_file():
            found |= pins_of(lock.read_text("utf-8"))
    return found


def behind(environment: str, root: Path = ROOT, *, gpu: bool = False) -> tuple[str, ...]:
    """Titles of the stages that a set-up would do now: pins have changed since, or it was cut short.

    Empty too where this is no checkout, and for an environment that set-up did not make.
    """
    made = Environment(root / ".venvs" / environment)
    if not (root / "pyproject.toml").is_file() or not made.path.is_dir():
        return ()
    record = made.record()
    stages = plan(Project(root), environment, dev="lock-dev" in record, bench="lock-bench" in record, gpu=gpu)
    return tuple(stage.title for stage in stages if record.get(stage.name) != stage.key)


def _locks(environment: str, root: Path, *, gpu: bool, is_checkout: bool) -> list[Path]:
    # An image brings the engine's own packages, in whatever versions: what is locked is not what is there.
    is_ours = is_checkout and (root / ".venvs" / environment).is_dir()
    named = {
        "cpu": ["cpu"],
        "vllm": ["vllm", "cuda"] if is_ours else [],
        "quant": ["quant", "cuda"] if gpu else ["quant"],
    }
    return [root / "tooling" / "locks" / f"{name}.txt" for name in named.get(environment, [])]


def _checkout(engine: str, root: Path) -> list[str]:
    table = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    return list(table["project"]["optional-dependencies"].get(engine, ()))


def _installed(engine: str) -> list[str]:
    try:
        wanted = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []
    return [text for text in wanted if (match := PIN.match(text)) and match["extra"] == engine]


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


__all__ = ["DISTRIBUTION", "ROOT", "behind", "pins"]
