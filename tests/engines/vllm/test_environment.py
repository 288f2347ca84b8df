"""The environment of the libraries."""

import json
import logging
import logging.config
from pathlib import Path

from engines.guardian import MARK
from engines.vllm.environment import GPU_ENV, LIBRARY_ENV, OUR_ENV, apply_library_env


def test_what_is_set_stays_and_what_is_unset_is_filled_in() -> None:
    environ = {"TOKENIZERS_PARALLELISM": "true"}
    apply_library_env(environ, gpu=False)
    assert environ["TOKENIZERS_PARALLELISM"] == "true"
    assert environ["VLLM_WORKER_MULTIPROC_METHOD"] == "spawn"
    assert environ["VLLM_LOGGING_LEVEL"] == "WARNING"
    assert not GPU_ENV.keys() & environ.keys()


def test_a_gpu_adds_its_own() -> None:
    environ: dict[str, str] = {}
    apply_library_env(environ, gpu=True, verbose=True)
    assert environ.keys() == {*LIBRARY_ENV, *OUR_ENV, *GPU_ENV, MARK}
    assert environ["VLLM_LOGGING_LEVEL"] == "INFO"


def test_every_process_has_its_own_mark_even_inside_another_server() -> None:
    outer: dict[str, str] = {}
    first = apply_library_env(outer, gpu=False)
    inner = dict(outer)
    assert apply_library_env(inner, gpu=False) != first
    assert f"{MARK}={inner[MARK]}" != first


def test_errors_also_go_to_the_file_and_an_own_logging_set_up_is_left_alone(tmp_path: Path) -> None:
    error_log = tmp_path / "errors.log"
    environ: dict[str, str] = {}
    apply_library_env(environ, gpu=False, error_log=error_log)
    config = json.loads(Path(environ["VLLM_LOGGING_CONFIG_PATH"]).read_text())
    assert config["handlers"]["errors"]["filename"] == str(error_log)
    logging.config.dictConfig(config)
    logger = logging.getLogger("vllm")
    logger.warning("not this")
    logger.error("this")
    for handler in tuple(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    assert [line.rsplit("] ")[-1] for line in error_log.read_text().splitlines()] == ["this"]

    own = {"VLLM_CONFIGURE_LOGGING": "0"}
    apply_library_env(own, gpu=False, error_log=error_log)
    assert "VLLM_LOGGING_CONFIG_PATH" not in own
