"""What an engine that did not come up says last."""

from pathlib import Path

from engines.vllm.boot import last_words


def test_the_root_cause_is_told_last(tmp_path: Path) -> None:
    log = tmp_path / "errors.log"
    log.write_text(
        "ERROR 12:00 worker failed\nTraceback (most recent call last):\n  File ...\n"
        "vllm.errors.OddError: no weights\n"
        "ERROR 12:01 core failed\nTraceback (most recent call last):\nRuntimeError: worker failed\n"
    )
    assert last_words(log) == ["RuntimeError: worker failed", "vllm.errors.OddError: no weights"]
    with log.open("a") as more:
        more.write(
            "ERROR 12:02 [pid 7 vllm.executor] Worker proc VLLM::Worker_TP1 died unexpectedly (exit code: -9), "
            "shutting down executor.\nRuntimeError: cancelled\n"
        )
    assert last_words(log)[:2] == [
        "RuntimeError: cancelled",
        "Worker proc VLLM::Worker_TP1 died unexpectedly (exit code: -9), shutting down executor.",
    ]
    assert last_words(None) == last_words(tmp_path / "none") == []
