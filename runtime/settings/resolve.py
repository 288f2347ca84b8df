"""Given values, then defaults: every variable gets one, those that follow from others included."""

import os.path
from collections.abc import Mapping

from attrs import define, field

from runtime.settings.sections import VARIABLES
from runtime.settings.variable import Derived, Fixed, Required, Variable

MISSING = object()


@define(eq=False)
class Resolver:
    """Looks values up by variable name. `given`: parsed values; `home`: what `~` means."""

    given: Mapping[str, object]
    home: str
    _known: dict[str, object] = field(factory=dict, init=False)

    def value(self, name: str) -> object:
        """The value of a variable: given, or by its default; worked out once."""
        value = self._known.get(name, MISSING)
        if value is MISSING:
            value = self._known[name] = self._work_out(VARIABLES[name])
        return value

    def whole(self, name: str) -> int:
        """An int variable."""
        value = self.value(name)
        assert isinstance(value, int), name
        return value

    def number(self, name: str) -> float:
        """An int or float variable."""
        value = self.value(name)
        assert isinstance(value, int | float), name
        return value

    def text(self, name: str) -> str | None:
        """A str, enum or path variable, None if unset."""
        value = self.value(name)
        return None if value is None else str(value)

    def _work_out(self, variable: Variable) -> object:
        value = self.given.get(variable.name, MISSING)
        if value is MISSING:
            value = self._default(variable)
        return value if variable.then is None else variable.then(value, self)

    def _default(self, variable: Variable) -> object:
        match variable.default:
            case Fixed(value=value):
                if not variable.kind.expands_home:
                    return value
                return variable.kind.parse(expand_home(variable.kind.show(value), self.home))
            case Derived(value=rule):
                return rule(self)
            case Required(stand_in=value):
                return value


def expand_home(path: str, home: str) -> str:
    """`~` and `~/...` by `home`; `~user` and an empty `home` by the machine's user list."""
    if home and (path == "~" or path.startswith("~/")):
        return home.rstrip("/") + path[1:] or "/"
    return os.path.expanduser(path)


__all__ = ["Resolver", "expand_home"]
