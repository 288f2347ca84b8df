"""Following a log: across rotations under load, moves and truncations."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from tooling.keeper.logfile import LogFile, numbered
from tooling.logs.following import Follower, follow
from tooling.logs.reading import first_lines, last_lines


def drained(follower: Follower) -> None:
    """Let it read all there is."""
    while follower.step():
        pass


def closed(follower: Follower) -> None:
    """It is not needed any more."""
    if follower.stream is not None:
        follower.stream.close()


@given(steps=st.lists(st.one_of(st.integers(1, 6), st.none()), max_size=12), limit=st.integers(1, 40))
def test_no_line_is_lost_however_often_it_is_rotated(steps: list[int | None], limit: int) -> None:
    """A number is that many lines written, None a look of whoever follows."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "server.log")
        log = LogFile.open(path, limit, 80)
        seen = bytearray()
        follower = Follower(path, seen.extend, path.open("rb"))
        written = bytearray()
        for step in steps:
            if step is None:
                follower.step()
                continue
            for _ in range(step):
                line = b"line %d\n" % len(written)
                written += line
                log.write(line)
        drained(follower)
        assert seen == written
        closed(follower)
        log.close()


def test_what_was_rotated_away_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    log = LogFile.open(path, len(b"line 1\n"), 2)
    seen = bytearray()
    log.write(b"first 0\n")
    follower = Follower(path, seen.extend, path.open("rb"))
    for number in range(1, 6):
        log.write(b"line %d\n" % number)
    drained(follower)
    assert seen == b"first 0\n... (lines are missing: they were rotated away)\nline 3\nline 4\nline 5\n"
    closed(follower)


def test_a_log_that_is_moved_emptied_and_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    seen = bytearray()
    follower = Follower(path, seen.extend, None)
    drained(follower)
    path.write_bytes(b"one\n")
    drained(follower)
    os.truncate(path, 0)
    drained(follower)
    path.write_bytes(b"two\n")
    drained(follower)
    path.rename(tmp_path / "elsewhere")
    drained(follower)
    path.write_bytes(b"three\n")
    drained(follower)
    assert seen.startswith(b"one\ntwo\n") and seen.endswith(b"three\n")
    closed(follower)


@given(lines=st.integers(0, 60), wanted=st.integers(0, 70), ends=st.booleans(), older=st.integers(0, 2))
def test_the_last_and_the_first_lines(lines: int, wanted: int, ends: bool, older: int) -> None:
    all_lines = [b"line %d %s\n" % (number, b"x" * (number * 997 % 5000)) for number in range(lines)]
    if lines and not ends:
        all_lines[-1] = all_lines[-1][:-1]
    with TemporaryDirectory() as folder:
        path = Path(folder, "server.log")
        cut = [lines * part // (older + 1) for part in range(older + 2)]
        for place in range(older + 1):
            file = path if place == older else numbered(path, older - place)
            file.write_bytes(b"".join(all_lines[cut[place] : cut[place + 1]]))
        found, stream = last_lines(path, wanted)
        assert found == all_lines[max(0, lines - wanted) :]
        assert stream is not None and stream.read() == b""
        stream.close()
        assert list(first_lines(path, wanted)) == all_lines[:wanted]


def test_it_ends_when_nobody_reads_any_more(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_bytes(b"one\ntwo\n")
    reading, writing = os.pipe()
    seen: list[bytes] = []

    def write(data: bytes) -> None:
        seen.append(data)
        os.close(reading)  # as `head` does when it has what it wants

    follow(path, write, path.open("rb"), writing)
    os.close(writing)
    assert seen == [b"one\ntwo\n"]
