"""The parts there are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One part: the Debian packages it is unpacked from and the programs in them that are run.

    `programs`: path below the part by name. `proof`: arguments with which each of them says something and ends with 0;
    one that lacks a shared library cannot. `space_bytes`: unpacked, with its packages beside it.
    """

    name: str
    packages: tuple[str, ...]
    programs: dict[str, str]
    proof: tuple[str, ...]
    space_bytes: int


PARTS = {
    part.name: part
    for part in (
        Part(
            name="prometheus",
            packages=("prometheus",),
            programs={"prometheus": "usr/bin/prometheus", "promtool": "usr/bin/promtool"},
            proof=("--version",),
            space_bytes=300_000_000,
        ),
    )
}

__all__ = ["PARTS", "Part"]
