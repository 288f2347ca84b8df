"""The log file: rotation at line ends, and what others do to it meanwhile."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.keeper.logfile import LINE_MAX_BYTES, LogFile, numbered
from tooling.refusal import Refusal

LINE = b"a line of the log, as long as lines are\n"


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """Like a disk that is full: writes beyond fail in this process (Python ignores the signal that comes with it)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def older(path: Path) -> list[bytes]:
    """What the rotated files hold, the oldest first."""
    found: list[bytes] = []
    while (file := numbered(path, len(found) + 1)).exists():
        found.append(file.read_bytes())
    return found[::-1]


chunks = st.lists(
    st.tuples(st.booleans(), st.binary(max_size=90)).map(lambda one: one[1] + b"\n" if one[0] else one[1]), max_size=40
)


@given(chunks=chunks, limit=st.integers(1, 200))
def test_nothing_is_lost_and_every_file_begins_with_a_line(chunks: list[bytes], limit: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "server.log")
        log = LogFile.open(path, limit, 80)
        for chunk in chunks:
            log.write(chunk)
        log.close()
        files = [*older(path), path.read_bytes()]
        whole = b"".join(chunks)
        assert b"".join(files) == whole
        assert all(file.endswith(b"\n") for file in files[:-1])
        longest = max(map(len, whole.split(b"\n"))) + 1
        assert all(limit <= len(file) < limit + longest for file in files[:-1])
        assert not numbered(path, len(files)).exists()


def test_only_so_many_are_kept(tmp_path: Path) -> None:
    log = LogFile.open(tmp_path / "server.log", len(LINE), 2)
    for number in range(5):
        log.write(b"%d " % number + LINE)
    assert sorted(os.listdir(tmp_path)) == ["server.log", "server.log.1", "server.log.2"]
    assert [file[:1] for file in [*older(log.path), log.path.read_bytes()]] == [b"2", b"3", b"4"]


def test_what_never_ends_is_no_line(tmp_path: Path) -> None:
    log = LogFile.open(tmp_path / "server.log", 1000, 3)
    for _ in range(3):
        log.write(b"=" * LINE_MAX_BYTES)
    assert numbered(log.path, 1).exists()


def test_it_goes_on_where_an_earlier_run_ended(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_bytes(b"cut off")
    log = LogFile.open(path, 1000, 3)
    log.line("===== a banner")
    assert path.read_bytes() == b"cut off\n===== a banner\n"


@pytest.mark.parametrize("made_anew", [True, False])
def test_logrotate_moves_it_away(tmp_path: Path, made_anew: bool) -> None:
    path = tmp_path / "server.log"
    log = LogFile.open(path, 1000, 3)
    log.write(b"one\n")
    path.rename(tmp_path / "moved")
    if made_anew:
        path.touch()
    log.write(b"two\n")
    assert (tmp_path / "moved").read_bytes() == b"one\n"
    assert path.read_bytes() == b"two\n"


def test_logrotate_copies_and_empties_it(tmp_path: Path) -> None:
    log = LogFile.open(tmp_path / "server.log", 1000, 3)
    log.write(b"one\n" * 100)
    os.truncate(log.path, 0)
    log.write(b"two\n")
    assert log.path.read_bytes() == b"two\n", "no hole in front of it"


def test_its_directory_is_gone_and_comes_back(tmp_path: Path) -> None:
    told: list[str] = []
    place = tmp_path / "place"
    place.mkdir()
    log = LogFile.open(place / "server.log", 1000, 3)
    log.tell = told.append
    place.rename(tmp_path / "elsewhere")
    log.write(b"one\n")
    log.write(b"two\n")
    assert (tmp_path / "elsewhere" / "server.log").read_bytes() == b"one\ntwo\n"
    assert len(told) == 1
    place.mkdir()
    log.write(b"three\n")
    assert log.path.read_bytes() == b"three\n"


def test_a_full_disk_is_told_of_once_there_is_room(tmp_path: Path) -> None:
    told: list[str] = []
    log = LogFile.open(tmp_path / "server.log", 10_000, 3)
    log.tell = told.append
    with no_file_longer_than(len(LINE) + 10):
        for _ in range(4):
            log.write(LINE)
    assert len(told) == 1
    log.write(b"room again\n")
    lost = 3 * len(LINE) - 10
    assert log.path.read_text().splitlines() == [
        LINE.decode().strip(),
        LINE[:10].decode(),
        f"keeper: 3 lines ({lost} bytes) could not be written here: File too large",
        "room again",
    ]


def test_what_cannot_be_rotated_grows(tmp_path: Path) -> None:
    told: list[str] = []
    log = LogFile.open(tmp_path / "server.log", len(LINE), 1)
    log.tell = told.append
    numbered(log.path, 1).mkdir()
    numbered(log.path, 1).joinpath("kept").touch()
    for _ in range(3):
        log.write(LINE)
    assert log.path.read_bytes() == 3 * LINE
    assert len(told) == 1 and "cannot be rotated" in told[0]
    assert sorted(os.listdir(tmp_path)) == ["server.log", "server.log.1"]


def test_a_device_is_written_to_and_never_moved() -> None:
    log = LogFile.open(Path("/dev/null"), 1, 1)
    log.write(LINE * 3)
    assert Path("/dev/null").is_char_device()
    assert not Path("/dev/null.1").exists()


def test_a_fifo_is_refused_and_nobody_waits_for_its_reader(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(Refusal, match="--log-file"):
        LogFile.open(tmp_path / "fifo", 1, 1)
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(Refusal, match="no ordinary file"):
        LogFile.open(tmp_path / "fifo", 1, 1)
    os.close(reader)
