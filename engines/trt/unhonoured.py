"""What was asked for and cannot be done: said once, then left out."""

from collections.abc import Callable

from attrs import define, field


@define(eq=False)
class Unhonoured:
    """Warns once per key. Make one per process and give it to every engine that is made, restarts included.

    `warn` gets the key and a sentence for operators, in the trio thread.
    """

    warn: Callable[[str, str], None]
    _said: set[str] = field(factory=set, init=False)

    def say(self, key: str, why: str) -> None:
        """Warn, unless this key was warned of before."""
        if key not in self._said:
            self._said.add(key)
            self.warn(key, why)

    @property
    def keys(self) -> tuple[str, ...]:
        """What was warned of so far, sorted."""
        return tuple(sorted(self._said))


__all__ = ["Unhonoured"]
