"""One module as the rules see it: its syntax, its statements with the function each stands in, its lines of code."""

import ast
import io
import tokenize
from collections.abc import Iterator
from functools import cached_property

from attrs import field, frozen

Function = ast.FunctionDef | ast.AsyncFunctionDef
NO_CODE = frozenset(
    {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
)


@frozen
class Placed:
    """A statement and the innermost function around it."""

    node: ast.stmt
    function: Function | None


@frozen
class Module:
    """`path` from the root, `name` as it is imported."""

    path: str
    text: str = field(repr=False)
    body: list[ast.stmt] = field(repr=False, eq=False)

    @classmethod
    def of(cls, path: str, text: str) -> "Module":
        """Raises `SyntaxError`, `ValueError` (a zero byte)."""
        return cls(path, text, ast.parse(text).body)

    @property
    def is_program(self) -> bool:
        """Whether it is run by name: `python -m`."""
        return self.path.endswith("/__main__.py") or any(runs_program(node) for node in self.body)

    @property
    def is_package(self) -> bool:
        """Whether it is a package's `__init__`."""
        return self.path.endswith("/__init__.py")

    @cached_property
    def name(self) -> str:
        """Dotted; of a package's `__init__` the package's."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @cached_property
    def statements(self) -> tuple[Placed, ...]:
        """Every statement, however deep."""
        return tuple(_statements(self.body, None))

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Every function and method, however deep."""
        return tuple(one.node for one in self.statements if isinstance(one.node, Function))

    @cached_property
    def expressions(self) -> tuple[tuple[ast.AST, Function | None], ...]:
        """Every node of every statement, with the function it stands in. Slow: ask where the text gives a reason to."""
        return tuple(
            (node, placed.function)
            for placed in self.statements
            for child in ast.iter_child_nodes(placed.node)
            if not isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case)
            for node in ast.walk(child)
        )

    @cached_property
    def code_lines(self) -> frozenset[int]:
        """Line numbers that hold code: no blank lines, comments or docstrings."""
        lines = {
            line
            for token in tokenize.generate_tokens(io.StringIO(self.text).readline)
            if token.type not in NO_CODE
            for line in range(token.start[0], token.end[0] + 1)
        }
        return frozenset(lines.difference(*map(_lines, self._docstrings())))

    def _docstrings(self) -> Iterator[ast.stmt]:
        for placed in self.statements:
            node = placed.node
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                yield node

    def length(self, node: ast.stmt) -> int:
        """How many lines of code it has."""
        return len(self.code_lines.intersection(_lines(node)))


def runs_program(node: ast.stmt) -> bool:
    """Whether it is `if __name__ == "__main__"`."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def _lines(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _statements(body: list[ast.stmt], function: Function | None) -> Iterator[Placed]:
    for node in body:
        yield Placed(node, function)
        within = node if isinstance(node, Function) else function
        for name in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(node, name, []), within)
        for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            yield from _statements(part.body, within)


__all__ = ["Function", "Module", "Placed", "runs_program"]
