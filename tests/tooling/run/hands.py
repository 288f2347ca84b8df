"""What a launch reaches out with, written down in the place of doing it: no keeper, no server, nothing made."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from tooling.keeper import Orders, Prepare
from tooling.run.command import Ways


@frozen
class Served:
    """What a keeper was told, and what the server would have been started with."""

    orders: Orders
    command: Sequence[str]
    environ: Mapping[str, str]
    is_detached: bool = False


class Hands:
    """Everything that a launch reaches out with, written down; no server is started."""

    def __init__(self, *made: tuple[str, Path]) -> None:
        self.made = dict(made)
        self.served: list[Served] = []
        self.became: list[Path] = []
        self.followed: list[Path] = []

    @property
    def ways(self) -> Ways:
        return Ways(ensure=self.ensure, keeper=self.keeper, follow=self.follow, become=self.become)

    def ensure(self, kinds: Sequence[str], home: Path, report: Callable[[str], None]) -> dict[str, Path]:
        assert self.made, "nothing may be made here"
        return self.made

    def keeper(self, orders: Orders) -> "Keeping":
        return Keeping(self, orders)

    def follow(self, log: Path) -> int:
        self.followed.append(log)
        return 0

    def become(self, python: Path) -> int:
        self.became.append(python)
        return 77


@frozen
class Keeping:
    """In the place of a keeper: prepares, and serves nothing."""

    hands: Hands
    orders: Orders

    @property
    def log(self) -> Path:
        return self.orders.log

    def follow_runner(self) -> None:
        pass

    def keep(self, command: Sequence[str], prepare: Prepare, *, is_detached: bool = False) -> int:
        prepared = prepare(print)
        self.hands.served.append(Served(self.orders, command, prepared.environ, is_detached))
        return prepared.code

    def detach(self, command: Sequence[str], prepare: Prepare) -> int:
        return self.keep(command, prepare, is_detached=True)
