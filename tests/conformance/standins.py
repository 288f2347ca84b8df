"""A Python 2.7 for tests: it says its version, and its pip makes a directory or fails."""

from pathlib import Path

SCRIPT = """\
#!/bin/sh
case "$*" in
*"import platform"*) echo "$*" | grep -q pip && printf '%s' '{said}'; exit {code} ;;
*"pip install"*) echo pip >> "$0.calls"; {pip} ;;
esac
"""
MAKES = 'while [ "$1" != --target ]; do shift; done; mkdir -p "$2" && touch "$2/package"'


def python(path: Path, said: str = "2.7 2.7.18", *, code: int = 0, pip: str = MAKES) -> Path:
    """An executable at this path. `said`: its answer to who it is; `pip`: what its pip does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SCRIPT.format(said=said, code=code, pip=pip), "utf-8")
    path.chmod(0o755)
    return path


def installs(path: Path) -> int:
    """How often its pip was called."""
    calls = path.with_name(f"{path.name}.calls")
    return len(calls.read_text("utf-8").split()) if calls.exists() else 0


__all__ = ["installs", "python"]
