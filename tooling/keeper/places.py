"""Which log a launch writes, decided once for as long as it lives: two in a directory never share one."""

from pathlib import Path

from attrs import frozen

from tooling.refusal import CONFLICT, Refusal
from tooling.running import Claim


@frozen
class Place:
    """A log's path and the right to it; None for what needs none, a device. `why`: why it is not the one asked for."""

    path: Path
    claim: Claim | None
    why: str = ""


def place_log(home: Path, wanted: Path, key: str) -> Place:
    """The file asked for, or where another launch writes to that one, the same name with our port in it.

    Raises `Refusal` where both are taken, `OSError` where `home` cannot be written.
    """
    path = wanted.resolve()  # a link stays, and its target is what is rotated
    if path.exists() and not path.is_file():
        return Place(path, None)
    if (claim := Claim.log(home, path)) is not None:
        return Place(path, claim)
    own = path.with_name(f"{path.stem}-{key}{path.suffix}")
    if (claim := Claim.log(home, own)) is not None:
        return Place(own, claim, f"{path.name} is another server's: this one writes {own}")
    raise Refusal(
        f"the logs {path} and {own.name} are both written by other servers: name one with --log-file", CONFLICT
    )


__all__ = ["Place", "place_log"]
