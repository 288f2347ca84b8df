"""One variable, described once: parsing, the tables and the documentation all come from this."""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar, cast

import attrs
from attrs import frozen

from runtime.settings.kinds.base import Kind

T = TypeVar("T")
METADATA_KEY = "variable"


class Lookup(Protocol):
    """Values of other variables, for a default that depends on them. The caller knows the kind of what it names."""

    def whole(self, name: str) -> int:
        """An int variable."""

    def number(self, name: str) -> float:
        """An int or float variable."""

    def text(self, name: str) -> str | None:
        """A str, enum or path variable, None if unset."""


@frozen(eq=False)
class Derived(Generic[T]):
    """A default that follows from other variables. `rule`: the same in words, for the tables."""

    rule: str
    value: Callable[[Lookup], T]


@frozen(eq=False)
class Fixed(Generic[T]):
    """A default that is always the same."""

    value: T


@frozen(eq=False)
class Required(Generic[T]):
    """No default: the variable must be set. `stand_in` fills the field while the other problems are looked for."""

    stand_in: T


Default = Fixed[Any] | Derived[Any] | Required[Any]


@frozen(kw_only=True, eq=False)
class Variable:
    """A variable of the project. `flags`: short command-line names beside the one made of `name`.

    `unset_words`: values, lower-case, that mean the same as not setting it. `then`: a last step that needs another
    variable's value, for a given value and a default alike. `also`: what other variables demand of it, in words.
    """

    name: str
    kind: Kind[Any]
    default: Default
    meaning: str
    flags: tuple[str, ...] = ()
    unset_words: tuple[str, ...] = ()
    then: Callable[[Any, Lookup], Any] | None = None
    also: str = ""

    @property
    def secret(self) -> bool:
        """Whether its value may never be shown."""
        return self.kind.secret

    @property
    def kind_text(self) -> str:
        """Kind and range as in the tables."""
        return f"{self.kind.describe()}{self.also and ', ' + self.also}"

    @property
    def default_text(self) -> str:
        """The default as in the tables: a value, `required`, or a rule in words."""
        match self.default:
            case Required():
                return "required"
            case Derived(rule=rule):
                return rule
            case Fixed(value=value):
                return self.kind.show(value)


def setting(
    name: str,
    kind: Kind[T],
    default: T | Derived[T] | Required[T],
    meaning: str,
    *,
    flags: tuple[str, ...] = (),
    then: Callable[[T, Lookup], T] | None = None,
    also: str = "",
) -> T:
    """A field that always has a value. Used as an attrs field; the return type is the field's."""
    rule = default if isinstance(default, Derived | Required) else Fixed(default)
    return cast(
        "T", _field(Variable(name=name, kind=kind, default=rule, meaning=meaning, flags=flags, then=then, also=also))
    )


def optional(
    name: str,
    kind: Kind[T],
    meaning: str,
    *,
    unset: str = "unset",
    value: Callable[[Lookup], T | None] = lambda _: None,
    flags: tuple[str, ...] = (),
    unset_words: tuple[str, ...] = (),
    also: str = "",
) -> T | None:
    """A field that may be None. `unset`: the default in words; `value` gives it where settings alone decide it."""
    return cast(
        "T | None",
        _field(
            Variable(
                name=name,
                kind=kind,
                default=Derived(unset, value),
                meaning=meaning,
                flags=flags,
                unset_words=unset_words,
                also=also,
            )
        ),
    )


def _field(variable: Variable) -> object:
    return attrs.field(metadata={METADATA_KEY: variable})


def variables_of(group: type[attrs.AttrsInstance]) -> dict[str, Variable]:
    """Field name to variable, in the order of the class."""
    return {field.name: field.metadata[METADATA_KEY] for field in attrs.fields(group)}


__all__ = [
    "Derived",
    "Fixed",
    "Lookup",
    "Required",
    "Variable",
    "optional",
    "setting",
    "variables_of",
]
