"""The command that builds the demo models."""

import json
from pathlib import Path

import pytest

from tooling import cache
from tooling.demo import __main__ as command
from tooling.demo.chat import checkpoint as chat
from tooling.demo.chat.recipe import Recipe
from tooling.demo.files import read_all


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which the chat model is there already, as far as the cache can tell."""
    entry = chat.entry(Recipe(), read_all("chat"))
    cache.ensure(entry, tmp_path, lambda path: (path / "x").touch(), lambda line: None)
    return tmp_path


def test_the_path_of_a_ready_model_is_the_only_line_on_stdout(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["chat"], home) == 0
    out, err = capsys.readouterr()
    assert out == f"{chat.entry(Recipe(), read_all('chat')).path(home)}\n"
    assert "toy" in err


def test_json_names_each_model(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["chat", "--json", "--home", str(home)], Path("/nonexistent")) == 0
    assert list(json.loads(capsys.readouterr().out)) == ["chat"]


def test_a_home_that_cannot_be_written_is_said_with_a_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert command.main(["chat"], tmp_path / "file") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "--home" in err


@pytest.mark.parametrize("argv", [["poem"], ["--speed"]])
def test_an_unknown_word_is_a_usage_error(argv: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(argv, tmp_path)
    assert ended.value.code == 2
