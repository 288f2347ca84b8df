"""A private directory for the sockets between an engine's processes, with a path that is short enough for them."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from runtime.settings import EngineName, Problem, Settings, SettingsError

# unix(7): 108 bytes with the final NUL.
LONGEST_PATH = 107
# vLLM names a socket by a UUID.
NAME = "00000000-0000-0000-0000-000000000000"
LONGEST_DIRECTORY = LONGEST_PATH - len(f"/{NAME}")
PREFIX = "yap-"
TMPDIR = "TMPDIR"
VLLM_DIRECTORY = "VLLM_RPC_BASE_PATH"


@contextmanager
def socket_directory(settings: Settings, environ: Mapping[str, str]) -> Iterator[Path | None]:
    """The directory while the block runs; None without an engine that has processes.

    It lies where temporary files go, or where that path is too long in `XDG_RUNTIME_DIR`, /tmp or /dev/shm. Only this
    user can look into it. Raises `SettingsError` before anything is loaded: no such place, or a `TMPDIR` or
    `VLLM_RPC_BASE_PATH` that cannot be used.
    """
    _check_tmpdir(environ)
    engine = settings.deployment.inference_engine
    if not settings.deployment.deploy_mode.chats or engine is EngineName.SCRIPTED:
        yield None
        return
    if engine is EngineName.VLLM and (own := environ.get(VLLM_DIRECTORY)):
        _check_own(own)
    directory = _make(environ)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _check_tmpdir(environ: Mapping[str, str]) -> None:
    asked = environ.get(TMPDIR)
    if asked and not _usable(asked):
        raise _refused(TMPDIR, f"{asked!r} is not a directory that can be written to; unset it or make that directory")
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        raise _refused(TMPDIR, "not set, and no usual place for temporary files can be written to") from None


def _usable(directory: str) -> bool:
    return os.path.isdir(directory) and os.access(directory, os.W_OK | os.X_OK)


def _check_own(directory: str) -> None:
    if not _usable(directory):
        raise _refused(VLLM_DIRECTORY, f"{directory!r} is not a directory that can be written to; unset it")
    if len(os.fsencode(directory)) > LONGEST_DIRECTORY:
        raise _refused(
            VLLM_DIRECTORY,
            f"{directory!r} is too long: the path of a socket in it may have {LONGEST_PATH} bytes, so it may have "
            f"{LONGEST_DIRECTORY}",
        )


def _make(environ: Mapping[str, str]) -> Path:
    temporary = tempfile.gettempdir()
    for place in (temporary, environ.get("XDG_RUNTIME_DIR", ""), "/tmp", "/dev/shm"):  # noqa: S108  # private beneath
        if os.path.isabs(place) and (made := _made_in(place)) is not None:
            return made
    raise _refused(
        TMPDIR,
        f"{temporary!r} cannot hold the engine's sockets, whose paths may have {LONGEST_PATH} bytes, and neither can "
        "XDG_RUNTIME_DIR, /tmp or /dev/shm; name a directory with a shorter path that can be written to",
    )


def _made_in(place: str) -> Path | None:
    """A fresh directory there in which a socket can really be made; None if it cannot."""
    try:
        directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    except OSError:
        return None
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(str(directory / NAME))
        (directory / NAME).unlink()
    except OSError:  # the path is too long, or this file system has no sockets
        shutil.rmtree(directory, ignore_errors=True)
        return None
    return directory


def _refused(name: str, text: str) -> SettingsError:
    return SettingsError([Problem(name, text)])


__all__ = ["LONGEST_DIRECTORY", "LONGEST_PATH", "socket_directory"]
