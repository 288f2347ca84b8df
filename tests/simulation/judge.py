"""Who is told that an invariant is broken: the first one counts, and ends the run."""

import trio
from attrs import define, field, frozen


@frozen
class Breach:
    """An invariant's name, and what was seen instead."""

    name: str
    detail: str


@define(eq=False)
class Judge:
    """`scope`: what is cancelled when something is broken."""

    scope: trio.CancelScope = field(factory=trio.CancelScope)
    breach: Breach | None = None

    def broken(self, name: str, detail: str) -> None:
        """An invariant does not hold. May be called from inside the server's code: it never raises."""
        if self.breach is None:
            self.breach = Breach(name, detail)
            self.scope.cancel(name)

    def hold(self, name: str, holds: bool, detail: str) -> None:
        """The same unless it `holds`."""
        if not holds:
            self.broken(name, detail)


__all__ = ["Breach", "Judge"]
