"""Model directories of families: tokenizer, template, generation config, and weights that play their replies."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from attrs import frozen
from tokenizers import Tokenizer, processors

from tests.families.checkpoints import write_config, write_weights
from tests.families.family import Family, Reply, families
from tests.families.replies import MAX_OUT, replies
from tests.families.vocabularies import BUILDS, add_tokens, id_of, ids_of

# Longer than any prompt with an empty persona, and than the warm-up's.
SHORTEST_PROMPT = 700
COMMON = "common"


@frozen
class Played:
    """A reply and the length of the prompt that it is the reply to, in tokens."""

    reply: Reply
    prompt_tokens: int
    ids: tuple[int, ...]
    stops: frozenset[int]

    @property
    def completion_tokens(self) -> int:
        """Tokens of it up to the first stop, that one included; all that may be said if it has none."""
        return next((place for place, id_ in enumerate(self.ids, 1) if id_ in self.stops), MAX_OUT)


@cache
def _every_token(vocabulary: str) -> tuple[str, ...]:
    of_build = [family for family in families().values() if family.vocabulary == vocabulary]
    return tuple(sorted({text for family in of_build for text in family.added}))


def tokenizer(family: Family) -> Tokenizer:
    """Its tokenizer. Ids are those of `common_tokenizer`; what belongs to other families has another text here."""
    own = set(family.added)
    every = _every_token(family.vocabulary)
    made = _with_rows(family.vocabulary, [text if text in own else f"un used {at}" for at, text in enumerate(every)])
    add_tokens(made, family.special, family.ordinary, greedy=family.greedy)
    if family.adds_bos and family.bos is not None:
        bos = (family.bos, id_of(made, family.bos))
        made.post_processor = processors.TemplateProcessing(single=f"{family.bos} $A", special_tokens=[bos])
    return made


def common_tokenizer(vocabulary: str) -> Tokenizer:
    """One with the added tokens of every family of a build: an engine that serves them all turns ids to text by it."""
    every = _every_token(vocabulary)
    made = _with_rows(vocabulary, every)
    add_tokens(made, every, ())
    return made


def _with_rows(vocabulary: str, texts: Sequence[str]) -> Tokenizer:
    """The build's vocabulary with rows behind it that no merge leads to."""
    whole = json.loads(BUILDS[vocabulary]().to_str())
    known = whole["model"]["vocab"]
    known.update({text: len(known) + at for at, text in enumerate(texts)})
    return Tokenizer.from_str(json.dumps(whole))


def write_text(family: Family, directory: Path) -> Tokenizer:
    """Everything but weights; returns the tokenizer."""
    made = tokenizer(family)
    _begin(directory, made)
    settings: dict[str, object] = {"eos_token": family.eos}
    if family.bos:
        settings["bos_token"] = family.bos
    if family.vocabulary == "byte_fallback":
        settings["unk_token"] = "<unk>"
    if family.file == "tokenizer_config.json":
        settings["chat_template"] = family.template
    elif family.file == "chat_template.json":
        _dump(directory / family.file, {"chat_template": family.template})
    else:
        (directory / family.file).write_text(family.template, encoding="utf-8")
    _dump_tokenizer_config(directory, settings)
    ends = [id_of(made, text) for text in family.generation_eos]
    _dump(directory / "generation_config.json", {"eos_token_id": ends if len(ends) > 1 else ends[0]})
    return made


def laid_out(cast: Sequence[Family]) -> dict[str, list[Played]]:
    """Their replies by family, each with the length of its prompt; the same ids are the reply to the same length."""
    beginning = SHORTEST_PROMPT
    lengths: dict[tuple[int, ...], int] = {}
    found: dict[str, list[Played]] = {}
    for family in cast:
        made = tokenizer(family)
        stops = frozenset(id_of(made, text) for text in family.ends)
        found[family.name] = []
        for reply in replies(family):
            ids = ids_of(made, reply.says)
            beyond = ids_of(made, [reply.runs_on]) if reply.ends == "stop" else []
            assert len(ids) < MAX_OUT or reply.ends == "length", f"too long: {family.name}, {reply.name}"
            said = (*ids[:MAX_OUT], *beyond)
            length = lengths.setdefault(said, beginning)
            found[family.name].append(Played(reply, length, said, stops))
            beginning += len(said) + 1 if length == beginning else 0
    return found


def write_model(family: Family, directory: Path) -> list[Played]:
    """A whole checkpoint of a family; returns what it plays."""
    made = write_text(family, directory)
    played = laid_out([family])[family.name]
    _write_scripts(directory, made, {each.prompt_tokens: each.ids for each in played})
    return played


def write_common_model(cast: Sequence[Family], directory: Path) -> dict[str, list[Played]]:
    """A checkpoint that plays the replies of several families of one build, with the common tokenizer."""
    (vocabulary,) = {family.vocabulary for family in cast}
    made = common_tokenizer(vocabulary)
    _begin(directory, made)
    _dump_tokenizer_config(directory, {})
    played = laid_out(cast)
    _write_scripts(directory, made, {each.prompt_tokens: each.ids for plays in played.values() for each in plays})
    return played


def _begin(directory: Path, made: Tokenizer) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    made.save(str(directory / "tokenizer.json"))
    write_config(directory, made.get_vocab_size())


def _write_scripts(directory: Path, made: Tokenizer, scripts: Mapping[int, Sequence[int]]) -> None:
    write_weights(directory, scripts, made.get_vocab_size(), id_of(made, "e"))


def _dump_tokenizer_config(directory: Path, settings: dict[str, object]) -> None:
    fixed = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    _dump(directory / "tokenizer_config.json", fixed | settings)


def _dump(path: Path, data: dict[str, object]) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")


__all__ = ["COMMON", "Played", "laid_out", "tokenizer", "write_common_model", "write_model", "write_text"]
