"""What was measured, sorted into sections and rows; from the turns as they stand in the document, of this run or an old
one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve, frozen

from tooling.clients.bench.records import Told
from tooling.clients.output.intervals import Samples

ROWS = (
    ("TTFB (tool)", "tool_ms"),
    ("TTFB (chat)", "ttfb_ms"),
    ("ITL", "itl_ms"),
    ("3-words", "three_words_ms"),
    ("sentence", "sentence_ms"),
    ("total", "total_ms"),
    ("cancel", "cancel_ms"),
)
INTENDED = (("TTFB, intended", "ttfb_ms"), ("total, intended", "total_ms"))
"""Counted from when the turn should have been sent, not from when it was."""
VISIBLE_MS = 1.0
"""Turns that were at most so late make no difference that is worth rows of their own."""
NOT_OF_INTERRUPTED = {"total_ms"}
OPENING = ("all", "first")
"""Sections of first turns: the later ones of a conversation wait for its replies, in an open load too."""
FIRST, SECOND = "FIRST", "SECOND"
LABELS = (FIRST, SECOND)


@frozen
class Section:
    """The samples of one set of turns, by row name; milliseconds, one cluster a conversation. `key`: in documents."""

    key: str
    title: str
    rows: Mapping[str, Samples]


def sections(turns: Sequence[Told]) -> list[Section]:
    """All sections that have a row: complete replies, apart for first turns where there are others, then what was
    interrupted, and what was said into it."""
    done = [turn for turn in turns if turn["outcome"] == "done" and not turn.get("interrupts")]
    late = any((turn["metrics"].get("late_ms") or 0) > VISIBLE_MS for turn in turns if turn.get("first", True))
    cut = [turn for turn in turns if turn.get("interrupted")]
    into = [turn for turn in turns if turn.get("interrupts") and turn["outcome"] == "done"]
    found = [_section(key, title, part, late=late and key in OPENING) for key, title, part in _complete(done)]
    if found and found[0].rows:
        connect = Samples.of(_pairs(turns, "connect_ms"))
        found[0] = evolve(found[0], rows={**({"connect": connect} if len(connect) else {}), **found[0].rows})
    found.append(_section("interrupted", "INTERRUPTED replies:", cut, skipped=NOT_OF_INTERRUPTED))
    found.append(_section("barge_in", "AFTER the interruption:", into))
    return [section for section in found if section.rows]


def _complete(done: Sequence[Told]) -> Iterator[tuple[str, str, list[Told]]]:
    if any(turn["label"] == SECOND for turn in done):
        for label in LABELS:
            yield label.lower(), f"{label} transaction:", [turn for turn in done if turn["label"] == label]
    elif all(turn.get("first", True) for turn in done):
        yield "all", "", list(done)
    else:
        yield "first", "FIRST turns (with the prefill of the whole prompt):", [one for one in done if one["first"]]
        yield "later", "LATER turns:", [one for one in done if not one["first"]]


def _section(
    key: str, title: str, turns: Sequence[Told], *, late: bool = False, skipped: Iterable[str] = ()
) -> Section:
    rows = {name: Samples.of(_pairs(turns, metric)) for name, metric in ROWS if metric not in skipped}
    if late:
        rows |= {name: Samples.of(_pairs(turns, metric, late=True)) for name, metric in INTENDED}
    return Section(key, title, {name: row for name, row in rows.items() if len(row)})


def _pairs(turns: Sequence[Told], metric: str, *, late: bool = False) -> Iterator[tuple[float, int]]:
    for turn in turns:
        value = turn["metrics"].get(metric)
        if value is None:
            continue
        for one in value if isinstance(value, list) else [value]:
            yield one + ((turn["metrics"].get("late_ms") or 0.0) if late else 0.0), turn["connection"]


__all__ = ["FIRST", "LABELS", "SECOND", "Section", "sections"]
