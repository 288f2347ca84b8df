"""Bytes that are tokens of their own (`<0xE6>`, SentencePiece's fallback), let through as whole characters only.

A decoder takes a run of such tokens for characters all together or not at all: one byte too many, and none of those
beside it is text any more. So what is no character never gets to a decoder.
"""

import codecs
from collections.abc import Callable, Mapping, Sequence

from attrs import define, field


def byte_tokens(id_of: Callable[[str], int | None], decode: Callable[[list[int]], str]) -> Mapping[int, int]:
    """The byte of each token that stands for one; none for a vocabulary whose decoder knows no such tokens."""
    found = {id_: byte for byte in range(256) if (id_ := id_of(f"<0x{byte:02X}>")) is not None}
    letter = next((id_ for id_, byte in found.items() if byte == ord("A")), None)
    return found if letter is not None and decode([letter]).strip() == "A" else {}


@define(eq=False, repr=False)
class Runs:
    """One reply's tokens. `bytes_of`: as `byte_tokens` has it."""

    bytes_of: Mapping[int, int]
    _held: list[int] = field(factory=list, init=False)

    def push(self, one: int) -> Sequence[int]:
        """The tokens that can be decoded now: this one, none yet, or all of a character that it completes."""
        if one not in self.bytes_of:
            self._held.clear()
            return (one,)
        self._held.append(one)
        while self._held:
            try:
                text, _ = codecs.utf_8_decode(bytes(map(self.bytes_of.__getitem__, self._held)), "strict", False)
            except UnicodeDecodeError:
                # The first is of no character together with what follows it; what follows may still be of one.
                del self._held[0]
                continue
            if not text:
                break
            whole, self._held = self._held, []
            return whole
        return ()


__all__ = ["Runs", "byte_tokens"]
