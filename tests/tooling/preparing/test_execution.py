"""Steps carried out by real worker processes, good and bad ones."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tooling.cache import Entry, is_complete
from tooling.preparing import Step, carry_out, worker
from tooling.refusal import Refusal

PATIENCE_S = 30.0
# Every worker begins with the job it was given.
HEAD = "import json, os, signal, subprocess, sys, time; job = json.load(open(sys.argv[1])); out = job['output']\n"
MAKE = "open(out + '/made', 'w').write(job.get('text', 'x'))\n"
TELL = "open(os.path.join(os.path.dirname(sys.argv[1]), 'result.json'), 'w').write({})\n"


def step(program: str, **more: Any) -> Step:
    entry = Entry(kind="quant", name="thing", recipe={"n": 1})
    given = {"entry": entry, "job": {}, **more}
    return Step(name="quantise", title="make a thing", program=(sys.executable, "-IS", "-c", HEAD + program), **given)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def assert_gone(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while alive(pid):
        assert time.monotonic() < deadline, f"{pid} lives on"
        os.sched_yield()


def left_below(home: Path) -> list[str]:
    return [path.name for path in home.glob("quant/*")]


def interrupting(number: int = 1) -> tuple[list[str], Callable[[str], None]]:
    """Where lines go, and who takes them: at the worker's line of that number it behaves like Ctrl+C."""
    heard: list[str] = []

    def say(line: str) -> None:
        heard.append(line)
        if len(heard) == number + 1:  # the first line is the step's own
            raise KeyboardInterrupt

    return heard, say


def test_what_is_made_stands_whole_and_is_told_with_its_seconds(tmp_path: Path) -> None:
    said: list[str] = []
    place, result = carry_out(
        step("print('working')\n" + MAKE + TELL.format("json.dumps({'size': 3})")), tmp_path, {}, said.append
    )
    assert place is not None
    assert is_complete(place)
    assert result == {"size": 3}
    assert said[:2] == ["make a thing ...", "working"]
    assert said[2].startswith("make a thing: done in ")
    assert said[2].endswith(f" s, {place}")


def test_what_is_there_is_not_made_again_unless_that_is_asked_for(tmp_path: Path) -> None:
    carry_out(step(MAKE, job={"text": "old"}), tmp_path, {}, print)
    said: list[str] = []
    place, result = carry_out(step("sys.exit(1)"), tmp_path, {}, said.append)
    assert place is not None
    assert (result, said[-1]) == ({}, f"make a thing: made before, {place}")
    with pytest.raises(Refusal, match="exit code 9"):
        carry_out(step("sys.exit(9)", anew=True), tmp_path, {}, print)
    assert is_complete(place)
    assert (place / "made").read_text() == "old"
    carry_out(step(MAKE, job={"text": "new"}, anew=True), tmp_path, {}, print)
    assert is_complete(place)
    assert (place / "made").read_text() == "new"


def test_a_worker_that_fails_shows_its_last_lines_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        carry_out(step(MAKE + "[print(n) for n in range(100)]; sys.exit(3)"), tmp_path, {}, lambda _: None)
    assert caught.value.exit_code == 1
    assert str(caught.value).startswith("make a thing: failed with exit code 3. Its last lines:\n    40\n    41\n")
    assert str(caught.value).endswith("\n    99")
    assert left_below(tmp_path) == []


@pytest.mark.parametrize(
    ("program", "how"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "failed with SIGSEGV. Its last lines:\n    (it printed nothing)"),
        (MAKE + TELL.format("'{'"), "is no JSON object"),
        (MAKE + TELL.format("'[1]'"), "is no JSON object"),
        (MAKE + TELL.format("chr(0)"), "is no JSON object"),
    ],
)
def test_a_worker_that_dies_or_says_nonsense_has_made_nothing(tmp_path: Path, program: str, how: str) -> None:
    with pytest.raises(Refusal) as caught:
        carry_out(step(program), tmp_path, {}, lambda _: None)
    assert caught.value.exit_code == 1
    assert how in str(caught.value)
    assert left_below(tmp_path) == []


def test_a_worker_without_an_interpreter_and_a_home_that_cannot_be_written_are_one_sentence(tmp_path: Path) -> None:
    lost = Step(name="x", title="a thing", program=("/no/python",), job={}, entry=Entry(name="a", recipe={}))
    with pytest.raises(Refusal, match=r"^a thing: No such file or directory \(/no/python\); nothing of it was kept$"):
        carry_out(lost, tmp_path, {}, lambda _: None)
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match=r"^make a thing: Not a directory"):
        carry_out(step(MAKE), tmp_path / "file", {}, lambda _: None)


def test_an_interruption_ends_a_worker_that_does_not_listen_and_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "GRACE_S", 0.05)
    program = (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-IS', '-c', 'import signal, time;"
        " signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)'])\n"
        "print(os.getpid(), child.pid, flush=True); time.sleep(600)"
    )
    heard, say = interrupting()
    with pytest.raises(KeyboardInterrupt):
        carry_out(step(program), tmp_path, {}, say)
    for pid in map(int, heard[1].split()):
        assert_gone(pid)
    assert left_below(tmp_path) == []


def test_a_second_interruption_does_not_wait_for_the_worker(tmp_path: Path) -> None:
    program = (  # asked to end, it interrupts us a second time, and stays
        "signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getppid(), signal.SIGALRM))\n"
        "print(os.getpid(), flush=True)\n"
        "while True: time.sleep(600)"
    )
    heard, say = interrupting()
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            carry_out(step(program), tmp_path, {}, say)
        assert time.monotonic() - began < worker.GRACE_S
    finally:
        signal.signal(signal.SIGALRM, before)
    assert_gone(int(heard[1]))


def test_a_worker_goes_when_we_are_killed() -> None:
    heard = "lambda line: print(line, flush=True)"
    program = "print(os.getpid(), flush=True); time.sleep(600)"
    ours = (
        "import sys; from pathlib import Path; from tooling.preparing import Step, carry_out\n"
        f"step = Step(name='x', title='t', program=(sys.executable, '-IS', '-c', {HEAD + program!r}), job={{}})\n"
        f"carry_out(step, Path('/nowhere'), {{}}, {heard})"
    )
    with subprocess.Popen([sys.executable, "-c", ours], stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        lines = [maker.stdout.readline() for _ in range(2)]
        maker.kill()
    assert_gone(int(lines[1]))


def test_what_a_worker_leaves_running_neither_holds_us_up_nor_lives_on(tmp_path: Path) -> None:
    daemon = "import time\nwhile True: print('still here', flush=True); time.sleep(0.01)"
    program = f"child = subprocess.Popen([sys.executable, '-IS', '-c', {daemon!r}]); print(child.pid, flush=True)\n"
    said: list[str] = []
    place, _ = carry_out(step(program + MAKE), tmp_path, {}, said.append)
    assert place is not None
    assert_gone(int(next(line for line in said if line.isdecimal())))


def test_a_worker_that_closes_its_output_is_waited_for(tmp_path: Path) -> None:
    place, _ = carry_out(step("os.close(1); os.close(2); time.sleep(0.3)\n" + MAKE), tmp_path, {}, print)
    assert place is not None
    assert (place / "made").exists()


def test_a_line_without_end_and_odd_bytes_are_kept_in_bounds_and_printable(tmp_path: Path) -> None:
    program = (
        "w = sys.stdout.buffer.write; [w(b'x' * 65536) for _ in range(64)]; w(b'end\\n');"
        " w(b'\\xff\\x1b[31mred\\x1b[0m\\x07\\r\\n'); sys.stdout.flush()\n"
    )
    said: list[str] = []
    carry_out(step(program + MAKE), tmp_path, {}, said.append)
    assert len(said[1]) <= worker.LONGEST_LINE
    assert said[1].endswith("xend")
    assert said[2] == "\ufffdred"


def test_a_bar_is_for_the_terminal_and_not_a_line_a_redraw(tmp_path: Path) -> None:
    program = "for n in range(50): print(f'{n} %', end='\\r', flush=True)\nprint('done'); print('\\n\\n')\n"
    said: list[str] = []
    ticks: list[str] = []
    carry_out(step(program + MAKE), tmp_path, {}, said.append, ticks.append)
    assert said[1:-1] == ["done"]
    assert [tick for tick in ticks if tick.endswith("49 %")]
    assert all(tick.startswith("make a thing  ") for tick in ticks)


def test_the_last_of_a_bar_is_no_line_either(tmp_path: Path) -> None:
    said: list[str] = []
    carry_out(step(MAKE + "print('9 %', end='\\r', flush=True)\n"), tmp_path, {}, said.append)
    assert len(said) == 2, said


def test_a_worker_gets_the_secrets_that_are_named_for_it_and_prints_none(tmp_path: Path) -> None:
    program = (
        "print(os.environ.get('HF_TOKEN'), os.environ.get('TEXT_API_KEY'), os.environ['PLAIN'], os.environ['OWN'])\n"
        "print('hf_secret-and-more'); sys.exit(1)"
    )
    environ = {"HF_TOKEN": "hf_secret", "TEXT_API_KEY": "hush-hush", "PLAIN": "1"}
    said: list[str] = []
    with pytest.raises(Refusal) as caught:
        carry_out(step(program, secrets=("HF_TOKEN",), environ={"OWN": "2"}), tmp_path, environ, said.append)
    assert said[1:] == ["*** None 1 2", "***-and-more"]
    assert "hf_secret" not in str(caught.value)


def test_a_worker_that_refuses_is_raised_in_its_own_words(tmp_path: Path) -> None:
    said: list[str] = []
    told = json.dumps({"refusal": "not today", "code": 3})
    with pytest.raises(Refusal, match=r"^not today$") as caught:
        carry_out(step(MAKE + TELL.format(repr(told))), tmp_path, {}, said.append)
    assert caught.value.exit_code == 3
    assert said == ["make a thing ..."] and left_below(tmp_path) == []


def test_a_push_makes_no_entry_and_gives_its_result(tmp_path: Path) -> None:
    pushed = step(TELL.format("json.dumps({'url': out or 'none'})"), entry=None)
    assert carry_out(pushed, tmp_path, {}, print) == (None, {"url": "none"})


def test_an_interruption_in_the_moment_a_worker_is_started_ends_it_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    def popen(*words: Any, **more: Any) -> subprocess.Popen[bytes]:
        made = subprocess.Popen(*words, **more)
        started.append(made.pid)
        os.kill(os.getpid(), signal.SIGINT)  # nobody knows the worker yet
        return made

    monkeypatch.setattr(worker, "subprocess", SimpleNamespace(**{**vars(subprocess), "Popen": popen}))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            carry_out(step("time.sleep(600)"), tmp_path, {}, print)
    finally:
        signal.signal(signal.SIGINT, before)
    assert_gone(started[0])
    assert left_below(tmp_path) == []
