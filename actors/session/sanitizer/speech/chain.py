"""The stages from whole words to the text that leaves."""

import re

from attrs import define, field

from actors.session.sanitizer.families import Families
from actors.session.sanitizer.opaque import Opaque
from actors.session.sanitizer.speech.delivery import Delivery
from actors.session.sanitizer.speech.dots import Dots
from actors.session.sanitizer.speech.signs import Signs
from actors.session.sanitizer.speech.spelling import Spelling
from actors.session.sanitizer.speech.units import Units

_EVENTFUL = re.compile(r"[.…°℃℉º˚%\-\u2010-\u2013\u2212\d]|[oO][hH]|[\udf01-\udf05]")


@define
class Speech:
    """Pieces (whole words or gaps) in, text to send out."""

    opaque: Opaque
    families: Families
    delivery: Delivery = field(init=False)
    calm: bool = field(default=True, init=False)
    _dots: Dots = field(factory=Dots, init=False)
    _units: Units = field(factory=Units, init=False)
    _signs: Signs = field(factory=Signs, init=False)
    _spelling: Spelling = field(factory=Spelling, init=False)

    def __attrs_post_init__(self) -> None:
        self.delivery = Delivery(self.opaque)

    @property
    def held(self) -> int:
        """Characters that wait here."""
        return self._dots.held + self._units.held + self._signs.held + bool(self.delivery.gap)

    @property
    def ready(self) -> bool:
        """Whether a plain word may go straight to the delivery."""
        return self.calm and self.delivery.settled

    @property
    def dashed(self) -> bool:
        """Whether a dash waits for a number."""
        return self._signs.waits

    def pause(self) -> str:
        """A plain word ended with one dot and a space: the dot, and the same state as the stages would be in."""
        self.delivery.gap = ""
        self._dots.pause()
        self.calm = False
        return "."

    def resume(self) -> bool:
        """Whether nothing was open but a dot and its gap, which the plain word that comes now closes."""
        if not (self._dots.paused and self._units.calm and self._signs.calm and self.delivery.settled):
            return False
        self.delivery.gap = self._dots.resume()
        self.calm = True
        return True

    def note(self, piece: str) -> None:
        """The piece has nothing for the stages and no stage is open: it goes past them."""
        self._dots.note(piece)
        self._signs.note(piece)
        self._spelling.note(piece)

    def feed(self, piece: str) -> str:
        """The text that is decided now."""
        if not piece:
            return ""
        if self.calm and not _EVENTFUL.search(piece):
            self.note(piece)
            return self.delivery.feed(piece)
        piece = self._dots.feed(piece)
        if not self.families.english:
            return self._plainly(piece)
        if self.families.numbers:
            piece = self._signs.feed(self._units.feed(piece))
        text = self.delivery.feed(self._spelling.feed(piece))
        self.calm = self._dots.calm and self._units.calm and self._signs.calm
        return text

    def _plainly(self, piece: str) -> str:
        """In another language: dots, white space and the capital."""
        self.calm = self._dots.calm
        return self.delivery.feed(piece)

    def settle(self) -> str:
        """Open constructs as ordinary text."""
        text = self.delivery.feed(self._spelling.feed(self._signs.settle()))
        self.calm = self._dots.calm and self._units.calm and self._signs.calm
        return text


__all__ = ["Speech"]
