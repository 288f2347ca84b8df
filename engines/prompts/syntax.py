"""What a chat template says of itself before it is ever rendered: the names it reads and the texts it may write."""

import re
from typing import Any

import jinja2
from attrs import field, frozen
from jinja2 import meta, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engines.errors import EngineStartFailed

# What models use to part messages, roles, thoughts and calls: angle brackets without a blank, square ones in capitals
# or with bars (EXAONE's `[|user|]`).
_MARKER = re.compile(r"<[^\s<>]{1,64}>|\[/?[A-Z][A-Z0-9_]{0,62}\]|\[\|[^\s\[\]|]{1,60}\|\]")


class _Generation(Extension):
    """`{% generation %}` marks what a trainer learns from; for us it is what stands in it."""

    tags = {"generation"}  # noqa: RUF012 - as the library declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """The statements inside."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


_ENVIRONMENT = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
)


@frozen
class Syntax:
    """`names`: every variable that has to come from outside, if it is there. `texts`: what stands in the source
    literally, piece by piece.
    """

    names: frozenset[str]
    texts: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, source: str) -> "Syntax":
        """Raises `EngineStartFailed` for what is no Jinja."""
        try:
            tree = _ENVIRONMENT.parse(source)
            names = meta.find_undeclared_variables(tree)
        except jinja2.TemplateSyntaxError as error:
            raise EngineStartFailed(
                f"the chat template is no valid Jinja: line {error.lineno}: {error.message}; "
                "set CHAT_TEMPLATE to the path of one that is"
            ) from error
        data = [each.data for each in tree.find_all(nodes.TemplateData)]
        return cls(frozenset(names), (*data, *_constants(tree)))


def _constants(tree: nodes.Template) -> list[str]:
    values: list[Any] = [each.value for each in tree.find_all(nodes.Const)]
    return [value for value in values if isinstance(value, str)]


def markers_in(text: str) -> list[str]:
    """Everything in a text that looks like a marker, as it comes."""
    return _MARKER.findall(text)


def is_marker(text: str) -> bool:
    """Whether the whole text looks like one, blanks inside allowed."""
    return len(text) > 1 and text[0] in "<[" and text[-1] in ">]"


__all__ = ["Syntax", "is_marker", "markers_in"]
