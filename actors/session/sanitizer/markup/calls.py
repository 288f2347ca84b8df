"""A tool call that ends with the bracket that closes its JSON value."""

from attrs import define, field


@define
class Call:
    """Reads `name{…}`, `[{…}]` or `name[ARGS]{…}`; brackets inside strings do not count. Keeps no text."""

    over: bool = field(default=False, init=False)
    _depth: int = field(default=0, init=False)
    _quoted: bool = field(default=False, init=False)
    _escaped: bool = field(default=False, init=False)
    _bracket: bool = field(default=False, init=False)

    def skip(self, text: str, pos: int) -> int:
        """Where the text goes on behind the call (then it is `over`), or its end."""
        while pos < len(text) and not self.over:
            self._char(text[pos])
            pos += 1
        return pos

    def _char(self, char: str) -> None:
        if self._quoted:
            self._in_string(char)
        elif self._bracket and char.isupper():
            # A marker such as `[ARGS]` between the name and its arguments, no list.
            self._bracket, self._depth = False, 0
        else:
            self._bracket = False
            self._outside(char)

    def _in_string(self, char: str) -> None:
        if self._escaped:
            self._escaped = False
        elif char == "\\":
            self._escaped = True
        elif char == '"':
            self._quoted = False

    def _outside(self, char: str) -> None:
        if char in "{[":
            self._bracket = char == "[" and self._depth == 0
            self._depth += 1
        elif self._depth and char == '"':
            self._quoted = True
        elif self._depth and char in "}]":
            self._depth -= 1
            self.over = self._depth == 0


__all__ = ["Call"]
