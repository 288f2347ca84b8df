"""What `just push --dry-run` says: where to, which files with which sizes, the README, and what would be refused."""

import json
from collections.abc import Iterator, Sequence

from tooling.models.amounts import size_text
from tooling.push.asking import Listed
from tooling.push.choosing import Chosen

LATER = "the token and the repository are asked for only when it is pushed"


def text(chosen: Chosen, found: Listed | None, complaints: Sequence[str]) -> str:
    """For people."""
    return "\n".join(_lines(chosen, found, complaints))


def as_json(chosen: Chosen, found: Listed | None, complaints: Sequence[str]) -> str:
    """For programs: one object."""
    order = chosen.order
    return json.dumps(
        {
            "repository": order.repository or None,
            "private": order.private,
            "made_if_missing": not order.must_exist,
            "base_model": order.source,
            "base_revision": order.revision,
            "files": dict(found.files) if found else {},
            "left_out": list(found.left_out) if found else [],
            "readme": found.readme if found else None,
            "notes": [*chosen.notes, *(found.notes if found else ())],
            "refused": list(complaints),
        },
        indent=2,
    )


def _lines(chosen: Chosen, found: Listed | None, complaints: Sequence[str]) -> Iterator[str]:
    order = chosen.order
    visibility = "private" if order.private else "public"
    made = "has to be there" if order.must_exist else f"made if it is missing, then {visibility}"
    yield f"repository  {order.repository or 'not named'} ({made})"
    yield f"base model  {order.source}" + (f" at {order.revision}" if order.revision else ", a directory")
    for place in order.places:
        yield f"from        {place}"
    if found is not None:
        total = sum(found.files.values())
        yield f"files       {len(found.files)}, {size_text(total)}"
        width = max((len(size_text(size)) for size in found.files.values()), default=0)
        yield from (f"    {size_text(size):>{width}}  {path}" for path, size in sorted(found.files.items()))
        yield from (f"left out    {path}" for path in found.left_out)
    for note in (*chosen.notes, *(found.notes if found else ())):
        yield f"note        {note}"
    if found is not None and found.readme is not None:
        yield "README.md"
        yield from (f"    {line}".rstrip() for line in found.readme.splitlines())
    for complaint in complaints:
        yield from (f"refused     {line}" for line in complaint.splitlines())
    yield f"nothing was sent; {LATER}"


__all__ = ["as_json", "text"]
