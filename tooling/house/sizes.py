"""How long a file and a function may be."""

from collections.abc import Iterator

from tooling.house.finding import Finding, Rule
from tooling.house.tree import Tree

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60
COMMENTS = ("#", "//", "/*", "*", "<!--")


def _files(tree: Tree) -> Iterator[Finding]:
    for module in tree.modules:
        # Counting tokens takes most of the time there is: not where all lines together are few enough.
        if module.text.count("\n") >= MAX_FILE_LINES and (size := len(module.code_lines)) > MAX_FILE_LINES:
            yield Finding(module.path, 1, f"{size} lines of code, more than {MAX_FILE_LINES}")
    for other in (*tree.scripts, *tree.pages):
        lines = [line.strip() for line in other.text.splitlines()]
        if (size := sum(bool(line) and not line.startswith(COMMENTS) for line in lines)) > MAX_FILE_LINES:
            yield Finding(other.path, 1, f"{size} lines of code, more than {MAX_FILE_LINES}")


def _functions(tree: Tree) -> Iterator[Finding]:
    for module in tree.ours:
        for node in module.functions:
            span = (node.end_lineno or node.lineno) - node.lineno + 1
            if span > MAX_FUNCTION_LINES and (size := module.length(node)) > MAX_FUNCTION_LINES:
                what = f"{node.name}() has {size} lines of code, more than {MAX_FUNCTION_LINES}"
                yield Finding(module.path, node.lineno, what, node.name)


FILES = Rule(
    "file-size",
    f"packages, tests, scripts, pages: at most {MAX_FILE_LINES} lines of code; blank, comment, docstring lines free",
    "move one of the things it does into a module of its own",
    _files,
)
FUNCTIONS = Rule(
    "function-size",
    f"packages: at most {MAX_FUNCTION_LINES} lines of code",
    "give a part of it a name of its own",
    _functions,
)

__all__ = ["FILES", "FUNCTIONS"]
