"""The house rules that a linter does not know: sizes, names, where things live."""

import ast
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("runtime", "actors", "engines", "protocol", "tooling")
MAX_CODE_LINES = 300
MAX_FUNCTION_LINES = 60
ASYNCIO_RIVALS = {"bare_engine", "picows_rival", "uvicorn_rival"}
# The client library has a flavour for programs that live in that loop.
ASYNCIO_FLAVOUR = {"dialling", "link", "over_asyncio"}
VAGUE = {"utils", "util", "helpers", "helper", "manager", "misc", "common"}


def modules(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _lines_of_code(path: Path) -> set[int]:
    """Line numbers that hold code: no blank lines, comments or docstrings."""
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    with path.open("rb") as file:
        lines = {
            line
            for token in tokenize.tokenize(file.readline)
            if token.type not in skipped and token.type != tokenize.ENCODING
            for line in range(token.start[0], token.end[0] + 1)
        }
    return lines - set(_docstring_lines(ast.parse(path.read_text(encoding="utf-8"))))


def _docstring_lines(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


@pytest.mark.parametrize("path", modules(*PACKAGES, "tests"), ids=_name)
def test_no_module_has_more_than_300_lines_of_code(path: Path) -> None:
    assert len(_lines_of_code(path)) <= MAX_CODE_LINES


@pytest.mark.parametrize("path", modules(*PACKAGES), ids=_name)
def test_no_function_has_more_than_60_lines_of_code(path: Path) -> None:
    code = _lines_of_code(path)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = len(code & set(range(node.lineno, (node.end_lineno or node.lineno) + 1)))
            assert size <= MAX_FUNCTION_LINES, f"{node.name} has {size} lines"


@pytest.mark.parametrize("path", modules(*PACKAGES), ids=_name)
def test_every_module_begins_with_a_docstring_and_names_what_it_exports_last(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "no docstring"
    exports = [
        node
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(each, ast.Name) and each.id == "__all__" for each in node.targets)
    ]
    assert len(exports) <= 1
    body = [node for node in tree.body if not isinstance(node, ast.If)]  # `if __name__ == "__main__"` may follow
    assert not exports or exports[0] is body[-1], "__all__ stands at the bottom"


@pytest.mark.parametrize("path", modules(*PACKAGES), ids=_name)
def test_no_module_is_named_vaguely_or_like_the_standard_library(path: Path) -> None:
    assert path.stem not in VAGUE
    assert path.stem.startswith("__") or path.stem not in sys.stdlib_module_names


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_holds_a_single_module(package: str) -> None:
    for init in (ROOT / package).rglob("__init__.py"):
        others = [path for path in init.parent.iterdir() if path.suffix == ".py" and path != init]
        packages = [path for path in init.parent.iterdir() if (path / "__init__.py").exists()]
        assert len(others) + len(packages) > 1, f"{_name(init.parent)} holds one module"


@pytest.mark.parametrize("path", [path for path in modules(*PACKAGES) if path.stem != "island"], ids=_name)
def test_only_the_island_the_rival_in_a_benchmark_and_the_librarys_flavour_know_asyncio(path: Path) -> None:
    if path.stem in ASYNCIO_RIVALS | ASYNCIO_FLAVOUR:
        return
    imported = {
        alias.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert "asyncio" not in imported


def test_the_wheel_holds_the_five_packages_and_no_tests() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == list(PACKAGES)
