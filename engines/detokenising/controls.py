"""Control tokens told from the text around them, the same way for every engine."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from attrs import define

from engines.base import Control, Delta

Push = Callable[[Sequence[int]], str]


def deltas(
    ids: Sequence[int], push: Push, controls: Mapping[int, str], uncounted: int = 0, cached: int | None = None
) -> Iterator[Delta]:
    """The deltas of one step: its text, with each control token in one of its own.

    `push`: the text that ids complete, asked in order. `uncounted`: tokens of the step that have no text, which the
    last delta counts. Text that waited for more bytes comes in front of the control token, as far as there is any.
    """
    start = 0
    for place, id_ in enumerate(ids):
        content = controls.get(id_)
        if content is None:
            continue
        text = push(ids[start : place + 1]).removesuffix(content)
        if text or place > start:
            yield Delta(text, place - start, cached)
        start = place + 1
        yield Delta(Control(content), 1 + (uncounted if start == len(ids) else 0), cached)
    if start < len(ids) or not ids:
        yield Delta(push(ids[start:]), len(ids) - start + uncounted, cached)


@define
class Pieces:
    """Text that was made of ids elsewhere, given out again id by id, as far as control tokens part it."""

    text: str
    controls: Mapping[int, str]

    def push(self, ids: Sequence[int]) -> str:
        """The text up to the last of these ids, if that is a control token; else all that is left."""
        content = self.controls.get(ids[-1]) if ids else None
        before, found, behind = self.text.partition(content) if content else (self.text, "", "")
        self.text = behind
        return before + found


__all__ = ["Pieces", "Push", "deltas"]
