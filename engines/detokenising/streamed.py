"""Vocabularies of any other kind (SentencePiece's, word pieces): the tokenizers library's own incremental decoding."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field, frozen
from tokenizers import Tokenizer, decoders

from engines.detokenising.runs import Runs, byte_tokens

# The reply's first piece depends on the tokens before it: on the last one, or on all of a run of single bytes. The
# library takes the whole prompt, which costs its first step a millisecond for some 2,000 tokens.
_CONTEXT = 64
# How the library says that a token changed text that was out already; see its `step_decode_stream`.
_INVALID_PREFIX = "Invalid prefix encountered"


@frozen
class DecodeStreams:
    """A vocabulary behind `tokenizers.decoders.DecodeStream`.

    `added`: the contents of tokens outside its own rules. `bytes_of`: bytes of the tokens that stand for one.
    """

    tokenizer: Tokenizer = field(repr=False)
    added: Mapping[int, str] = field(repr=False)
    bytes_of: Mapping[int, int] = field(repr=False)
    name: str = "DecodeStream"

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "DecodeStreams":
        """Works for every vocabulary that the library can decode."""
        added = {id_: token.content for id_, token in tokenizer.get_added_tokens_decoder().items()}
        return cls(tokenizer, added, byte_tokens(tokenizer.token_to_id, tokenizer.decode))

    def begin(self, prompt_ids: Sequence[int]) -> "StreamedText":
        """See `Detokeniser.begin`."""
        return StreamedText(self.tokenizer, self.added, _stream(prompt_ids[-_CONTEXT:]), Runs(self.bytes_of))


@define(eq=False, repr=False)
class StreamedText:
    """One reply."""

    _tokenizer: Tokenizer
    _added: Mapping[int, str]
    _stream: Any
    _runs: Runs
    _after_added: bool = field(default=False, init=False)

    def push(self, ids: Sequence[int]) -> str:
        """See `ReplyText.push`."""
        return "".join([self._add(whole) for one in ids for whole in self._runs.push(one)])

    def _add(self, one: int) -> str:
        text = self._step(one) or ""
        content = self._added.get(one)
        if content is not None and self._after_added:
            # Between added tokens a decoder may put a blank that no token stands for.
            text = content
        self._after_added = content is not None
        return text

    def _step(self, one: int) -> str | None:
        try:
            text: str | None = self._stream.step(self._tokenizer, one)
        except (OverflowError, TypeError):
            # No id at all, such as a negative placeholder.
            return None
        except Exception as error:  # the library raises plain ones
            if not str(error).startswith(_INVALID_PREFIX):
                raise
            self._stream = _stream(())
            text = self._stream.step(self._tokenizer, one)
        return text


def _stream(context: Sequence[int]) -> Any:
    return decoders.DecodeStream(ids=list(context), skip_special_tokens=False)


__all__ = ["DecodeStreams", "StreamedText"]
