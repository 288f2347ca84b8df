"""The markup stages in a row."""

from collections.abc import Collection

from attrs import define, field

from actors.session.sanitizer.markup.blocks import OUTSIDE
from actors.session.sanitizer.markup.comments import Comments
from actors.session.sanitizer.markup.entities import Entities
from actors.session.sanitizer.markup.kept import KeptTags
from actors.session.sanitizer.markup.reasoning import Reasoning
from actors.session.sanitizer.markup.tags import Tags
from actors.session.sanitizer.opaque import Opaque

OPENING = frozenset("&").union(text[0] for text in OUTSIDE.texts)
"""Characters that mean more than themselves to a stage that is not busy."""


@define
class Markup:
    """Text in, text without markup out; gaps are marks from here on. `markup` off: comments and tags stay.

    `kept`: names of tags that go on as marks: as written, then those that references made.
    """

    opaque: Opaque
    in_reasoning: bool = False
    markup: bool = True
    kept: Collection[str] = ()
    _reasoning: Reasoning = field(init=False)
    _comments: Comments = field(factory=Comments, init=False)
    _kept: KeptTags = field(init=False)
    _entities: Entities = field(factory=Entities, init=False)
    _kept_then: KeptTags = field(init=False)
    _tags: Tags = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._reasoning = Reasoning(self.in_reasoning)
        self._kept, self._kept_then = KeptTags(self.opaque, self.kept), KeptTags(self.opaque, self.kept)
        self._tags = Tags(self.markup)

    @property
    def inside_reasoning(self) -> bool:
        """Whether all that comes is dropped until a closing tag."""
        return self._reasoning.inside

    @property
    def busy(self) -> bool:
        """Whether any stage waits, so that the next character means more than itself."""
        busy = self._reasoning.busy or self._comments.busy or bool(self._entities.held) or self._tags.busy
        return busy or self._kept.busy or self._kept_then.busy

    @property
    def held(self) -> int:
        """Characters that wait here."""
        kept = self._kept.held + self._kept_then.held
        return self._reasoning.held + self._comments.held + self._entities.held + self._tags.held + kept

    def shrunk(self) -> int:
        """Characters that vanished into decoded ones, or into the mark of a tag, since the last call."""
        count = self._entities.shrunk + self._kept.surplus + self._kept_then.surplus
        self._entities.shrunk = self._kept.surplus = self._kept_then.surplus = 0
        return count

    def feed(self, text: str) -> str:
        """The text without markup, as far as it is decided."""
        text = self._reasoning.feed(text)
        if self.markup:
            text = self._comments.feed(text)
        return self._decoded(self._entities.feed(self._kept.feed(text)))

    def skip(self, text: str, pos: int) -> int:
        """Inside reasoning: where the text goes on behind it, or the end of what there is."""
        return self._reasoning.skip(text, pos)

    def settle(self) -> str:
        """The oldest open tag, then an open reference, as ordinary text."""
        if self._tags.held:
            return self._tags.settle()
        if self._kept_then.held:
            return self._tags.feed(self._kept_then.settle())
        if self._entities.held:
            return self._decoded(self._entities.settle())
        return self._decoded(self._entities.feed(self._kept.settle()))

    def flush(self) -> str:
        """The rest, as if the text ended here."""
        text = self._reasoning.flush()
        if self.markup:
            text = self._comments.feed(text) + self._comments.flush()
        text = self._kept.feed(text) + self._kept.settle()
        text = self._kept_then.feed(self._entities.feed(text) + self._entities.flush()) + self._kept_then.settle()
        return self._tags.feed(text) + self._tags.flush()

    def _decoded(self, text: str) -> str:
        return self._tags.feed(self._kept_then.feed(text))


__all__ = ["OPENING", "Markup"]
