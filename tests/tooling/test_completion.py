"""What bash completes once the script is loaded, and whether the file of flags is up to date.

That the flags are those of today is held by the walk over every program's help (`test_help.py`), which has their texts.
"""

import shlex
import subprocess
from pathlib import Path

import pytest

from tooling.completion.flags import BY_RECIPE, FILE, HEAD, SETTINGS, line_of, recipes, settings_line, text

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tooling" / "completion" / "just.bash"
LINES = FILE.read_text("utf-8").splitlines()


def completed(directory: Path, *words: str) -> list[str]:
    """What bash offers for these words, the last one being typed; just's own part is a stand-in that says so."""
    typed = " ".join(map(shlex.quote, words))
    program = f"""
        source {shlex.quote(str(SCRIPT))}
        [[ $(complete -p just) == *"-F _yap_just just" ]] || exit 1
        _clap_complete_just() {{ COMPREPLY=(just itself); }}
        cd {shlex.quote(str(directory))} || exit 1
        COMP_WORDS=({typed}) COMP_CWORD={len(words) - 1} COMP_LINE={shlex.quote(" ".join(words))}
        _yap_just just {typed.split()[-1]}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", program], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"}
    )
    return done.stdout.split()


def test_flags_and_words_of_a_recipe_are_offered() -> None:
    assert completed(ROOT, "just", "doctor", "--no") == ["--no-gpu"]
    assert completed(ROOT, "just", "setup", "v") == ["vllm"]
    assert completed(ROOT, "just", "run-vllm", "both", "4") == ["4bit"]
    assert {"--plan", "--port"} <= set(completed(ROOT / "docs", "just", "run", "--p"))


def test_a_recipe_that_takes_settings_offers_them_and_others_do_not() -> None:
    assert completed(ROOT, "just", "run", "--ws-idle-timeout") == ["--ws-idle-timeout-s"]
    assert completed(ROOT, "just", "stop", "--ws-idle-timeout") == []


def test_the_recipe_itself_and_other_projects_are_just_s_own(tmp_path: Path) -> None:
    assert completed(ROOT, "just", "doc") == ["just", "itself"]
    assert completed(ROOT, "just", "types", "") == ["just", "itself"]
    assert completed(tmp_path, "just", "run", "--p") == ["just", "itself"]
    (tmp_path / "justfile").write_text("run:\n    true\n")
    assert completed(tmp_path, "just", "run", "--p") == ["just", "itself"]


@pytest.mark.parametrize("script", ["just.zsh", "just.fish"])
def test_the_other_shells_read_the_same_file(script: str) -> None:
    """They are no dependency of the tests: only what would break them from here is looked at."""
    content = (SCRIPT.parent / script).read_text("utf-8")
    assert f"tooling/completion/{FILE.name}" in content
    assert SETTINGS in content


def test_every_recipe_of_a_program_has_a_line_and_the_settings_stand_once() -> None:
    known = recipes((ROOT / "justfile").read_text("utf-8"))
    assert [line.partition(":")[0] for line in LINES[2:]] == list(known)
    assert BY_RECIPE.keys() <= known.keys()
    assert LINES[1] == settings_line(), "run `just completion`"


def test_a_line_holds_the_words_the_settings_and_each_flag_once() -> None:
    said = "usage: x [--plan [--json]]\n  --top-p X, --top_p X\n  --NAME V  any setting, as --plan\n  -h, --help"
    assert line_of("x", said) == "x: @settings --help --json --plan --top-p"
    assert line_of("lock", "--help") == "lock: cpu vllm quant --help"


def test_the_file_is_made_from_the_justfile_and_what_is_said(tmp_path: Path) -> None:
    justfile = tmp_path / "justfile"
    justfile.write_text(
        '# A thing.\none *arguments: _x\n    @exec {{ cpu }} -m tooling.one --vllm "$@"\n\ntwo:\n    @x\n'
    )
    assert text(justfile, {"tooling.one": "--a --help"}.__getitem__) == f"{HEAD}{settings_line()}\none: --a --help\n"
