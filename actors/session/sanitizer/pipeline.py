"""The sanitizer: stages in a row, each a transducer that decides on the characters it has read.

Every character goes through all stages before the next one is looked at, so the output is a function of the text alone
and never of how it was cut. Runs of plain text take a short way that leaves the stages in the same state.
"""

import re
from collections.abc import Sequence

from attrs import define, evolve, field

from actors.session.sanitizer.alphabet import SPACE, WHITE
from actors.session.sanitizer.errors import SanitizerFlushed
from actors.session.sanitizer.families import Families
from actors.session.sanitizer.graphemes import Graphemes
from actors.session.sanitizer.labels import Labels
from actors.session.sanitizer.markdown import OPENING as OPENS_MARKDOWN
from actors.session.sanitizer.markdown import Markdown
from actors.session.sanitizer.markup import OPENING as OPENS_MARKUP
from actors.session.sanitizer.markup import Markup
from actors.session.sanitizer.opaque import Opaque
from actors.session.sanitizer.phones import Phones
from actors.session.sanitizer.plain import LONGEST, NEXT, RUN, WORD
from actors.session.sanitizer.speech import Speech
from actors.session.sanitizer.words import Words

MOST_HELD = 64
"""Characters read whose effect is not yet in the output, at most."""

_MOST_GROWTH = 8
"""What one character read can add to what is held: a formula's `squared` and the character itself."""

_NO_TEXT = re.compile("[\ud800-\udfff\ufffd]")
_ENGLISH = re.compile(r"en(?![A-Za-z])", re.IGNORECASE)


@define(eq=False)
class Sanitizer:
    """Makes one reply speakable while it streams: `push` its deltas, then `flush` once at the normal end.

    `labels`: prompt labels that are dropped at the very start. `in_reasoning`: the text starts inside a reasoning
    block. `language`: BCP 47 tag of the reply; only an English one gets English words. `keep_tags`: names of tags that
    stay, any case. Output is final: what was returned is never corrected. After `flush`, `push` and `flush` raise
    `SanitizerFlushed`.
    """

    labels: Sequence[str] = ()
    in_reasoning: bool = False
    language: str = "en"
    keep_tags: Sequence[str] = ()
    families: Families = field(factory=Families)
    _markup: Markup = field(init=False)
    _markdown: Markdown = field(init=False)
    _labels: Labels = field(init=False)
    _graphemes: Graphemes = field(init=False)
    _phones: Phones = field(init=False)
    _words: Words = field(init=False)
    _speech: Speech = field(init=False)
    _dials: bool = field(default=True, init=False)
    _surplus: int = field(default=0, init=False)
    _slack: int = field(default=0, init=False)
    _marked: bool = field(default=False, init=False)
    _quiet: bool = field(default=False, init=False)
    _passed: str = field(default="", init=False)
    _spaced: bool = field(default=False, init=False)
    _flushed: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        opaque = Opaque()
        english = _ENGLISH.match(self.language) is not None
        families = self.families if english else evolve(self.families, english=False)
        self._markup = Markup(opaque, self.in_reasoning, families.markdown, frozenset(map(str.lower, self.keep_tags)))
        self._labels = Labels(self.labels)
        self._graphemes = Graphemes(families.emoji)
        self._phones = Phones(opaque)
        self._words = Words(opaque, families)
        self._markdown = Markdown(self._words.in_literal, english)
        self._speech = Speech(opaque, families)
        self._dials = families.contacts and english

    @property
    def held(self) -> int:
        """Characters read whose effect is not yet in the output; those known to vanish do not count."""
        upstream = self._markup.held + self._markdown.held + self._labels.held + self._graphemes.held
        return upstream + self._phones.held + self._words.held + self._speech.held + self._surplus

    def push(self, delta: str) -> str:
        """The next text, of any length; returns what is decided now, perhaps `""`."""
        self._check_open()
        words, speech = self._words, self._speech
        if (
            self._quiet
            and NEXT.fullmatch(delta)
            and speech.ready
            and not words.after_letter
            and WORD.fullmatch(words.word)
        ):
            # The short way for the shape of most tokens, in half the time.
            word, words.word = words.word, delta[1:]
            self._passed, self._spaced = delta[-1], True
            return speech.delivery.plain(word)
        if not delta.isascii():
            delta = _NO_TEXT.sub("", delta)
        out: list[str] = []
        pos, end = 0, len(delta)
        while pos < end:
            after = self._short_way(delta, pos, out) if self._quiet else pos
            if after == pos:
                after = self._long_way(delta, pos, out)
            pos = after
        return "".join(out)

    def flush(self) -> str:
        """The rest, settled as if the text ended here. Once."""
        self._check_open()
        self._flushed = True
        self._catch_up()
        out: list[str] = []
        self._after_markup(self._markup.flush(), out)
        if self.families.markdown:
            self._after_markdown(self._markdown.flush(), out)
        self._spread(self._graphemes.feed(self._labels.flush()) + self._graphemes.flush(), out)
        known = self._phones.flush()
        self._take_number()
        for char in known:
            self._speak(self._words.feed(char), out)
        self._speak(self._words.flush(), out)
        out.append(self._speech.settle())
        return "".join(out)

    def _check_open(self) -> None:
        if self._flushed:
            raise SanitizerFlushed("this sanitizer was flushed; make a new one for the next reply")

    def _short_way(self, delta: str, pos: int, out: list[str]) -> int:
        """Take plain text from `pos`; where it ends. Nothing is open before the word that is being read."""
        words, speech = self._words, self._speech
        word = words.word
        start, spaced = pos, False
        while True:
            run = RUN.match(delta, pos)
            if run is not None:
                if len(word) + run.end() - pos > LONGEST:
                    break
                pos = run.end()
                word += run[0]
            char = delta[pos : pos + 1]
            if char == "!" and 0 < len(word) < LONGEST and delta[pos + 1 : pos + 2] not in ("", "["):
                word += char  # before `[` it may be an image's
                pos += 1
                continue
            stop = char == "." and delta[pos + 1 : pos + 2] == " "
            if not (stop or char == " ") or words.after_letter or not WORD.fullmatch(word):
                break
            if not speech.ready and not speech.resume():
                break
            out.append(speech.delivery.plain(word))
            if stop:
                out.append(speech.pause())
                pos += 1
            word, spaced = "", True
            pos += 1
        if pos > start:
            self._passed = delta[pos - 1]
            words.word = word
            self._spaced = self._spaced or spaced
        return pos

    def _long_way(self, delta: str, pos: int, out: list[str]) -> int:
        """Take one character (or the rest of a reasoning block) through all stages; where the text goes on."""
        self._catch_up()
        markup = self._markup
        if markup.inside_reasoning:
            after = markup.skip(delta, pos)
            text = ""
            self._marked = markup.busy
        else:
            after = pos + 1
            text = delta[pos]
            if self._marked or text in OPENS_MARKUP:
                text = markup.feed(text)
                self._surplus += markup.shrunk()
                self._marked = markup.busy
        self._after_markup(text, out)
        self._bound(out)
        return after

    def _after_markup(self, text: str, out: list[str]) -> None:
        text = text.translate(WHITE)
        markdown = self._markdown
        if not self.families.markdown or not (markdown.busy or OPENS_MARKDOWN.search(text)):
            self._after_markdown(text, out)
            return
        for char in text:  # one by one: what they mean depends on the word that those before them have made
            self._after_markdown(markdown.feed(char), out)

    def _after_markdown(self, text: str, out: list[str]) -> None:
        if self._labels.active:
            text = self._labels.feed(text)
        self._spread(self._graphemes.feed(text), out)

    def _spread(self, text: str, out: list[str]) -> None:
        """Characters through the telephone numbers to the words, one by one: where a word starts decides."""
        phones, words = self._phones, self._words
        for char in text:
            if phones.held or (char == "+" and self._dials):
                known = phones.feed(char, at_start=words.at_start, brackets=words.word.count("("))
                self._take_number()
                self._speak(words.feed(known), out)
            else:
                for piece in words.feed(char):
                    out.append(self._speech.feed(piece))

    def _take_number(self) -> None:
        """What a telephone number swallowed."""
        phones = self._phones
        self._surplus += phones.surplus
        for _ in range(phones.closed):
            self._words.drop_bracket()
        phones.surplus = phones.closed = 0

    def _speak(self, pieces: Sequence[str], out: list[str]) -> None:
        for piece in pieces:
            out.append(self._speech.feed(piece))

    def _catch_up(self) -> None:
        """Tell the stages what went past them."""
        if self._passed:
            passed, self._passed, self._slack = self._passed, "", 0
            self._graphemes.note(SPACE if passed == " " else passed)
        if self._spaced:
            self._spaced = False
            self._words.pass_word()
            self._speech.note(SPACE)

    def _bound(self, out: list[str]) -> None:
        """Settle the oldest open construct while too much is held; see whether the short way is open."""
        words = self._words
        upstream = self._marked or self._markdown.busy or self._labels.active
        upstream = upstream or bool(self._phones.held) or not self._graphemes.idle
        if self._surplus and not (upstream or words.word):
            self._surplus = 0
        if not (upstream or len(words.word) + self._surplus > LONGEST):
            self._slack = 0
        elif self._slack:
            self._slack -= 1
        else:
            while (held := self.held) > MOST_HELD and self._settle_oldest(out):
                pass
            self._slack = max(0, MOST_HELD - held) // _MOST_GROWTH
        # The short way counts the word alone, not what vanished into its decoded characters.
        self._quiet = not (upstream or self._surplus) and words.idle

    def _settle_oldest(self, out: list[str]) -> bool:
        """Whether there was anything to settle."""
        if not self._speech.calm and self._speech.dashed:
            out.append(self._speech.settle())
        elif self._words.held:
            self._surplus = 0
            self._speak(self._words.dump(), out)
        elif self._phones.held:
            self._speak(self._words.feed(self._phones.settle()), out)
        elif self._labels.held:
            self._spread(self._graphemes.feed(self._labels.settle()), out)
        elif self._markdown.held:
            self._after_markdown(self._markdown.settle(), out)
        elif self._markup.held:
            text = self._markup.settle()
            self._marked = self._markup.busy
            self._after_markup(text, out)
        else:
            return False
        return True


__all__ = ["MOST_HELD", "Sanitizer"]
