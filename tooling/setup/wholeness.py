"""Packages that were cut short while they were installed: they look installed to pip and to uv, and are not whole.

A disk that fills up or a machine that goes down in the middle leaves a package's metadata and half of its files; the
next install would then say that the requirement is satisfied.
"""

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

RECORD = "RECORD"
# Made when they are first imported, or by the installer: no part of what has to be there.
COMPILED = ".pyc"


def discard_damaged(environment: Path) -> list[str]:
    """Take the metadata of such packages away, so that they are installed again; names of what was found."""
    found = list(damaged(environment))
    for info in found:
        shutil.rmtree(info, ignore_errors=True)
    return [info.name.partition("-")[0] for info in found]


def damaged(environment: Path) -> Iterator[Path]:
    """The `.dist-info` of every package of a virtual environment that lacks a file, or has one of another size."""
    for site in sorted(environment.glob("lib/python3.*/site-packages")):
        yield from (info for info in sorted(site.glob("*.dist-info")) if not _is_whole(info, site))


def _is_whole(info: Path, site: Path) -> bool:
    try:
        lines = (info / RECORD).read_text("utf-8").splitlines()
        rows = [row for row in csv.reader(lines) if len(row) == 3 and not row[0].endswith(COMPILED)]
        sizes = ((site / name, size) for name, _, size in rows)
        return bool(rows) and all(path.stat().st_size == int(size or path.stat().st_size) for path, size in sizes)
    except (OSError, ValueError):
        return False


__all__ = ["damaged", "discard_damaged"]
