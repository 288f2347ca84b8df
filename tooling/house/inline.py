"""Python inside of shell: no linter, type checker or test ever sees it."""

import re
from collections.abc import Iterator, Mapping

from tooling.house.finding import Finding, Rule
from tooling.house.tree import Text, Tree

# `NAME=value` of a shell, `name := value` of just, `ENV NAME=value` and `ARG NAME=value` of an image.
ASSIGNED = re.compile(
    r"^\s*(?:(?:export|local|readonly|declare|ENV|ARG)\s+(?:-\w+\s+)*)?(\w+)\s*:?=\s*([^\n#]*)", re.MULTILINE
)
USED = re.compile(r"\$\{?(\w+)\}?|\{\{\s*(\w+)\s*\}\}")
LISTS = (".yaml", ".yml")
ITEM = " \t"  # between the items of a list that were lines of their own
ROUNDS = 3  # variables in variables
PYTHON = r"(?:[\w./~-]*/)?(?:python|pypy)[\d.]*(?=\s|$)"
OPTIONS = r"(?:\s+(?:-[WX]\s*\S+|-(?!-)[a-bd-ln-zA-Z]+|--\S+))*"
INLINE = (
    (re.compile(rf"{PYTHON}{OPTIONS}\s+-[a-bd-ln-zA-Z]*c(?=\s|$|\S)"), "a program as an argument (-c)"),
    (re.compile(rf"{PYTHON}[^|;&]*<<"), "a program in a here-document"),
    (re.compile(rf"(?:<<|\becho\b|\bprintf\b).*\|\s*(?:\w+=\S*\s+)*{PYTHON}{OPTIONS}\s*(?:-\s*)?$"), "a piped program"),
    (re.compile(r"<<.*>\s*\S+\.py\b|>\s*\S+\.py\b.*<<"), "a module in a here-document"),
    (re.compile(r"^\s*#!.*\b(?:python|pypy)[\d.]*"), "a program as a recipe"),
)


def _check(tree: Tree) -> Iterator[Finding]:
    for script in tree.scripts:
        values = _assigned(script)
        for number, line in _lines(script):
            for what in _inline(line, values):
                yield Finding(script.path, number, f"holds Python: {what}")


def _inline(line: str, values: Mapping[str, str]) -> Iterator[str]:
    for _ in range(ROUNDS):
        line = USED.sub(lambda found: values.get(found[1] or found[2], found[0]), line)
    if not any(word in line for word in ("python", "pypy", ".py")):
        return
    # `CMD ["python", "-c", ...]`, and quotes around words.
    plain = re.sub(r"[\"'\[\],]+", " ", line)
    for pattern, what in INLINE:
        if pattern.search(plain):
            yield what
            return


def _assigned(script: Text) -> dict[str, str]:
    return {found[1]: found[2].strip().strip("\"'") for found in ASSIGNED.finditer(script.text)}


def _lines(script: Text) -> Iterator[tuple[int, str]]:
    """Each line with its number, continued ones as one, as are the items of a YAML list, which may be a command.

    Comments are none, but a recipe's first line is no comment.
    """
    whole, start = "", 0
    for number, line in enumerate(script.text.splitlines(), 1):
        start = start or number
        if line.lstrip().startswith("#") and not (line.lstrip().startswith("#!") and number > 1):
            continue
        item = script.path.endswith(LISTS) and line.lstrip().startswith("- ")
        if whole and not item and whole.endswith(ITEM):
            yield start, whole
            whole, start = "", number
        if item or line.endswith("\\"):
            whole += f"{line.lstrip()[2:]}{ITEM}" if item else f"{line[:-1]} "
            continue
        yield start, whole + line
        whole, start = "", 0
    if whole:
        yield start, whole


INLINE_PYTHON = Rule(
    "inline-python",
    "shell, justfile, Dockerfiles, YAML: no python -c, here-document or pipe, also through variables",
    "make it a module and run it with python -m",
    _check,
)

__all__ = ["INLINE_PYTHON"]
