"""Text hygiene at the wire: what a chat prompt or screen prefix may hold."""

import re
import unicodedata

import ftfy

# DEL and C0 without TAB, LF, CR; then the bidi embeddings, overrides, isolates and marks (Unicode Standard Annex 9).
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
# Lines are mended in pieces of so many characters, so that no search among them keeps the interpreter for long.
_DAMAGE_ONLY = ftfy.TextFixerConfig(normalization=None, max_decode_length=16384)

PIECE_CHARS = 1024
REACH = 32
"""Characters over which a mark may reach; Unicode Standard Annex 15 calls texts with less than 30 in a row safe."""

_ESCAPED_QUOTE = re.compile(r"""(?<!\\)\\++["']""")  # from where a run begins: else a long one takes its square


def sanitize_prompt(text: str) -> str:
    """A chat prompt or screen prefix with encoding damage, invisible controls and escaped quotes taken out, stripped.

    Surrogates are joined or replaced on the way. Whether what is left may be empty, and how long it may be, is for
    the caller to say. Some 1.6 ms per 1000 characters: this belongs in a worker thread.
    """
    fixed = _compatible(ftfy.fix_text(text, _DAMAGE_ONLY))
    return _ESCAPED_QUOTE.sub("", _UNWANTED.sub("", fixed)).strip()


def _compatible(text: str) -> str:
    """NFKC, piece by piece: a hundred thousand combining marks in a row take the library 15 s, in one call."""
    if text.isascii():
        return text
    pieces: list[str] = []
    start = 0
    while start < len(text):
        end = next((at for at in range(start + PIECE_CHARS, start + PIECE_CHARS + REACH) if _parts(text, at)), None)
        end = end or start + PIECE_CHARS  # within a run of marks that is no text: where does not matter
        pieces.append(unicodedata.normalize("NFKC", text[start:end]))
        start = end
    return "".join(pieces)


def _parts(text: str, at: int) -> bool:
    """Whether what stands before `at` and what stands behind it do not change each other in NFKC."""
    before, behind = text[max(0, at - REACH) : at], text[at : at + REACH]
    both = unicodedata.normalize("NFKC", before + behind)
    return both == unicodedata.normalize("NFKC", before) + unicodedata.normalize("NFKC", behind)


__all__ = ["sanitize_prompt"]
