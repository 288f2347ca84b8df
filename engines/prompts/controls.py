"""The control set: what only the template may place in a prompt, and no content."""

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from engines.prompts.encoder import AddedToken, Encoder, HubTokenizer, single_id
from engines.prompts.messages import PromptMessage, PromptRole, arrange
from engines.prompts.reply_format import EVERY_MARKER
from engines.prompts.stops import MARKERS
from engines.prompts.syntax import is_marker, markers_in
from engines.prompts.template import Template

EVERY_ROLE: tuple[PromptRole, ...] = ("system", "user", "assistant", "user")
_CONTENT = "x"


@frozen
class Controls:
    """`texts`: what is neutralised in contents. `tokens`: those of them that are one token, by id. `written`: markers
    that the template writes. `special`: ids that the tokenizer itself calls special.

    The unknown token is none, unless it is BOS or EOS as well, as in GPT-2's vocabulary.
    """

    texts: tuple[str, ...] = field(repr=False)
    tokens: Mapping[int, str] = field(repr=False)
    written: frozenset[str] = field(repr=False)
    special: frozenset[int] = field(repr=False)

    @property
    def ids(self) -> frozenset[int]:
        """The ids that only the template may place."""
        return frozenset(self.tokens)


def control_set(tokenizer: HubTokenizer, encoder: Encoder, template: Template) -> Controls:
    """Every added token that is special, looks like a marker or is placed by the template; every marker that the
    template writes; and the turn markers of all formats that are one token here.

    Ordinary words are none, though a tokenizer may have added them: `"\\n\\n"`, a run of blanks, single characters.
    """
    ends = {tokenizer.bos_token_id, tokenizer.eos_token_id}
    added = {
        id_: token for id_, token in tokenizer.added_tokens_decoder.items() if id_ not in encoder.unknown or id_ in ends
    }
    sample = _sample(template)
    placed = set(encoder.ids(sample)).difference(encoder.ids(_CONTENT))
    chosen = {id_: token.content for id_, token in added.items() if _counts(token, placed=id_ in placed)}
    written = dict.fromkeys(_markers([sample, template.endings.thought, *template.syntax.texts]))
    known = (*written, *MARKERS, *sorted(EVERY_MARKER))
    single = {id_: text for text in known if (id_ := single_id(text, encoder)) is not None}
    tokens = single | chosen
    return Controls(
        texts=tuple(dict.fromkeys([*tokens.values(), *written])),
        tokens=tokens,
        written=frozenset(written),
        special=frozenset(id_ for id_, token in added.items() if token.special),
    )


def _counts(token: AddedToken, *, placed: bool) -> bool:
    # A character that the template happens to use must not vanish from what people write.
    word = len(token.content) > 1 and not token.content.isspace()
    return token.special or is_marker(token.content) or (placed and word)


def _sample(template: Template) -> str:
    """What the template makes of every role, the model's part begun."""
    said = [PromptMessage(role, _CONTENT) for role in EVERY_ROLE]
    return template.text(arrange(said, template.accepts))


def _markers(texts: Iterable[str]) -> list[str]:
    return [marker for text in texts for marker in markers_in(text)]


__all__ = ["EVERY_ROLE", "Controls", "control_set"]
