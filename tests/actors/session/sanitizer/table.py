"""The table of inputs and outputs, read from its page."""

import re
from pathlib import Path

from attrs import frozen

_PAGE = Path(__file__).parents[3] / "fixtures" / "sanitizer-table.md"
_SIGNS = str.maketrans({"␠": " ", "␤": "\n", "␍": "\r", "⇥": "\t", "∅": ""})
_ROW = re.compile(r"\| (?P<row>\d+) \| `(?P<given>.*)` \| `(?P<wanted>.*)` \| (?P<mark>[SP]\*?) \|")


@frozen
class Pair:
    """One input with its output. `fixed`: whether the output sanitised again stays as it is."""

    row: int
    given: str
    wanted: str
    fixed: bool


def _plain(cell: str) -> list[str]:
    text = cell.replace("\\|", "|")
    parts = [part.strip() for part in text.split("¦")]
    signs = (re.sub(r"⟦([0-9A-F]+)⟧", lambda found: chr(int(found[1], 16)), part) for part in parts)
    return [part.translate(_SIGNS) for part in signs]


def pairs() -> list[Pair]:
    """All pairs, in order."""
    found = []
    for line in _PAGE.read_text(encoding="utf-8").splitlines():
        row = _ROW.fullmatch(line)
        if row is None:
            continue
        given, wanted = _plain(row["given"]), _plain(row["wanted"])
        assert len(given) == len(wanted), line
        fixed = not row["mark"].endswith("*")
        found += [Pair(int(row["row"]), one, other, fixed) for one, other in zip(given, wanted, strict=True)]
    return found


PAIRS = pairs()
