"""The command that sanitises standard input."""

import io
import json
import subprocess
import sys

import pytest

from tests.actors.session.sanitizer.table import PAIRS
from tooling.sanitize import main


def run(*argv: str, text: str | bytes) -> tuple[int, list[str], str]:
    out, err = io.BytesIO(), io.StringIO()
    code = main(argv, io.BytesIO(text if isinstance(text, bytes) else text.encode()), out, err)
    return code, out.getvalue().decode().splitlines(), err.getvalue()


def test_every_pair_of_the_table_comes_out_as_its_output_column() -> None:
    lines = "".join(json.dumps(list(pair.given)) + "\n" for pair in PAIRS)
    code, out, err = run(text=lines)
    assert (code, err) == (0, "")
    assert [json.loads(line) for line in out] == [pair.wanted for pair in PAIRS]


def test_a_trace_shows_what_each_chunk_made_final_and_the_flush() -> None:
    code, out, _ = run("--trace", text='["hel", "lo wor", "ld"]\n[]\n')
    assert code == 0
    assert [json.loads(line) for line in out] == [["", "Hello", "", " world"], [""]]


def test_the_switches_leave_their_family_alone() -> None:
    text = json.dumps(["a@b.co 5% 😂 *x*"])
    assert json.loads(run("--no-contacts", "--no-numbers", "--no-emoji", "--no-markdown", text=text)[1][0]) == (
        "A@b.co 5% 😂 *x*"
    )
    assert json.loads(run("--in-reasoning", "--label", "Note:", text='["x</think>note: hi"]')[1][0]) == "Hi"


def test_the_language_and_the_tags_that_stay_are_those_of_a_session() -> None:
    text = json.dumps(["28 °C <break/> <b>5%</b>"])
    assert json.loads(run("--language", "fr", text=text)[1][0]) == "28 °C 5%"
    assert json.loads(run("--keep-tag", "break", "--keep-tag", "B", text=text)[1][0]) == (
        "28 degrees Celsius <break/> <b>5 percent</b>"
    )


@pytest.mark.parametrize(
    "argv", [("--language", "en_US"), ("--keep-tag", "<b>"), ("--keep-tag", "THINK"), ("--keep-tag", "tool_call")]
)
def test_what_a_session_could_not_ask_for_is_wrong_usage(
    argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*argv, text="[]")
    assert ended.value.code == 2
    assert "speech." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b"nonsense", "not JSON"),
        (b"", "not JSON"),
        (b'{"a": 1}', "not a JSON array"),
        (b'["a", 1]', "chunk 2 is not a string"),
        (b'["\xff"]', "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_bad_line_ends_the_run_with_its_number(bad: bytes, says: str) -> None:
    code, out, err = run(text=b'["ok"]\n' + bad + b'\n["never"]\n')
    assert code == 1
    assert out == ['"Ok"']
    assert err.startswith("sanitize: line 2: ")
    assert says in err


def test_it_runs_as_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tooling.sanitize"], input=b'["5*3"]\n', capture_output=True, check=True, timeout=60
    )
    assert done.stdout == b'"5 times 3"\n'
