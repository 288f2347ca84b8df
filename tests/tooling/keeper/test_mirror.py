"""What a terminal shows, what the log keeps, and what is said of an end."""

import os
import re
import select
import signal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.settings import Settings
from tests.keeping import LEAST
from tooling.keeper.ends import while_starting
from tooling.keeper.logfile import LogFile
from tooling.keeper.mirror import TAIL_LINES, Mirror
from tooling.keeper.terminal import BUFFER_BYTES, Terminal

COLOURED = b"\x1b[2mtime\x1b[0m [\x1b[32;1minfo\x1b[0m] a word\x1b[m\nand\x1b more\n"
PLAIN = b"time [info] a word\nand\x1b more\n"


@given(cuts=st.lists(st.integers(0, len(COLOURED)), max_size=6).map(sorted))
def test_colours_stay_out_of_the_log_wherever_they_are_cut(cuts: list[int]) -> None:
    with TemporaryDirectory() as folder:
        log = LogFile.open(Path(folder, "server.log"), 1 << 20, 1)
        mirror = Mirror(log, None)
        for begin, end in zip([0, *cuts], [*cuts, len(COLOURED)], strict=True):
            mirror.pass_on(COLOURED[begin:end])
        assert mirror.tail == PLAIN.decode().splitlines()
        mirror.close()
        assert log.path.read_bytes() == PLAIN


def test_our_lines_stand_between_lines_and_the_tail_is_the_servers(tmp_path: Path) -> None:
    log = LogFile.open(tmp_path / "server.log", 1 << 20, 1)
    mirror = Mirror(log, None)
    mirror.pass_on(b"".join(b"line %d\n" % number for number in range(100)) + b"half a li")
    mirror.say("keeper: ready")
    mirror.pass_on(b"ne\n")
    assert log.path.read_bytes().endswith(b"line 99\nhalf a li\nkeeper: ready\nne\n")
    assert mirror.tail[-2:] == ["line 99", "half a line"]
    assert len(mirror.tail) == TAIL_LINES
    mirror.close()


def test_a_terminal_that_takes_nothing_holds_nobody_up_and_says_what_it_missed() -> None:
    reader, writer = os.pipe()
    terminal = Terminal.of(writer)
    os.close(writer)
    assert terminal is not None and not terminal.is_a_terminal
    terminal.start()
    line = b"x" * 1023 + b"\n"
    written = 2 * BUFFER_BYTES // len(line)
    for _ in range(written):
        terminal.write(line)  # nobody reads: the pipe is full long since
    shown, offered = bytearray(), 0
    with open(reader, "rb", buffering=0) as screen:
        while b"last\n" not in shown:
            terminal.write(b"last\n")  # there is room once the terminal took what was held
            offered += 1
            while select.select([screen], [], [], 0.01)[0] and b"last\n" not in shown:
                shown += screen.read(1 << 16)
        told = re.search(rb"\.\.\. (\d+) lines are in the log only", shown)
        assert told is not None
        missed = written - shown.count(line)
        assert missed <= int(told[1]) <= missed + offered - 1
        terminal.close()
    terminal.leave()


OUT = b"ERROR worker: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        (OUT, "Lower a fraction"),
        (b"[TensorRT-LLM][ERROR] CUDA runtime error in cudaMalloc: out of memory", "Lower a fraction"),
        (b"ValueError: Free memory on device is less than desired GPU memory utilization (0.9)", "Lower a fraction"),
        (b"ValueError: No available memory for the cache blocks.", "Raise CHAT_GPU_FRAC"),
    ],
)
def test_a_flood_does_not_hide_that_memory_did_not_suffice(tmp_path: Path, line: bytes, remedy: str) -> None:
    mirror = Mirror(LogFile.open(tmp_path / "server.log", 1 << 20, 1), None)
    for part in (b"before\n", line[:20], line[20:] + b"\n", b"frame of a traceback\n" * 10_000):
        mirror.pass_on(part)
    assert not [each for each in mirror.tail if "memory" in each]
    settings = Settings.from_env({**LEAST, "CHAT_MODEL": "owner/name"})
    said = (mirror.out_of_memory, mirror.tail)
    told = while_starting(1, said, settings, {"CUDA_VISIBLE_DEVICES": ""}, Path("/logs/server.log"))
    assert line.decode() in told
    assert remedy in told


def test_what_only_mentions_memory_is_no_cause_once_other_lines_came(tmp_path: Path) -> None:
    mirror = Mirror(LogFile.open(tmp_path / "server.log", 1 << 20, 1), None)
    mirror.pass_on(b"INFO a smaller batch keeps it from running out of memory\n")
    assert mirror.out_of_memory is None


def test_a_closed_descriptor_is_no_terminal() -> None:
    assert Terminal.of(2**20) is None


@pytest.mark.parametrize(
    ("code", "line", "parts"),
    [
        (1, "nothing special", ["exit code 1"]),
        (-signal.SIGSEGV, "", ["SIGSEGV"]),
        (-signal.SIGKILL, "", ["SIGKILL", "main memory", "GiB of", "dmesg"]),
        (
            1,
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
            ["CHAT_GPU_FRAC=0.9", "TOOL_GPU_FRAC=", "no GPU is visible"],
        ),
    ],
)
def test_an_end_is_told_with_what_it_probably_means(code: int, line: str, parts: list[str]) -> None:
    settings = Settings.from_env({**LEAST, "CHAT_MODEL": "owner/name", "CHAT_GPU_FRAC": "0.9"})
    told = while_starting(
        code, (None, ["before", line]), settings, {"CUDA_VISIBLE_DEVICES": ""}, Path("/logs/server.log")
    )
    for part in [*parts, "/logs/server.log"]:
        assert part in told
