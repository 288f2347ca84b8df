"""A model that has been looked at: its small files, what it has, what it is. No weight of it is loaded for that."""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import field, frozen

from engines.quantised import FILES, Format
from tooling.models.detection import CONFIG, Findings, Kind, find, trt_folders
from tooling.models.identity import fingerprint
from tooling.refusal import REFUSED, Refusal

WEIGHTS = ".safetensors"
# Read when a model is looked at: what says how it is quantised, and what a push puts into its README.
SMALL_FILES = (*FILES, "generation_config.json", "build_metadata.json")
# Weights in other containers, which may run code when they are loaded or are other engines'.
OTHER_WEIGHTS = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".gguf", ".ggml", ".ot", ".pkl")
_TEXTS = (".json", ".txt", ".model", ".jinja", ".py", ".tiktoken", ".bpe", ".vocab", ".md")
_NAMES = ("LICENSE", "LICENCE", "NOTICE", "USE_POLICY")
# Second copies of the weights, in other formats, that repositories keep beside the ones that are loaded.
_ASIDE = ("original", "onnx", "gguf", "openvino", "coreml", "mlx", "assets", "trt-llm", "metal")
_MAX_DEPTH = 4


@frozen(kw_only=True, slots=False)
class Model:
    """One model at one state. `name`: Hub id, or the path of a directory.

    `revision`: the commit on the Hub, None for a directory; `directory`: a directory of this machine, None on the Hub.
    `files`: its small JSON files, parsed, by path; `listing`: everything it has, path and bytes (of a model on the Hub
    that could not be asked, `from_cache`: what is in the cache). `note`: what whoever asked for it should be told.
    """

    name: str
    revision: str | None = None
    directory: Path | None = None
    files: Mapping[str, Mapping[str, Any]] = field(factory=dict, repr=False)
    listing: tuple[tuple[str, int], ...] = field(default=(), repr=False)
    from_cache: bool = False
    note: str | None = None

    @cached_property
    def findings(self) -> Findings:
        """What its files say it is."""
        return find(self.name, self.files, (path for path, _ in self.listing))

    @property
    def config(self) -> Mapping[str, Any]:
        """Its `config.json`; empty if it has none."""
        return self.files.get(CONFIG, {})

    @property
    def kind(self) -> Kind:
        """Who wrote it."""
        return self.findings.kind

    @property
    def made(self) -> Format | None:
        """How its weights are quantised, None for float."""
        return self.findings.made

    @property
    def is_moe(self) -> bool:
        """Whether it is a mixture of experts."""
        return self.findings.is_moe

    @property
    def architecture(self) -> str:
        """The class that its config names, "" if it names none."""
        return self.findings.architecture

    @property
    def slug(self) -> str:
        """A name for directories: the last part of its own, in lower case."""
        last = self.name.rstrip("/").rpartition("/")[2].lower()
        kept = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "-" for char in last)
        return kept.strip(".-") or "model"

    @cached_property
    def identity(self) -> Mapping[str, object]:
        """What stands for it in a cache key: id and commit, or of a directory digests of what is in it.

        Raises `Refusal` for a directory that cannot be read.
        """
        if self.directory is None:
            return {"id": self.name, "commit": self.revision}
        return {"files": fingerprint(self.directory)}

    @property
    def wanted(self) -> tuple[tuple[str, int], ...]:
        """What is fetched of it, path and bytes: weights as safetensors, and the texts beside them."""
        has_shards = any(path.startswith("model") and path.endswith(WEIGHTS) for path, _ in self.listing)
        return tuple((path, size) for path, size in self.listing if _is_wanted(path, has_shards))

    @property
    def weight_bytes(self) -> int:
        """What its safetensors take."""
        return sum(size for path, size in self.wanted if path.endswith(WEIGHTS))

    @property
    def has_weights(self) -> bool:
        """Whether it has any; a mirror of the Hub may not say how large they are."""
        return any(path.endswith(WEIGHTS) for path, _ in self.wanted)

    def below(self, folder: str) -> tuple[tuple[str, int], ...]:
        """What it has below a folder, path and bytes."""
        return tuple((path, size) for path, size in self.listing if path.startswith(f"{folder}/"))


def read_directory(directory: Path) -> Model:
    """The model in a directory of this machine. Raises `Refusal`: nothing there that a model has, or a broken file."""
    listing = tuple(sorted(_walk(directory)))
    names = [CONFIG if not folder else f"{folder}/{CONFIG}" for folder in trt_folders(path for path, _ in listing)[0]]
    present = {path for path, _ in listing}
    files = {
        name: parse_json(directory / name, str(directory))
        for name in dict.fromkeys((*SMALL_FILES, *names))
        if name in present
    }
    if CONFIG not in present and not any(trt_folders(present)):
        raise Refusal(f"{directory} holds no model: there is no {CONFIG} in it", REFUSED)
    return Model(name=str(directory), directory=directory, files=files, listing=listing)


def parse_json(path: Path, owner: str) -> dict[str, Any]:
    """A JSON object out of a file. Raises `Refusal` that names the file and its model."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Refusal(f"{path.name} of {owner} cannot be read: {error}", REFUSED) from error
    if not isinstance(found, dict):
        raise Refusal(f"{path.name} of {owner} is not a JSON object", REFUSED)
    return found


def _is_wanted(path: str, has_shards: bool) -> bool:
    folder, _, name = path.rpartition("/")
    if path.partition("/")[0] in _ASIDE and folder:
        return False
    if name.endswith(WEIGHTS):
        return not folder and not (has_shards and name.startswith("consolidated"))
    return name.endswith(_TEXTS) or name.startswith(_NAMES)


def _walk(directory: Path, depth: int = _MAX_DEPTH) -> Iterator[tuple[str, int]]:
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        raise Refusal(f"{directory} cannot be read: {error.strerror}", REFUSED) from error
    for entry in entries:
        if entry.is_file():
            yield entry.name, entry.stat().st_size
        elif depth and entry.is_dir() and not entry.is_symlink() and not entry.name.startswith("."):
            yield from ((f"{entry.name}/{path}", size) for path, size in _walk(entry, depth - 1))


__all__ = ["OTHER_WEIGHTS", "SMALL_FILES", "WEIGHTS", "Model", "parse_json", "read_directory"]
