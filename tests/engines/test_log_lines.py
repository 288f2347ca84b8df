"""How the engine's own processes write: one line a record, as text or JSON, whatever is in it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engines.vllm.environment import apply_library_env

ROOT = Path(__file__).resolve().parents[2]
SPEAK = """
import json, logging, logging.config, pathlib, sys, warnings
logging.config.dictConfig(json.loads(pathlib.Path(sys.argv[1]).read_text()))
logger = logging.getLogger("vllm.worker")
logger.info("quietly")
logger.warning("in\\ntwo lines \\x1b[31m")
try:
    raise ValueError("bad\\nmodel")
except ValueError:
    logger.exception("it broke")
warnings.warn("a warning of Python's")
"""


def lines(directory: Path, *, verbose: bool, as_json: bool) -> list[str]:
    environ: dict[str, str] = {}
    log = directory / "errors.log"
    apply_library_env(environ, gpu=False, verbose=verbose, as_json=as_json, error_log=log)
    done = subprocess.run(
        [sys.executable, "-c", SPEAK, environ["VLLM_LOGGING_CONFIG_PATH"]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == ""
    assert "ValueError: bad\nmodel" in log.read_text(), "the file keeps its own words, for why a start failed"
    return done.stderr.splitlines()


@pytest.mark.parametrize("verbose", [False, True])
def test_json_has_one_object_a_record(tmp_path: Path, verbose: bool) -> None:
    records = [json.loads(line) for line in lines(tmp_path, verbose=verbose, as_json=True)]
    quiet, (loud, broke, python) = records[:-3], records[-3:]
    assert [record["event"] for record in quiet] == (["quietly"] if verbose else [])
    assert (loud["level"], loud["event"], loud["logger"]) == ("warning", "in\ntwo lines \x1b[31m", "vllm.worker")
    assert (broke["level"], broke["event"]) == ("error", "it broke")
    assert broke["exception"].endswith("ValueError: bad\nmodel")
    assert (python["logger"], "a warning of Python's" in python["event"]) == ("py.warnings", True)
    assert loud["timestamp"].endswith("Z") and loud["pid"] > 0


def test_text_has_one_line_a_record(tmp_path: Path) -> None:
    loud, broke, python = lines(tmp_path, verbose=False, as_json=False)
    assert "[warning  ] in\\ntwo lines \\x1b[31m logger=vllm.worker pid=" in loud
    assert "[error    ] it broke" in broke and "ValueError: bad | model" in broke
    assert "a warning of Python's" in python
