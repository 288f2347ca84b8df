"""Which checkpoint an engine is built from: one that is named, the repository's own, or one that is made."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from engines.quantised import by_method, refusal, remark
from engines.trt.directory import Kind, kind_of
from runtime.settings import Settings
from tooling.cache import is_complete
from tooling.gpus import chosen_format
from tooling.models import Kind as ModelKind
from tooling.models import Model
from tooling.models.identity import fingerprint
from tooling.preparing import Step
from tooling.refusal import REFUSED, Refusal
from tooling.trt.decision import Need
from tooling.trt.quantising import SHRINKS, checkpoint_source, checkpoint_step
from tooling.trt.recipes import quantising
from tooling.trt.surroundings import Surroundings

CONFIG = "config.json"


@frozen(kw_only=True)
class Checkpoint:
    """A checkpoint that is there or will be. `where`: for people; `path`: its directory here, None while it is on the
    Hub; `source`: for the worker that builds from it; `identity`: for the engine's key.

    `ranks`: tensor and pipeline parallel sizes; `step`: makes it, None where it is there; `need`: what is fetched
    before that; `qformat`: None where it was made elsewhere; `weight_bytes`: about.
    """

    where: str
    path: Path | None
    source: Mapping[str, object] = field(repr=False)
    identity: Mapping[str, object] = field(repr=False)
    ranks: tuple[int, int]
    weight_bytes: int
    qformat: str | None = None
    step: Step | None = None
    need: Need | None = None
    note: str | None = None

    def is_float(self, model: Model) -> bool:
        """Whether it would only be another form of a model that can be served as it is."""
        return self.qformat == "full_prec" and model.kind is ModelKind.HF


def find_checkpoint(model: Model, settings: Settings, around: Surroundings) -> Checkpoint:
    """The checkpoint for a model. Raises `Refusal` (3): none can be made, or the one that is named is none."""
    named = settings.trt.checkpoint_dir
    asked = settings.deployment.chat_quantization.value
    if named is not None:
        return _named(named, asked)
    if model.kind is ModelKind.TRT_CHECKPOINT:
        return _of_the_model(model, asked)
    return _made(model, settings, around)


def _named(directory: Path, asked: str) -> Checkpoint:
    directory = directory.expanduser().resolve()
    if kind_of(directory) is not Kind.QUANTISED:
        raise Refusal(
            f"TRT_CHECKPOINT_DIR={directory} is no TensorRT-LLM checkpoint ({CONFIG} with an architecture, and "
            "rank*.safetensors): just quantize-trt makes one",
            REFUSED,
        )
    config = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
    ranks = parallel_sizes(config)
    missing = [name for name in rank_files(ranks) if not (directory / name).is_file()]
    if missing:
        raise Refusal(f"TRT_CHECKPOINT_DIR={directory} is incomplete: {', '.join(missing)} missing", REFUSED)
    return Checkpoint(
        where=str(directory),
        path=directory,
        source=checkpoint_source(None, "", directory),
        identity={"files": fingerprint(directory)},
        ranks=ranks,
        weight_bytes=sum(path.stat().st_size for path in directory.glob("rank*.safetensors")),
        note=_require_format(config, asked, f"TRT_CHECKPOINT_DIR={directory}"),
    )


def _of_the_model(model: Model, asked: str) -> Checkpoint:
    folder = model.findings.folder
    config = model.files.get(f"{folder}/{CONFIG}" if folder else CONFIG, {})
    if not config:
        raise Refusal(f"{model.name} has a TensorRT-LLM checkpoint without a {CONFIG} beside it", REFUSED)
    ranks = parallel_sizes(config)
    beside = {path: size for path, size in model.listing if path.rpartition("/")[0] == folder}
    prefix = f"{folder}/" if folder else ""
    missing = [prefix + name for name in rank_files(ranks) if prefix + name not in beside]
    if missing:
        raise Refusal(f"the checkpoint of {model.name} is incomplete: {', '.join(missing)} missing", REFUSED)
    local = model.directory
    return Checkpoint(
        where=f"{folder or 'the root'} of {model.name}",
        path=local / folder if local is not None else None,
        source=checkpoint_source(model, folder, None),
        # A directory's own identity is about what lies at its root.
        identity={"files": fingerprint(local / folder)} if local else {"model": dict(model.identity), "folder": folder},
        ranks=ranks,
        weight_bytes=sum(size for path, size in beside.items() if path.endswith(".safetensors")),
        need=None if local is not None else Need(model=model, parts=(folder,) if folder else ()),
        note=_require_format(config, asked, model.name),
    )


def _made(model: Model, settings: Settings, around: Surroundings) -> Checkpoint:
    place = settings.deployment
    override = place.quantization.value if place.quantization is not None else None
    chosen = chosen_format("trt", place.chat_quantization.value, around.sm or "", override)
    numbers = quantising(settings, chosen.format, model.config)
    step = checkpoint_step(model, settings, numbers, around)
    path = step.makes(around.home)
    assert path is not None
    is_there = is_complete(path) and not step.anew
    assert step.entry is not None
    return Checkpoint(
        where=str(path),
        path=path,
        source=checkpoint_source(None, "", path),
        identity={"key": step.entry.key},
        ranks=(numbers.tp_size, numbers.pp_size),
        weight_bytes=int(model.weight_bytes * SHRINKS[chosen.format]),
        qformat=chosen.format,
        step=None if is_there else step,
        need=None if is_there or model.directory is not None else Need(model=model),
        note=chosen.note,
    )


def _require_format(config: Mapping[str, Any], asked: str, what: str) -> str | None:
    """What to tell who asked for another format. Raises `Refusal` where a server would refuse the engine."""
    said = config.get("quantization")
    algorithm = said.get("quant_algo") if isinstance(said, Mapping) else None
    made = by_method(algorithm) if isinstance(algorithm, str) and algorithm else None
    if why := refusal(asked, made, what):
        raise Refusal(why, REFUSED)
    if made is None and asked not in ("auto", "none"):
        raise Refusal(
            f"CHAT_QUANTIZATION is {asked}, and the checkpoint {what} is not quantised: leave that word away, or name "
            "the float model and let it be quantised",
            REFUSED,
        )
    return remark(asked, made)


def parallel_sizes(config: Mapping[str, Any]) -> tuple[int, int]:
    """Tensor and pipeline parallel sizes that a checkpoint's `config.json` says it was made for."""
    mapping = config.get("mapping")
    found = mapping if isinstance(mapping, Mapping) else {}
    sizes = [found.get(name, 1) for name in ("tp_size", "pp_size")]
    if any(isinstance(size, bool) or not isinstance(size, int) or size < 1 for size in sizes):
        raise Refusal(f"a checkpoint's {CONFIG} says tp_size and pp_size {sizes}, no whole numbers above 0", REFUSED)
    return sizes[0], sizes[1]


def rank_files(ranks: tuple[int, int], ending: str = "safetensors") -> list[str]:
    """The file of each rank."""
    return [f"rank{rank}.{ending}" for rank in range(ranks[0] * ranks[1])]


__all__ = ["CONFIG", "Checkpoint", "find_checkpoint", "parallel_sizes", "rank_files"]
