"""What the server's process writes to stderr: whose records, in which form, and what if nobody reads it."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engines.vllm import VllmEngine
from engines.vllm.arguments import engine_arguments
from runtime.chat_engine import plan_chat_engine
from runtime.logs.sink import Sink
from runtime.settings import Settings
from runtime.surroundings import Surroundings
from tests.toy import toy_directory, toy_text

ROOT = Path(__file__).resolve().parents[2]
SERVER = {"TEXT_API_KEY": "k-1", "MAX_CONCURRENT_CONNECTIONS": "1", "INFERENCE_ENGINE": "scripted"}
BEGIN = """
import logging, os, sys, tempfile
from pathlib import Path
from runtime import logs
from runtime.settings import Settings
from runtime.surroundings import look_around
settings = Settings.from_env(os.environ)
logs.configure(settings, os.environ)
logs.tell_crashes()
with tempfile.TemporaryDirectory() as scratch:
    look_around(settings, os.environ, Path(scratch))
"""
SPEAK = """
for name in sys.argv[1:]:
    for level in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger(name), level)("said at %s", level)
"""
OF_FLAG = {
    "SHOW_HF_LOGS": {"transformers.models", "huggingface_hub", "datasets.load", "httpx", "filelock", "urllib3.pool"},
    "SHOW_TRT_LOGS": {"TRT-LLM", "tensorrt_llm.executor", "modelopt.torch"},
    "SHOW_VLLM_LOGS": {"vllm.v1.engine.core", "ray.util", "torch._dynamo", "flashinfer.jit"},
    "SHOW_LLMCOMPRESSOR_LOGS": {"llmcompressor.core", "compressed_tensors.quantization"},
    "SHOW_TOOL_LOGS": {"transformers.models", "huggingface_hub", "torch._dynamo"},
}
EVERYBODY = sorted(set().union(*OF_FLAG.values(), {"somebody.else"}))


def environment(**more: str) -> dict[str, str]:
    inherited = os.environ  # noqa: TID251 - a child process needs its PATH and HOME
    kept = {name: inherited[name] for name in ("PATH", "HOME", "LANG") if name in inherited}
    model = {"CHAT_MODEL": str(toy_directory()), "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    return {**kept, **SERVER, **model, **more}


def said(program: str, *arguments: str, **more: str) -> list[str]:
    """The lines that a process with the server's logging writes."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + program, *arguments],
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return done.stderr.splitlines()


def records(program: str, *arguments: str, **more: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in said(program, *arguments, APP_LOG_FORMAT="json", **more)]


@pytest.mark.parametrize("flag", [*OF_FLAG, None])
def test_each_flag_shows_the_records_of_its_libraries_and_warnings_are_always_shown(flag: str | None) -> None:
    lines = records(SPEAK, *EVERYBODY, **({flag: "1"} if flag else {}))
    by_level: dict[str, list[str]] = {}
    for line in lines:
        assert line["event"] == f"said at {line['level']}"
        by_level.setdefault(line["level"], []).append(line["logger"])
    assert by_level["warning"] == by_level["error"] == EVERYBODY
    assert by_level.get("info", []) == (sorted(OF_FLAG[flag]) if flag else [])
    assert "debug" not in by_level


@pytest.mark.parametrize("level", ["DEBUG", "ERROR"])
def test_the_level_of_our_own_records_is_not_the_libraries(level: str) -> None:
    lines = records(SPEAK, "vllm.engine", APP_LOG_LEVEL=level)
    assert [line["level"] for line in lines] == ["warning", "error"]


@pytest.mark.parametrize("shows", ["0", "1"])
def test_libraries_with_a_handler_of_their_own_write_one_line_a_record_too(shows: str) -> None:
    program = """
from transformers.utils import logging as theirs
import huggingface_hub
for logger in (theirs.get_logger("transformers.x"), huggingface_hub.logging.get_logger("huggingface_hub.x")):
    logger.info("quietly")
    logger.warning("loudly,\\nin two lines")
"""
    lines = [(line["logger"], line["level"], line["event"]) for line in records(program, SHOW_HF_LOGS=shows)]
    ours = [line for line in lines if line[0].endswith(".x")]
    loud = [(name, "warning", "loudly,\nin two lines") for name in ("transformers.x", "huggingface_hub.x")]
    quiet = [(name, "info", "quietly") for name in ("transformers.x", "huggingface_hub.x")]
    assert ours == (loud if shows == "0" else [quiet[0], loud[0], quiet[1], loud[1]])


@pytest.mark.parametrize("shows", ["0", "1"])
def test_the_quantisers_libraries_log_with_loguru_and_obey_all_the_same(shows: str) -> None:
    program = """
from loguru import logger
logger.info("quietly")
logger.warning("loudly")
"""
    lines = said(program, APP_LOG_FORMAT="json", SHOW_LLMCOMPRESSOR_LOGS=shows)
    levels = [json.loads(line)["record"]["level"]["name"] for line in lines]
    assert levels == (["INFO", "WARNING"] if shows == "1" else ["WARNING"])


def test_a_record_is_one_line_of_text_whatever_is_in_it() -> None:
    program = """
import structlog, warnings
logging.getLogger("rude").warning("two\\nlines \\x1b[31m")
logging.getLogger("rude").warning("no number: %d", "k-1")
warnings.warn("a warning of Python's")
try:
    raise ValueError("k-1")
except ValueError as error:
    structlog.get_logger().error("session.crashed", exc_info=error, words="more\\nlines")
"""
    two, malformed, python, crash = said(program)
    assert "two\\nlines \\x1b[31m" in two
    assert "record.malformed" in malformed
    assert "a warning of Python's" in python
    assert re.search(r"session.crashed words='more\\nlines' raised='ValueError \| <string>:\d+ in <module>'$", crash)
    assert not [line for line in (two, malformed, crash) if "k-1" in line]


def test_what_a_thread_or_a_destructor_raises_is_a_record_without_its_words() -> None:
    program = """
import threading
class Rude:
    def __del__(self):
        raise ValueError("k-1 in a destructor")
def work():
    raise ValueError("k-1 in a thread")
thread = threading.Thread(target=work, name="worker")
thread.start(); thread.join()
del thread
rude = Rude()
del rude
"""
    crash, ignored = records(program)
    assert (crash["event"], crash["level"], crash["thread"]) == ("thread.crashed", "error", "worker")
    assert (ignored["event"], ignored["where"]) == ("exception.ignored", "Rude.__del__")
    assert "k-1" not in f"{crash}{ignored}"
    assert crash["exception"].startswith("ValueError\n")


GREET = BEGIN + "import structlog; structlog.get_logger().info('server.started', port=1)"


def on_a_terminal(home: Path, **more: str) -> str:
    """What a terminal gets from a kept process with the server's logging; it ends before it is ready, hence the 1."""
    ours, theirs = pty.openpty()
    kept = subprocess.Popen(
        [sys.executable, "-m", "tests.keeping", sys.executable, "-c", GREET],
        env=environment(**{"TERM": "xterm-256color", "YAP_HOME": str(home), "YAP_LOG_FILE": f"{home}/log", **more}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    received = b""
    try:
        while chunk := os.read(ours, 4096):
            received += chunk
    except OSError:  # EIO: nobody has the other end any more
        assert kept.wait(30) == 1
    finally:
        os.close(ours)
    assert kept.wait(30) == 1
    return received.decode()


def test_a_terminal_behind_the_keeper_gets_colours_and_its_log_none(tmp_path: Path) -> None:
    shown = on_a_terminal(tmp_path)
    assert "\x1b[" in shown
    assert "server.started" in re.sub(r"\x1b\[[0-9;]*m", "", shown)
    logged = (tmp_path / "log").read_text()
    assert "server.started" in logged
    assert "\x1b" not in logged


@pytest.mark.parametrize("wish", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"APP_LOG_FORMAT": "json"}])
def test_who_wants_none_gets_no_colours(wish: dict[str, str], tmp_path: Path) -> None:
    shown = on_a_terminal(tmp_path, **wish)
    assert "server.started" in shown
    assert "\x1b" not in shown


def test_a_pipe_gets_no_colours() -> None:
    (line,) = said("import structlog; structlog.get_logger().info('server.started', port=1)", TERM="xterm-256color")
    assert line.endswith("server.started port=1")
    assert "\x1b" not in line


class Reader(io.StringIO):
    """A stream that can break."""

    broken = False

    def write(self, text: str) -> int:
        if self.broken:
            raise BrokenPipeError
        return super().write(text)


def test_lines_without_a_reader_are_lost_and_counted() -> None:
    stream = Reader()
    sink = Sink(stream)
    with capture_logs() as told:
        sink.info("one")
        stream.broken = True
        sink.info("two")
        sink.error("three")
        stream.broken = False
        sink.info("four")
    assert stream.getvalue() == "one\nfour\n"
    assert told == [{"event": "log.lines_lost", "log_level": "warning", "lines": 2}]


@pytest.mark.parametrize("breaks", ["os.dup2(os.open('/dev/full', os.O_WRONLY), 2)", "sys.stderr.close()"])
def test_a_full_disk_or_a_closed_stream_behind_stderr_ends_nothing(breaks: str) -> None:
    program = f"""
import structlog
{breaks}
structlog.get_logger().info("server.started")
logging.getLogger("library").warning("words")
os.write(1, b"still here")
os._exit(0)
"""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + program],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("still here", "")


@pytest.mark.parametrize("shows", [False, True])
def test_the_engines_progress_bars_are_drawn_where_its_records_are_shown(shows: bool) -> None:
    settings = Settings.from_env(environment(INFERENCE_ENGINE="vllm", SHOW_VLLM_LOGS=str(int(shows))))
    engine = plan_chat_engine(settings, toy_text(), Surroundings()).make()
    assert isinstance(engine, VllmEngine)
    assert engine_arguments(engine._config)["use_tqdm_on_load"] is shows
