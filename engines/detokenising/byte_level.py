"""Byte-level vocabularies (GPT-2's scheme: Llama 3, Qwen, Mistral's newer ones): a table from id to text.

There a token is a string of bytes and its text depends on no neighbour, so most tokens are one look-up. Only those
that hold part of a character are put together, as bytes.
"""

from collections.abc import Mapping, Sequence

from attrs import define, field, frozen
from tokenizers import Tokenizer, decoders

REPLACEMENT = "\ufffd"
# Stands for characters that are in no byte-level token; any character beyond Latin-1 would do.
_FOREIGN = 0x10FFFF


def _bytes_of_characters() -> dict[int, int]:
    """GPT-2's alphabet: printable Latin-1 characters stand for themselves, the other bytes for 256 and up, in order."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    characters = dict.fromkeys(others, _FOREIGN) | {byte: byte for byte in printable}
    return characters | {256 + place: byte for place, byte in enumerate(others)}


_BYTES = _bytes_of_characters()


def _raw(token: str) -> bytes:
    try:
        return token.translate(_BYTES).encode("latin-1")
    except UnicodeEncodeError:
        # An added token with characters outside the alphabet, a blank for one: it stands for itself.
        return token.encode()


@frozen
class ByteTable:
    """`whole`: the text of an id, None where its bytes are no whole characters; those are in `broken`."""

    whole: Sequence[str | None] = field(repr=False)
    broken: Mapping[int, bytes] = field(repr=False)
    name: str = "byte table"

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "ByteTable | None":
        """The table of a vocabulary; None if it is no byte-level one. A tenth of a second for 100,000 tokens."""
        if not isinstance(tokenizer.decoder, decoders.ByteLevel):
            return None
        added = tokenizer.get_added_tokens_decoder()
        tokens = {id_: token for token, id_ in tokenizer.get_vocab(with_added_tokens=False).items()}
        tokens |= {id_: token.content for id_, token in added.items()}
        whole: list[str | None] = [""] * (max(tokens, default=-1) + 1)
        broken: dict[int, bytes] = {}
        for id_, token in tokens.items():
            raw = _raw(token)
            text = raw.decode(errors="replace")
            if REPLACEMENT in text:
                whole[id_], broken[id_] = None, raw
            else:
                whole[id_] = text
        return cls(whole, broken)

    def begin(self, prompt_ids: Sequence[int]) -> "ByteText":
        """See `Detokeniser.begin`; no token's text depends on the prompt."""
        return ByteText(self.whole, self.broken)


@define(eq=False, repr=False)
class ByteText:
    """One reply. `_held`: bytes that do not end with a whole character yet."""

    _whole: Sequence[str | None]
    _broken: Mapping[int, bytes]
    _held: bytes = field(default=b"", init=False)

    def push(self, ids: Sequence[int]) -> str:
        """See `ReplyText.push`."""
        if len(ids) == 1 and not self._held and 0 <= ids[0] < len(self._whole):
            # Almost every token of almost every step.
            text = self._whole[ids[0]]
            if text is not None:
                return text
        return "".join([self._add(one) for one in ids])

    def _add(self, one: int) -> str:
        text = self._whole[one] if 0 <= one < len(self._whole) else ""
        if text is not None and not self._held:
            return text
        self._held += self._broken[one] if text is None else text.encode()
        text = self._held.decode(errors="replace")
        if text.endswith(REPLACEMENT):
            return ""
        self._held = b""
        return text


__all__ = ["REPLACEMENT", "ByteTable", "ByteText"]
