"""The versions that the project pins for an engine: from the checkout, or from what is installed."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTION = "yap-text-inference"
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^;\s]+)(?:\s*;\s*extra == ['\"](?P<extra>[a-z]+)['\"])?")


def pins(engine: str, root: Path = ROOT) -> dict[str, str]:
    """Canonical distribution name to version; for the CPU the lock's as well. Empty if the project says nothing."""
    wanted = _checkout(engine, root) if (root / "pyproject.toml").is_file() else _installed(engine)
    lock = root / "tooling" / "locks" / "cpu.txt"
    lines = lock.read_text("utf-8").splitlines() if engine == "cpu" and lock.is_file() else []
    found = [match for text in (*wanted, *lines) if (match := PIN.match(text))]
    return {re.sub(r"[-_.]+", "-", match["name"]).lower(): match["version"] for match in found}


def _checkout(engine: str, root: Path) -> list[str]:
    table = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    return list(table["project"]["optional-dependencies"].get(engine, ()))


def _installed(engine: str) -> list[str]:
    try:
        wanted = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []
    return [text for text in wanted if (match := PIN.match(text)) and match["extra"] == engine]


__all__ = ["DISTRIBUTION", "ROOT", "pins"]
