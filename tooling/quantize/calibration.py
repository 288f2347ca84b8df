"""Which texts AWQ calibrates with: a data set that llmcompressor knows by name, or a local file. Checked only."""

import hashlib
import os.path
from functools import partial
from pathlib import Path

from tooling.quantize.job import Calibration
from tooling.quantize.texts import SUFFIXES, TextsUnreadable, rows
from tooling.refusal import REFUSED, Refusal

# Names that llmcompressor 0.14 registers, and its own other names for them.
NAMES = (
    "c4",
    "cnn_dailymail",
    "evolcodealpaca",
    "flickr",
    "gsm8k",
    "open_platypus",
    "peoples_speech",
    "perfectblend",
    "ultrachat_200k",
    "wikitext",
)
ALIASES = {"flickr30k": "flickr", "ultrachat": "ultrachat_200k"}
# They are pictures and sound, which chat models that read text alone have no use for.
NOT_TEXT = {"flickr": "pictures", "peoples_speech": "speech"}
_BLOCK = 1 << 20


def choose(asked: str, *, samples: int, tokens_requested: int, longest: int | None, cwd: Path) -> Calibration:
    """The calibration that `AWQ_CALIB_DATASET` (`asked`) stands for. `longest`: tokens that the model takes at most.

    Raises `Refusal` (3): no such name or file, a file without texts, data that no text model reads.
    """
    calibration = partial(
        Calibration,
        requested=asked,
        samples=samples,
        tokens=min(tokens_requested, longest or tokens_requested),
        tokens_requested=tokens_requested,
    )
    word = asked.strip()
    name = word.lower().replace("-", "_")
    name = ALIASES.get(name, name)
    if name in NOT_TEXT:
        raise Refusal(
            f"AWQ_CALIB_DATASET={asked}: {NOT_TEXT[name]}, and chat models are calibrated with text; {_known()}",
            REFUSED,
        )
    if name in NAMES:
        return calibration(name=name)
    if name == "custom":
        raise Refusal(f"AWQ_CALIB_DATASET={asked}: name the file itself, {_files()}", REFUSED)
    path = (cwd / os.path.expanduser(word)).resolve() if "\0" not in word else None
    if path is None or not os.path.isfile(path):  # a name that is too long is no file, and no error
        raise Refusal(f"AWQ_CALIB_DATASET={asked!r} is neither a known data set nor a file; {_known()}", REFUSED)
    if path.suffix.lower() not in SUFFIXES:
        raise Refusal(f"AWQ_CALIB_DATASET={asked}: only {_files()} can be read", REFUSED)
    _require_texts(path)
    return calibration(name=path.name, path=str(path), digest=_digest(path))


def _require_texts(path: Path) -> None:
    try:
        found = sum(1 for _ in rows(path))
    except TextsUnreadable as error:
        raise Refusal(f"AWQ_CALIB_DATASET: {error}", REFUSED) from error
    if not found:
        raise Refusal(f"AWQ_CALIB_DATASET: {path} has no row with a text in it", REFUSED)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _known() -> str:
    return f"known are {', '.join(name for name in NAMES if name not in NOT_TEXT)}, or {_files()}"


def _files() -> str:
    return "a local .json, .jsonl or .csv file with a column `text` (or, in JSON, `messages`)"


__all__ = ["ALIASES", "NAMES", "NOT_TEXT", "choose"]
