"""What goes to the builder of an image: each Dockerfile has its own list, which lets through what it names."""

from collections.abc import Iterator

from tooling.house.finding import Finding, Rule
from tooling.house.tree import PROJECT, TESTS, Tree

SUFFIX = ".dockerignore"
EVERYTHING = "**"
# What a wheel is made of beside the packages.
METADATA = frozenset({PROJECT, "README.md", "LICENSE"})


def _check(tree: Tree) -> Iterator[Finding]:
    images = [path for path in tree.files if "/" not in path and path.startswith("Dockerfile.") and SUFFIX not in path]
    wanted = {f"{image}{SUFFIX}" for image in images}
    found = {path for path in tree.files if path.endswith(SUFFIX)}
    for path in sorted(found - wanted):
        yield Finding(path, 1, "belongs to no Dockerfile at the root, which have one each")
    for path in sorted(wanted - found):
        yield Finding(path.removesuffix(SUFFIX), 1, f"has no {path}: everything would go to the builder")
    for path in sorted(wanted & found):
        yield from _content(tree, path)


def _content(tree: Tree, path: str) -> Iterator[Finding]:
    allowed = METADATA | {TESTS} | set(tree.packages)
    closed = False
    for number, line in enumerate(tree.text(path).splitlines(), 1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        if not closed and entry != EVERYTHING:
            yield Finding(path, number, f"begins with {entry!r}: the first entry is {EVERYTHING!r}")
        closed = True
        if entry.startswith("!") and entry[1:] not in allowed:
            yield Finding(
                path, number, f"lets {entry[1:]!r} through, which is no package, no part of a wheel and no test"
            )
    if not closed:
        yield Finding(path, 1, f"is empty: the first entry is {EVERYTHING!r}")


IGNORES = Rule(
    "ignore-files",
    "Dockerfile.*.dockerignore at the root, one for each Dockerfile, no other",
    "begin with ** and let the packages, the wheel's metadata and the tests that end a build through, nothing else",
    _check,
)

__all__ = ["IGNORES"]
