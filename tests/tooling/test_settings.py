"""The settings command and the page it writes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.settings.sections import VARIABLES
from tooling.settings import PAGE, main, page

ENVIRON = {"TEXT_API_KEY": "hunter2", "MAX_CONCURRENT_CONNECTIONS": "8", "CHAT_MODEL": "owner/name", "HOME": "/home/me"}
TABLE = Path(__file__).parents[1] / "runtime" / "settings" / "table.txt"


def contract() -> list[tuple[str, ...]]:
    """The pinned contract: name, default, kind."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return [tuple(line.split(" | ")) for line in lines if not line.startswith("#")]


def test_names_defaults_and_kinds_are_the_contract() -> None:
    assert [(v.name, v.default_text, v.kind_text) for v in VARIABLES.values()] == contract()


def test_the_page_is_what_the_description_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_page_documents_every_variable_once() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in page().splitlines() if line[:3] == "| `"
    ]
    documented = [
        (re.findall(r"`([^`]+)`", row[0])[0], *(cell.replace("`", "").replace("*", "") for cell in row[1:3]))
        for row in rows
    ]
    assert documented == [(name, default.replace("`", ""), kind.replace("`", "")) for name, default, kind in contract()]
    assert all(len(row) == 4 and row[3] for row in rows)


def test_the_table_shows_values_and_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "9"], ENVIRON) == 0
    printed = capsys.readouterr()
    lines = {line.split()[0]: line.split()[1:] for line in printed.out.splitlines() if line.startswith("  ")}
    assert lines["TEXT_API_KEY"] == ["set", "environment"]
    assert lines["HF_TOKEN"] == ["unset", "default"]
    assert lines["SERVER_PORT"] == ["9", "flag"]
    assert lines["YAP_HOME"] == ["/home/me/.cache/yap", "default"]
    assert lines.keys() == VARIABLES.keys()
    assert "hunter2" not in printed.out + printed.err
    assert "\x1b" not in printed.out


def test_a_word_shows_the_variables_with_it_in_their_names_and_what_they_mean(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["api-key", "server_port", "--port", "9"], ENVIRON) == 0
    said = capsys.readouterr().out
    assert "TEXT_API_KEY = set  (environment)\n    secret; " in said
    assert re.search(r"SERVER_PORT = 9  \(flag\)\n    int.*; default 8000; --port, --server-port\n    \w", said)
    assert "hunter2" not in said
    assert "CHAT_MODEL" not in said
    assert main(["--json", "server_port"], {}) == 0, "what is required elsewhere was not asked about"
    assert list(json.loads(capsys.readouterr().out)["settings"]["deployment"]) == ["SERVER_PORT"]


def test_a_word_in_no_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["nonsense"], ENVIRON)
    assert "no variable has nonsense in its name" in capsys.readouterr().err


def test_json_has_every_value_and_problem(capsys: pytest.CaptureFixture[str]) -> None:
    environ = ENVIRON | {"SERVER_PORT": "x", "SERVER_WS_URL": "ws://h/ws?api_key=hunter2", "KV_DTYPE": "fp8"}
    assert main(["--json"], environ) == 3
    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert answer["settings"]["deployment"]["SERVER_PORT"] == {"value": None, "source": "environment"}
    assert answer["settings"]["connections"]["WS_IDLE_TIMEOUT_S"] == {"value": 150, "source": "default"}
    assert answer["problems"] == [{"name": "SERVER_PORT", "text": "'x' is not an int 0..65535"}]
    assert "settings: 1 problem\n  SERVER_PORT: 'x'" in printed.err
    assert "warning: KV_DTYPE is ignored" in printed.err
    assert "hunter2" not in printed.out + printed.err


def test_problems_go_to_stderr_beside_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {"GEN_TIMEOUT_S": "soon"}) == 3
    printed = capsys.readouterr()
    assert re.search(r"TEXT_API_KEY +required +default", printed.out)
    assert re.search(r"GEN_TIMEOUT_S +refused +environment", printed.out)
    assert printed.err.startswith("settings: 4 problems\n")


def test_a_file_is_read_only_when_named_and_lies_beneath_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".env").write_text("SERVER_PORT=1\nGEN_TIMEOUT_S=7\n", encoding="utf-8")
    assert main(["--json", "--env-file", str(tmp_path / ".env")], ENVIRON | {"SERVER_PORT": "2"}) == 0
    settings = json.loads(capsys.readouterr().out)["settings"]
    assert settings["deployment"]["SERVER_PORT"]["value"] == 2
    assert settings["chat"]["GEN_TIMEOUT_S"]["value"] == 7
    assert main(["--env-file", str(tmp_path / "none")], ENVIRON) == 3
    assert "cannot be read" in capsys.readouterr().err


def test_a_stale_page_fails_the_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], {}) == 0
    assert main(["--docs"], {}) == 0
    assert capsys.readouterr().out == page()


def test_the_command_runs_on_a_terminal_that_knows_ascii_only() -> None:
    environ = {"PYTHONIOENCODING": "ascii", "SENTRY_RELEASE": "é", **ENVIRON}
    command = [sys.executable, "-m", "tooling.settings"]
    done = subprocess.run(command, env=environ, cwd=PAGE.parents[1], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert b"\\xe9" in done.stdout


def test_the_settings_import_no_engine_and_no_network() -> None:
    heavy = {"torch", "vllm", "transformers", "tensorrt_llm", "trio", "asyncio", "requests", "huggingface_hub"}
    code = f"import sys, runtime.settings; sys.exit(bool({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=PAGE.parents[1], timeout=60, check=False)
    assert done.returncode == 0
