"""Two or more variables that do not go together."""

from attrs import frozen


@frozen(eq=False)
class Conflict:
    """`name`: the variable to report it at; `text`: what is wrong and allowed; `with_names`: the others it hangs on.

    A conflict is not reported while one of its variables has a problem of its own: it would be a mere consequence.
    """

    name: str
    text: str
    with_names: tuple[str, ...] = ()

    @property
    def involved(self) -> frozenset[str]:
        """All variables it hangs on."""
        return frozenset((self.name, *self.with_names))


__all__ = ["Conflict"]
