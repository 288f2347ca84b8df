"""A mutation: its patch, and the sentence on what it breaks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import field, frozen

from tooling.refusal import UsageError

HOME = Path(__file__).parent
_FROM = "--- a/"


@frozen
class Mutation:
    """`files`: what it changes, relative to the root of the tree."""

    name: str
    sentence: str
    files: tuple[str, ...]
    patch: Path = field(repr=False)

    @classmethod
    def read(cls, patch: Path) -> "Mutation":
        """Raises `ValueError` for a file that is no patch with a sentence before it."""
        lines = patch.read_text("utf-8").splitlines()
        files = tuple(line.removeprefix(_FROM) for line in lines if line.startswith(_FROM))
        before = lines[: next((at for at, line in enumerate(lines) if line.startswith(_FROM)), 0)]
        sentence = " ".join(line.strip() for line in before).strip()
        if not files or not sentence:
            raise ValueError(f"{patch.name}: a sentence, then a unified diff with a/ and b/ before its paths")
        return cls(patch.stem, sentence, files, patch)


def every(home: Path = HOME) -> list[Mutation]:
    """All there are, by name."""
    return [Mutation.read(path) for path in sorted(home.glob("*.patch"))]


def named(names: Sequence[str], home: Path = HOME) -> list[Mutation]:
    """Those with these names, or in these files that end with .patch; without either all. Raises `UsageError`."""
    found = {mutation.name: mutation for mutation in every(home)}
    return [_named(name, found) for name in names] or list(found.values())


def _named(name: str, found: Mapping[str, Mutation]) -> Mutation:
    if name in found:
        return found[name]
    if not name.endswith(".patch"):
        raise UsageError(f"there is no mutation {name}: write a NAME of {HOME.name}/NAME.patch, or a file")
    try:
        return Mutation.read(Path(name).absolute())
    except (OSError, ValueError) as error:
        raise UsageError(f"{name} is no mutation: {error}") from error


__all__ = ["HOME", "Mutation", "every", "named"]
