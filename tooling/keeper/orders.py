"""What a keeper is told: where to write, what to write down, and what to start."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from runtime.settings import Settings
from tooling.keeper.versions import installed

Say = Callable[[str], None]


@frozen(kw_only=True)
class Orders:
    """One launch, decided and not begun.

    `settings`: the server's, of which the keeper reads home, host, port, log file and its limits, and timeouts. `home`,
    `log`: absolute. `requested`, `resolved`, `versions`: as `State` has them, without secrets. `banner`: the plan in
    lines, as the log gets it below time and version: no key, not even a made-up one. `extra`: lines for whoever
    waits for a launch in the background, once it is ready: a key may be among them.
    """

    settings: Settings = field(repr=False)
    home: Path
    log: Path
    requested: dict[str, Any] = field(factory=dict)
    resolved: dict[str, Any] = field(factory=dict)
    versions: dict[str, str] = field(factory=installed)
    banner: Sequence[str] = ()
    extra: Sequence[str] = field(default=(), repr=False)


@frozen(kw_only=True)
class Prepared:
    """What preparing came to. `environ`: the server's whole environment, secrets included, never written anywhere.

    `resolved`, `versions`: replace those of the orders where given. `code`: what the launch exits with although it
    serves: 0, or 7 if a push that was asked for failed.
    """

    environ: Mapping[str, str] = field(repr=False)
    resolved: dict[str, Any] | None = None
    versions: dict[str, str] | None = None
    code: int = 0


Prepare = Callable[[Say], Prepared]

__all__ = ["Orders", "Prepare", "Prepared", "Say"]
