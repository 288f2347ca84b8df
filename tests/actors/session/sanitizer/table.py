"""The tables of inputs and outputs, read from their pages."""

import json
import re
from pathlib import Path

from attrs import frozen

_FIXTURES = Path(__file__).parents[3] / "fixtures"
_SIGNS = str.maketrans({"␠": " ", "␤": "\n", "␍": "\r", "⇥": "\t", "∅": ""})
_ROW = re.compile(r"\| (?P<row>\d+) \| `(?P<given>.*)` \| `(?P<wanted>.*)` \| (?P<mark>[SP]\*?) \|")
_SPEECH = re.compile(r"#+ .*`speech`: `(?P<speech>\{.*\})`")


@frozen
class Pair:
    """One input with its output. `fixed`: whether the output sanitised again stays as it is."""

    row: int
    given: str
    wanted: str
    fixed: bool
    language: str = "en"
    keep_tags: tuple[str, ...] = ()


def _plain(cell: str) -> list[str]:
    text = cell.replace("\\|", "|")
    parts = [part.strip() for part in text.split("¦")]
    signs = (re.sub(r"⟦([0-9A-F]+)⟧", lambda found: chr(int(found[1], 16)), part) for part in parts)
    return [part.translate(_SIGNS) for part in signs]


def pairs(page: str) -> list[Pair]:
    """All pairs of a page, in order. A heading with a `speech` object holds for the rows below it."""
    found = []
    speech: dict[str, list[str]] = {}
    for line in (_FIXTURES / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = _SPEECH.fullmatch(line)
            speech = json.loads(heading["speech"]) if heading else {}
        row = _ROW.fullmatch(line)
        if row is None:
            continue
        given, wanted = _plain(row["given"]), _plain(row["wanted"])
        assert len(given) == len(wanted), line
        fixed = not row["mark"].endswith("*")
        language, keep = str(speech.get("language", "en")), tuple(speech.get("keep_tags", ()))
        found += [
            Pair(int(row["row"]), one, other, fixed, language, keep) for one, other in zip(given, wanted, strict=True)
        ]
    return found


PAIRS = pairs("sanitizer-table.md")
ADDED = pairs("sanitizer-added.md")
