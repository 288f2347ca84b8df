"""Every program answers `-h` in one voice: usage, its words, the environment, exit codes; and nothing else happens.

Programs for people are run here, in this process. Those that another program starts import engines first, so of them
only the text is made: it comes from their docstring, and asking for it is the first thing they do.
"""

import ast
import io
import os
import runpy
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tooling import usage
from tooling.completion import flags

ROOT = Path(__file__).resolve().parents[2]
WIDEST = 120
ASKS = "answer_help(__doc__, sys.argv[1:]"


def entry(path: Path) -> ast.If | None:
    """What a module does when it is run."""
    found = [
        node
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
    ]
    return found[0] if found else None


def programs() -> Iterator[tuple[str, Path, ast.If]]:
    for package in ("runtime", "tooling"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if (found := entry(path)) is not None:
                parts = path.relative_to(ROOT).with_suffix("").parts
                yield ".".join(parts).removesuffix(".__main__"), path, found


EVERY = list(programs())
CHILDREN = [(name, path, found) for name, path, found in EVERY if ast.unparse(found.body[0]).startswith(ASKS)]
RECIPES: dict[str, list[str]] = {}
for _recipe, _module in flags.recipes((ROOT / "justfile").read_text("utf-8")).items():
    RECIPES.setdefault(_module, []).append(_recipe)
COMPLETED = flags.FILE.read_text("utf-8").splitlines()
FOR_PEOPLE = [name for name, *_ in EVERY if name not in {child for child, *_ in CHILDREN}]


def hold(text: str) -> None:
    """The structure that every such text has."""
    lines = text.rstrip("\n").splitlines()
    assert lines[0].startswith("usage: ")
    assert any(line.strip().startswith("-h") for line in lines), "it does not say that there is -h"
    starts = [line.partition(":")[0] for line in lines if line.startswith(("environment:", "exit codes:"))]
    assert starts == ["environment", "exit codes"], "the environment that counts, then the exit codes, at the end"
    at = next(number for number, line in enumerate(lines) if line.startswith("environment:"))
    assert at > len(lines) - 16
    assert max(map(len, lines)) <= WIDEST


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_a_program_says_how_it_is_used(
    name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [name, "-h"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setattr(os, "environ", {**os.environ, "COLUMNS": str(WIDEST)})  # noqa: TID251  # what it sets stays its own
    monkeypatch.setattr("signal.signal", lambda number, action: None)  # a program's own handlers are not this one's
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # runpy's: the module is imported already
        with pytest.raises(SystemExit) as end:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
    said = capfd.readouterr()
    assert end.value.code in (0, None)
    assert said.err == ""
    hold(said.out)
    for recipe in RECIPES.get(name, ()):
        assert flags.line_of(recipe, said.out) in COMPLETED, "run `just completion`"


@pytest.mark.parametrize(("path", "found"), [each[1:] for each in CHILDREN], ids=[each[0] for each in CHILDREN])
def test_a_program_that_another_one_starts_says_so_too(path: Path, found: ast.If) -> None:
    call = found.body[0]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    words = {each.arg: ast.literal_eval(each.value) for each in call.value.keywords if each.arg}
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    text = usage.page(ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "", **words)
    hold(text)
    assert text.startswith(f"usage: python -m {module}"), "it names itself"


def test_there_are_as_many_as_recipes_and_more() -> None:
    assert len(FOR_PEOPLE) > 30
    assert len(CHILDREN) > 10


def test_a_docstring_that_names_no_command_is_refused() -> None:
    with pytest.raises(ValueError, match="does not begin"):
        usage.page("A module.")


def test_variables_stand_in_a_table_or_a_sentence() -> None:
    assert (
        usage.ending({"A": "one", "LONG": "two"}, "0 done")
        == "environment:\n  A     one\n  LONG  two\nexit codes: 0 done"
    )
    assert usage.ending("none", "0 done") == "environment: none\nexit codes: 0 done"
