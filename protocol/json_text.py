"""JSON text of a client -> Python values, within bounds, and never long in one call.

A frame so short and flat that it cannot break a bound goes to msgspec in one call. Any other is walked token by token:
no library bounds depth and number before it makes objects, and each keeps the interpreter for as long as a text is
long (2 MiB of escapes 4 ms, of `[]` 110 ms, of long integers 40 ms), while every thread of the server waits.
"""

import json
import re
from enum import Enum, auto

import msgspec

MAX_DEPTH = 64
MAX_VALUES = 20_000
"""Objects, arrays, strings, numbers and literals of one text; keys do not count."""

MAX_DIGITS = 4300
"""Of an integer: Python's own bound (`sys.int_info`), for turning digits into a number takes their square."""

AT_ONCE_CHARS = 20_000
"""What msgspec may get in one call: too short for `MAX_VALUES`, and done in half a millisecond whatever it holds."""

WINDOW_CHARS = 1 << 16
"""What one search may look at, for the same reason."""

_TOKEN = re.compile(r'[ \t\n\r]++|"[^"\\\x00-\x1f\ud800-\udfff]*+"?|[-+.0-9A-Za-z]++|[\[\]{}:,]')
# Stops where an escape may go on behind the end of the window.
_INSIDE = re.compile(r'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?")
_LITERALS = {"true": True, "false": False, "null": None}
_DECODER = msgspec.json.Decoder()


class NotJson(ValueError):
    """The text is not JSON, or beyond the bounds. Says nothing of what it holds."""


def parse(text: str) -> object:
    """The value of a JSON text. One leading U+FEFF is ignored; of a key given twice the last counts.

    Halves of surrogate pairs, legal as escapes and not as text, become U+FFFD. Raises `NotJson`: not JSON (NaN and
    Infinity are not), deeper than `MAX_DEPTH`, more than `MAX_VALUES` values, an integer of more than `MAX_DIGITS`
    or any number over `AT_ONCE_CHARS`.
    """
    start = 1 if text.startswith("\ufeff") else 0
    if len(text) <= AT_ONCE_CHARS and text.count("[") + text.count("{") <= MAX_DEPTH:
        try:
            value: object = _DECODER.decode(text[start:])
        except ValueError:
            pass  # halves of pairs and floats out of range are JSON to us: the walk decides
        else:
            return value
    return _Walk(text, start).document()


class _Expect(Enum):
    VALUE = auto()
    FIRST_VALUE = auto()  # or the end of the array
    KEY = auto()
    FIRST_KEY = auto()  # or the end of the object
    COLON = auto()
    MORE = auto()  # a comma, or the end of the array or object
    NOTHING = auto()


_ENDS = {
    "]": (list, _Expect.FIRST_VALUE),
    "}": (dict, _Expect.FIRST_KEY),
}


class _Walk:
    """One pass over a text, building what it holds. Between two tokens other threads get their turn."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._at = start
        self._expect = _Expect.VALUE
        self._open: list[list[object] | dict[str, object]] = []
        self._keys: list[str] = []
        self._values = 0
        self._root: object = None

    def document(self) -> object:
        """The text's one value."""
        while self._at < len(self._text):
            match = _TOKEN.match(self._text, self._at, self._at + WINDOW_CHARS)
            if match is None:
                raise NotJson("an unexpected character")
            token = match.group()
            self._at = match.end()
            self._take(token)
        if self._expect is not _Expect.NOTHING:
            raise NotJson("it ends too soon")
        return self._root

    def _take(self, token: str) -> None:
        match token[0]:
            case " " | "\t" | "\n" | "\r":
                pass
            case '"':
                self._string(token)
            case "[":
                self._begin([], _Expect.FIRST_VALUE)
            case "{":
                self._begin({}, _Expect.FIRST_KEY)
            case "]" | "}":
                self._end(*_ENDS[token])
            case ":":
                self._require(_Expect.COLON)
                self._expect = _Expect.VALUE
            case ",":
                self._require(_Expect.MORE)
                self._expect = _Expect.VALUE if isinstance(self._open[-1], list) else _Expect.KEY
            case _:
                self._put(_scalar(token))

    def _string(self, token: str) -> None:
        whole = len(token) > 1 and token[-1] == '"'
        text = token[1:-1] if whole else self._long_string(self._at - len(token) + 1)
        if self._expect in (_Expect.KEY, _Expect.FIRST_KEY):
            self._keys.append(text)
            self._expect = _Expect.COLON
        else:
            self._put(text)

    def _long_string(self, at: int) -> str:
        """A string from behind its opening quote: with escapes, or longer than a window."""
        pieces: list[str] = []
        half = ""  # of a pair whose other half may open the next piece
        while True:
            end = _end_of(_INSIDE, self._text, at)
            if end == at:
                break
            raw, at = self._text[at:end], end
            piece = half + (json.loads(f'"{raw}"') if "\\" in raw else raw)
            half = piece[-1] if "\ud800" <= piece[-1] <= "\udbff" else ""
            pieces.append(_paired(piece[: len(piece) - len(half)]))
        if self._text[at : at + 1] != '"':
            raise NotJson("a string with a control character, a bad escape or no end")
        self._at = at + 1
        return "".join([*pieces, _paired(half)])

    def _begin(self, container: list[object] | dict[str, object], expect: _Expect) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise NotJson("too deep")
        self._put(container)
        self._open.append(container)
        self._expect = expect

    def _end(self, kind: type, empty: _Expect) -> None:
        self._require(_Expect.MORE, empty)
        if not isinstance(self._open.pop(), kind):
            raise NotJson("a bracket that closes another one")
        self._expect = _Expect.MORE if self._open else _Expect.NOTHING

    def _put(self, value: object) -> None:
        self._require(_Expect.VALUE, _Expect.FIRST_VALUE)
        self._values += 1
        if self._values > MAX_VALUES:
            raise NotJson("too many values")
        if not self._open:
            self._root, self._expect = value, _Expect.NOTHING
            return
        parent = self._open[-1]
        if isinstance(parent, list):
            parent.append(value)
        else:
            parent[self._keys.pop()] = value
        self._expect = _Expect.MORE

    def _require(self, *expected: _Expect) -> None:
        if self._expect not in expected:
            raise NotJson("not JSON's grammar")


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at, at + WINDOW_CHARS)
    return match.end() if match else at


def _scalar(token: str) -> object:
    if token in _LITERALS:
        return _LITERALS[token]
    if len(token) > AT_ONCE_CHARS or not _NUMBER.fullmatch(token):
        raise NotJson("neither a number nor a literal")
    digits = token.removeprefix("-")
    if not digits.isdigit():
        return float(token)
    if len(digits) > MAX_DIGITS:
        raise NotJson("an integer of too many digits")
    return int(token)


def _paired(text: str) -> str:
    """The text with surrogate pairs joined and lone halves replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


__all__ = ["MAX_DEPTH", "MAX_DIGITS", "MAX_VALUES", "NotJson", "parse"]
