"""Files of variables, read only when a command is told to."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.settings import Settings, SettingsError, beneath, read_env_file, take_env_file


def written(directory: Path, text: str) -> Path:
    path = directory / "some.env"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("export A=b", "b"),
        ("  A = b c  ", "b c"),
        ("A=", ""),
        ("A='b c'", "b c"),
        ('A="b"', "b"),
        ("A=\"b'", "\"b'"),
        ("A=$HOME/`id`$(id)", "$HOME/`id`$(id)"),
        ("A=b # c", "b # c"),
        ("A=b\\n", "b\\n"),
        ("A=x=y", "x=y"),
        ("A=b\r", "b"),
        ("A=1\nA=2", "2"),
    ],
)
def test_a_value_is_literal(tmp_path: Path, line: str, value: str) -> None:
    assert read_env_file(written(tmp_path, f"# comment\n\n{line}\n")) == {"A": value}


@pytest.mark.parametrize(
    ("words", "path", "others"),
    [
        (["chat", "--env-file", "a.env", "x"], "a.env", ["chat", "x"]),
        (["--env-file=a.env"], "a.env", []),
        (["--env-file=a.env", "--env-file", "b=c.env"], "b=c.env", []),
        (["--env-files", "x"], None, ["--env-files", "x"]),
    ],
)
def test_the_file_is_named_by_a_flag(words: list[str], path: str | None, others: list[str]) -> None:
    assert take_env_file(words) == (None if path is None else Path(path), others)


@pytest.mark.parametrize("words", [["--env-file"], ["--env-file="], ["--env-file", " "]])
def test_the_flag_without_a_file_is_a_problem(words: list[str]) -> None:
    with pytest.raises(SettingsError, match="--env-file: the flag needs a file"):
        take_env_file(words)


def test_a_complaint_about_a_value_names_file_and_line_and_no_secret(tmp_path: Path) -> None:
    path = written(
        tmp_path, "# keys\nTEXT_API_KEY=hunter2,\nSERVER_PORT=x\n\nCHAT_MAX_LEN=9\nCHAT_MODLE=o/m\nWS_COMPRESSION=2\n"
    )
    environ = beneath({"MAX_CONCURRENT_CONNECTIONS": "y", "WS_COMPRESSION": "3"}, read_env_file(path))
    with pytest.raises(SettingsError) as error:
        Settings.from_env(environ, {"--port": "z"})
    assert [problem.name for problem in error.value.problems] == [
        f"TEXT_API_KEY ({path}:2)",
        "MAX_CONCURRENT_CONNECTIONS",
        "CHAT_MODEL",
        "SERVER_PORT (--port)",
        "WS_COMPRESSION",
        f"CHAT_MAX_LEN ({path}:5)",
        f"CHAT_MODLE ({path}:6)",
    ]
    assert "hunter2" not in str(error.value)


def test_a_bad_line_is_named_by_number_and_not_shown(tmp_path: Path) -> None:
    path = written(tmp_path, "A=1\nhunter2\n9X=hunter2\nB=hunter2\0\n")
    with pytest.raises(SettingsError) as error:
        read_env_file(path)
    assert [problem.name for problem in error.value.problems] == [f"{path}:2", f"{path}:3", f"{path}:4"]
    assert "hunter2" not in str(error.value)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        read_env_file(tmp_path / "none.env")
    with pytest.raises(SettingsError, match="directory"):
        read_env_file(tmp_path)
    (tmp_path / "latin.env").write_bytes(b"A=\xff")
    with pytest.raises(SettingsError, match="not UTF-8"):
        read_env_file(tmp_path / "latin.env")


@given(st.binary(max_size=60))
def test_no_file_raises_anything_else(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.env"
    path.write_bytes(content)
    try:
        values = read_env_file(path)
    except SettingsError:
        return
    assert all(name.isascii() for name in values)


def test_the_environment_wins_over_a_file_unless_it_is_blank() -> None:
    environ = {"A": "1", "B": " ", "C": "", "E": "tcp://h:1", "F": "tcp://h:1"}
    assert beneath(environ, {"A": "2", "B": "2", "D": "2", "E": "2"}) == {
        "A": "1",
        "B": "2",
        "E": "2",
        "F": "tcp://h:1",
        "C": "",
        "D": "2",
    }
