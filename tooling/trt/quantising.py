"""The step that makes a checkpoint out of a float model, as data."""

import hashlib
import os
from pathlib import Path

import attrs

from engines.trt.environment import LIBRARY_ENV, LOG_LEVEL
from runtime.settings import Settings
from tooling.models import Model
from tooling.preparing import Step
from tooling.refusal import REFUSED, Refusal
from tooling.trt.building import SCRIPT
from tooling.trt.recipes import Quantising, checkpoint_entry
from tooling.trt.surroundings import Surroundings

WORKER = ("-m", "tooling.trt.worker")
# Bytes of a checkpoint for one of the model, whose weights are 16 bits wide; embeddings and the last layer stay that.
SHRINKS = {"int4_awq": 0.5, "fp8": 0.75, "int8_sq": 0.75, "full_prec": 1.1}
READ_BYTES = 1 << 20


def checkpoint_step(model: Model, settings: Settings, numbers: Quantising, around: Surroundings) -> Step:
    """Make a checkpoint of a float model. Raises `Refusal` (3) for what the settings name and is not there."""
    tree, data = settings.trt.repo_dir, Path(numbers.calib_dataset).expanduser()
    script = tree / SCRIPT if tree is not None else None
    if script is not None and not script.is_file():
        raise Refusal(f"TRT_REPO_DIR={tree} has no {SCRIPT}: name a source tree of TensorRT-LLM, or unset it", REFUSED)
    is_local = numbers.calib_dataset.startswith(("/", "./", "../", "~")) or data.is_dir()
    if is_local and not data.is_dir():
        raise Refusal(f"TRT_CALIB_DATASET={numbers.calib_dataset} is no directory here", REFUSED)
    if is_local:
        numbers = attrs.evolve(numbers, calib_dataset=str(data.resolve()), calib_digest=_digest(data))
    if script is not None:
        numbers = attrs.evolve(numbers, script_digest=_digest(script))
    entry = checkpoint_entry(model.slug, model.identity, numbers, around.versions)
    return Step(
        name="checkpoint",
        title=f"quantising {model.name} for TensorRT-LLM ({numbers.qformat})",
        program=(around.python, *WORKER, "checkpoint"),
        job={
            "source": source(model, ""),
            "model": described(model),
            "numbers": attrs.asdict(numbers),
            "versions": attrs.asdict(around.versions),
            "tree": str(tree.resolve()) if tree is not None else None,
            "key": entry.key,
        },
        entry=entry,
        secrets=("HF_TOKEN",),  # for calibration data that is not public
        environ=worker_environ(settings, around),
        disk_bytes=int(model.weight_bytes * SHRINKS[numbers.qformat]),
        needs_gpu=True,
        anew=settings.quantising.force_rebuild,
    )


def checkpoint_source(model: Model | None, folder: str, directory: Path | None) -> dict[str, object]:
    """Where a worker finds a checkpoint: in a directory here, or below `folder` of a model that is fetched first."""
    if directory is not None:
        return {"name": str(directory), "revision": None, "directory": str(directory), "folder": ""}
    assert model is not None
    return source(model, folder)


def source(model: Model, folder: str) -> dict[str, object]:
    place = model.directory / folder if model.directory is not None else None
    return {
        "name": model.name,
        "revision": model.revision,
        "directory": str(place) if place is not None else None,
        "folder": folder,
    }


def described(model: Model) -> dict[str, object]:
    """What metadata says of where the weights came from: the last name alone of a directory here."""
    name = model.directory.name if model.directory is not None else model.name
    return {"id": name, "revision": model.revision or "local"}


def worker_environ(settings: Settings, around: Surroundings) -> dict[str, str]:
    return {
        **LIBRARY_ENV,
        LOG_LEVEL: "INFO" if settings.logs.show_trt_logs else "WARNING",
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(around.path)),
        "PYTHONUNBUFFERED": "1",
    }


def _digest(place: Path) -> str:
    """SHA-256 over a file, or over every file below a directory with its name."""
    found = hashlib.sha256()
    for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
        if not path.is_file():
            continue
        found.update(f"{path.relative_to(place).as_posix()}\0{path.stat().st_size}\n".encode())
        with path.open("rb") as stream:
            while block := stream.read(READ_BYTES):
                found.update(block)
    return found.hexdigest()


__all__ = ["SHRINKS", "WORKER", "checkpoint_source", "checkpoint_step", "described", "worker_environ"]
