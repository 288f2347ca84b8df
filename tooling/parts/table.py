"""The parts there are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One part: the Debian packages it is unpacked from and the programs in them that are run.

    `programs`: path below the part by name. `proof`: arguments with which each of them says something and ends with 0;
    one that lacks a shared library cannot. `space_bytes`: unpacked, with its packages beside it. `leaves_out`: None if
    the packages alone do; else everything they depend on is unpacked as well, but these and what only these need.
    """

    name: str
    packages: tuple[str, ...]
    programs: dict[str, str]
    proof: tuple[str, ...]
    space_bytes: int
    leaves_out: tuple[str, ...] | None = None


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
        Part(
            name="chromium",
            # Text is drawn in some font, and pictures of a page should look alike everywhere.
            packages=("chromium", "fonts-dejavu-core", "fonts-inter", "fonts-jetbrains-mono"),
            programs={"chromium": "usr/lib/chromium/chromium"},
            proof=("--version",),
            space_bytes=800_000_000,
            # The C library is the machine's: its loader takes no other. Nothing is shown on a desktop.
            leaves_out=("libc6", "libgtk-3-0", "libgtk-3-0t64", "x11-utils", "xdg-utils"),
        ),
    )
}

__all__ = ["PARTS", "Part"]
