"""Ways to feed a sanitizer."""

import re
from collections.abc import Sequence

from actors.session.sanitizer import Sanitizer
from tests.actors.session.sanitizer.table import Pair

MOST_HELD = 64


def joined(
    chunks: Sequence[str],
    *,
    in_reasoning: bool = False,
    labels: Sequence[str] = (),
    language: str = "en",
    keep_tags: Sequence[str] = (),
) -> str:
    """All output for these chunks, checked on the way: the bound, no white space at either end."""
    sanitizer = Sanitizer(labels, in_reasoning, language, keep_tags)
    out = ""
    for chunk in chunks:
        out += sanitizer.push(chunk)
        assert sanitizer.held <= MOST_HELD
        assert out == out.strip()
    out += sanitizer.flush()
    assert out == out.strip()
    return out


def whole(text: str) -> str:
    """S(text)."""
    return joined([text])


def spoken(pair: Pair, chunks: Sequence[str]) -> str:
    """All output for these chunks in the language of a pair, with the tags that it keeps."""
    return joined(chunks, language=pair.language, keep_tags=pair.keep_tags)


def decoded(text: str) -> str:
    """A line of the page: ⟦X⟧ is a code point."""
    return re.sub(r"⟦([0-9A-F]+)⟧", lambda found: chr(int(found[1], 16)), text)


def sofar(line: str) -> list[str]:
    """What is out after each push of a line with `¦` between the pushes; the last item is the whole output."""
    chunks = decoded(line).split("¦")
    text = "".join(chunks)
    assert joined(list(text)) == joined(chunks) == whole(text)
    sanitizer = Sanitizer()
    out: list[str] = []
    for chunk in chunks:
        out.append((out[-1] if out else "") + sanitizer.push(chunk))
    return [*out, (out[-1] if out else "") + sanitizer.flush()]
