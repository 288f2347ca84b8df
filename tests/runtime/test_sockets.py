"""The directory of the engine's sockets, on this machine's file systems."""

import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from runtime.settings import Settings, SettingsError
from runtime.sockets import LONGEST_DIRECTORY, LONGEST_PATH, socket_directory

CHAT = {
    "TEXT_API_KEY": "key",
    "MAX_CONCURRENT_CONNECTIONS": "4",
    "INFERENCE_ENGINE": "vllm",
    "CHAT_MODEL": "owner/name",
}


@pytest.fixture
def long_directory(tmp_path: Path) -> Path:
    """A directory with a path as long as a socket's may be, less two."""
    made = tmp_path / ("d" * (LONGEST_PATH - 2 - len(str(tmp_path)) - 1))
    made.mkdir()
    return made


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch, long_directory: Path) -> Path:
    """The process's directory for temporary files, much too long."""
    monkeypatch.setattr(tempfile, "tempdir", str(long_directory))
    return long_directory


def holds_sockets(directory: Path) -> bool:
    """Whether vLLM's names fit."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(directory / "00000000-0000-4000-8000-000000000000"))
    return True


@pytest.mark.parametrize("engine", ["vllm", "trt"])
def test_it_lies_among_the_temporary_files_and_is_gone_at_the_end(
    engine: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        monkeypatch.setattr(tempfile, "tempdir", place)
        with socket_directory(Settings.from_env({**CHAT, "INFERENCE_ENGINE": engine}), {}) as directory:
            assert directory is not None
            assert directory.parent == Path(place)
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700
            assert len(os.fsencode(directory)) <= LONGEST_DIRECTORY
            assert holds_sockets(directory)
        assert not list(Path(place).iterdir())


def test_a_long_place_for_temporary_files_is_left_for_a_short_one(temporary: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as runtime_directory:
        environ = {"XDG_RUNTIME_DIR": runtime_directory, "TMPDIR": str(temporary)}
        with socket_directory(Settings.from_env(CHAT), environ) as directory:
            assert directory is not None
            assert directory.parent == Path(runtime_directory)
            assert holds_sockets(directory)
        assert not list(Path(runtime_directory).iterdir())
    assert not list(temporary.iterdir())
    with socket_directory(Settings.from_env(CHAT), {"XDG_RUNTIME_DIR": "/nonexistent"}) as directory:
        assert directory is not None
        assert directory.parent == Path("/tmp")
    assert not directory.exists()


def test_no_place_at_all_is_one_sentence_that_names_the_variable_and_the_limit(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with pytest.raises(SettingsError) as told, socket_directory(Settings.from_env(CHAT), {"TMPDIR": str(temporary)}):
        pass
    (problem,) = told.value.problems
    assert problem.name == "TMPDIR"
    assert "107 bytes" in problem.text
    assert str(temporary) in problem.text


@pytest.mark.parametrize("more", [{}, {"INFERENCE_ENGINE": "scripted"}, {"DEPLOY_MODE": "tool", "TOOL_MODEL": "o/t"}])
def test_a_directory_for_temporary_files_that_cannot_be_used_is_told_in_every_mode(
    more: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for bad in (tmp_path / "none", tmp_path / "file"):
        with (
            pytest.raises(SettingsError, match=f"TMPDIR: '{bad}' is not a directory that can be written to"),
            socket_directory(Settings.from_env({**CHAT, **more}), {"TMPDIR": str(bad)}),
        ):
            pass


@pytest.mark.parametrize("more", [{"INFERENCE_ENGINE": "scripted"}, {"DEPLOY_MODE": "tool", "TOOL_MODEL": "o/t"}])
def test_without_processes_of_an_engine_there_is_none(more: dict[str, str]) -> None:
    with socket_directory(Settings.from_env({**CHAT, **more}), {"VLLM_RPC_BASE_PATH": "/nonexistent"}) as directory:
        assert directory is None


def test_vllms_own_variable_is_looked_at_before_the_start(long_directory: Path) -> None:
    for bad, words in ((long_directory, "too long.*107 bytes"), (Path("/nonexistent"), "written to")):
        with (
            pytest.raises(SettingsError, match=f"VLLM_RPC_BASE_PATH: '{bad}' is .*{words}"),
            socket_directory(Settings.from_env(CHAT), {"VLLM_RPC_BASE_PATH": str(bad)}),
        ):
            pass
