"""Which files a push uploads, and under which names. Reads directories, sends nothing.

Layout: an export for vLLM as it is; of TensorRT-LLM the source's own small files and a README at the root, the
checkpoint below `trt-llm/checkpoints`, each engine below `trt-llm/engines/<label>`.
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from tooling.cache import COMPLETE, is_complete
from tooling.cache.entry import KEY
from tooling.models import TRT_CHECKPOINTS, TRT_ENGINES
from tooling.push.order import Order
from tooling.refusal import FAILED, Refusal

README = "README.md"
EXPORT_METADATA, CHECKPOINT_METADATA, ENGINE_METADATA = (
    "awq_metadata.json",
    "checkpoint_metadata.json",
    "build_metadata.json",
)
BUILD_COMMAND = "build_command.txt"
# What an export, a checkpoint or an engine consists of; anything else that lies beside it stays here and is told.
_KEPT = (".safetensors", ".engine", ".json", ".jinja", ".txt", ".model", ".tiktoken", ".bpe", ".vocab", ".py", ".yaml")
_TERMS = ("LICENSE", "LICENCE", "NOTICE", "USE_POLICY")
_OURS = (KEY, COMPLETE)
# Of the source: the files that a tokenizer and a chat template are made of, and the terms it comes under.
_SOURCE_KEPT = (".json", ".jinja", ".txt", ".model", ".tiktoken", ".bpe", ".vocab", ".py")
_SOURCE_OTHER = ("quant", "awq_", "model.safetensors")


@frozen
class Item:
    """One file. `path`: in the repository; `place`: where it is here, None for a `text` made for the push."""

    path: str
    size: int
    place: Path | None = None
    text: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, path: str, text: str) -> "Item":
        """A file with a text of our own."""
        return cls(path, len(text.encode()), text=text)


@frozen(kw_only=True)
class Contents:
    """All files of a push. `left_out`: what lies beside them and is not uploaded."""

    items: tuple[Item, ...]
    left_out: tuple[str, ...]


def collect(order: Order, source: Mapping[str, Path], readme: str | None) -> Contents:
    """Everything an order uploads. `source`: small files of the base model by name; `readme`: ours, if one is made.

    Raises `Refusal` (1) with everything that is missing or not whole.
    """
    complaints: list[str] = []
    items: list[Item] = []
    left_out: list[str] = []
    if readme is not None:
        items.append(Item.of(README, readme))
        items += [_file(name, path) for name, path in sorted(source.items()) if is_of_source(name)]
    for place, folder in _folders(order, complaints):
        found, beside = _below(place, folder)
        items += found
        left_out += beside
        if not any(item.path.endswith((".safetensors", ".engine")) for item in found):
            complaints.append(f"{place} holds no weights: make it again")
    if order.export is not None and not any(item.path == README for item in items):
        complaints.append(f"{order.export} has no {README}: make it again")
    if complaints:
        raise Refusal("\n".join(complaints), FAILED)
    return Contents(items=tuple(sorted(items, key=lambda item: item.path)), left_out=tuple(sorted(left_out)))


def metadata(place: Path, name: str) -> Mapping[str, Any]:
    """What was written down about something made. Raises `Refusal` (1) if it is not there or says nothing."""
    try:
        found = json.loads((place / name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Refusal(f"{place / name} cannot be read ({error}): make it again", FAILED) from error
    if not isinstance(found, dict):
        raise Refusal(f"{place / name} is no JSON object: make it again", FAILED)
    return found


def is_of_source(name: str) -> bool:
    """Whether a file of the base model goes beside a checkpoint: what prompts are made with, not its weights."""
    if name.startswith(_TERMS):
        return True
    return name.endswith(_SOURCE_KEPT) and not name.startswith(_SOURCE_OTHER) and "/" not in name


def _folders(order: Order, complaints: list[str]) -> Iterator[tuple[Path, str]]:
    """Directories with their places in the repository; those that cannot be pushed are complaints."""
    named = [(order.export, EXPORT_METADATA), (order.checkpoint, CHECKPOINT_METADATA)]
    named += [(place, ENGINE_METADATA) for place in order.engines]
    for place, file in named:
        if place is None:
            continue
        if not place.is_dir():
            complaints.append(f"{place} is not there: it has not been made")
            continue
        if (place / COMPLETE).exists() and not is_complete(place):
            complaints.append(f"{place} is damaged (files are missing or have other sizes): make it again")
            continue
        try:
            told = metadata(place, file)
            yield place, _folder(file, told)
        except Refusal as refusal:
            complaints.append(str(refusal))


def _folder(file: str, told: Mapping[str, Any]) -> str:
    if file == EXPORT_METADATA:
        return ""
    if file == CHECKPOINT_METADATA:
        return f"{TRT_CHECKPOINTS}/"
    label = told.get("engine_label")
    if not isinstance(label, str) or not label or "/" in label or label.startswith("."):
        raise Refusal(f"{file} has no engine_label: build the engine again (just build-trt)", FAILED)
    return f"{TRT_ENGINES}/{label}/"


def _below(place: Path, folder: str) -> tuple[list[Item], list[str]]:
    items, left_out = [], []
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if path.is_dir() and not path.is_symlink():
            continue
        if not _is_kept(path, name):
            if name not in _OURS:
                left_out.append(f"{folder}{name}")
        elif name == BUILD_COMMAND:
            items.append(Item.of(f"{folder}{name}", _without_places(path.read_text(encoding="utf-8"), folder)))
        else:
            items.append(_file(f"{folder}{name}", path))
    return items, left_out


def _is_kept(path: Path, name: str) -> bool:
    hidden = any(part.startswith(".") or ".partial" in part for part in name.split("/"))
    # A link may lead anywhere.
    is_own = path.is_file() and not path.is_symlink() and not hidden and name not in _OURS
    return is_own and (path.name.endswith(_KEPT) or path.name.startswith(_TERMS) or name in (README, BUILD_COMMAND))


def _without_places(command: str, folder: str) -> str:
    """A build command with the repository's directories in place of this machine's."""
    words = shlex.split(command)
    for index, word in enumerate(words[:-1]):
        if word == "--checkpoint_dir":
            words[index + 1] = TRT_CHECKPOINTS
        elif word == "--output_dir":
            words[index + 1] = folder.rstrip("/")
    if words:
        words[0] = Path(words[0]).name
    return shlex.join(words) + "\n"


def _file(name: str, path: Path) -> Item:
    return Item(name, path.stat().st_size, place=path)


__all__ = [
    "CHECKPOINT_METADATA",
    "ENGINE_METADATA",
    "EXPORT_METADATA",
    "README",
    "Contents",
    "Item",
    "collect",
    "is_of_source",
    "metadata",
]
