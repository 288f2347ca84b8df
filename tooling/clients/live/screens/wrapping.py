"""Breaking a text that is still coming into lines, at words, by what its characters take on a terminal."""

from attrs import define, field
from prompt_toolkit.utils import get_cwidth


@define
class Wrapping:
    """Lines of at most `width` cells. `line`: the one that may still change; a wider word than that is cut.

    What has been returned as a line is final, whatever comes next and in whatever pieces it comes.
    """

    width: int
    line: str = ""
    _cells: int = field(default=0, init=False)
    _soft: bool = field(default=False, init=False)  # the line was begun by a wrap, so blanks do not begin it

    def feed(self, text: str) -> list[str]:
        """Take more text; returns the lines that it completed."""
        finished: list[str] = []
        for letter in text.replace("\t", "    "):
            if letter == "\n":
                finished.append(self.line)
                self._begin("", soft=False)
            elif not (letter == " " and self._soft and not self.line):
                self._put(letter, finished)
        return finished

    def rest(self) -> str:
        """The last line, which ends here."""
        line = self.line
        self._begin("", soft=False)
        return line

    def resized(self, width: int) -> list[str]:
        """Go on with another width; returns the lines that the unfinished one has become, but the last."""
        if width == self.width:
            return []
        line, self.width = self.rest(), width
        return self.feed(line)

    def _put(self, letter: str, finished: list[str]) -> None:
        cells = get_cwidth(letter)
        if self._cells + cells <= self.width or not self.line:
            self.line += letter
            self._cells += cells
            return
        blank = self.line.rfind(" ")
        if letter == " ":
            kept, rest = self.line, ""
        elif blank > 0 and self.line[:blank].strip():
            kept, rest = self.line[:blank], self.line[blank + 1 :] + letter
        else:
            kept, rest = self.line, letter
        finished.append(kept.rstrip())
        self._begin(rest, soft=True)

    def _begin(self, line: str, *, soft: bool) -> None:
        self.line, self._soft, self._cells = line, soft, sum(map(get_cwidth, line))


__all__ = ["Wrapping"]
