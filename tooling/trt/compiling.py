"""The step that builds an engine out of a checkpoint, as data."""

import attrs

from runtime.settings import Settings
from tooling.cache import Entry
from tooling.models import Model
from tooling.preparing import Step
from tooling.trt.checkpoints import Checkpoint
from tooling.trt.label import Label
from tooling.trt.quantising import WORKER, described, worker_environ
from tooling.trt.recipes import Sizes, engine_entry
from tooling.trt.surroundings import Surroundings

# An engine holds the checkpoint's weights and its kernels.
OVER_CHECKPOINT = 1.2


def engine_step(model: Model, settings: Settings, around: Surroundings, checkpoint: Checkpoint, sized: Sizes) -> Step:
    """Build an engine. The checkpoint may be one that an earlier step makes."""
    label, entry = label_of(around), wanted_engine(model, around, checkpoint, sized)
    return Step(
        name="engine",
        title=f"building the TensorRT engine of {model.name} ({label})",
        program=(around.python, *WORKER, "engine"),
        job={
            "source": dict(checkpoint.source),
            "model": described(model),
            "sizes": attrs.asdict(sized),
            "workers": max(1, min(around.cpus, sized.tp_size * sized.pp_size)),
            "versions": attrs.asdict(around.versions),
            "sm": around.sm,
            "label": str(label),
            "checkpoint_key": checkpoint.identity.get("key"),
            "key": entry.key,
        },
        entry=entry,
        environ=worker_environ(settings, around),
        disk_bytes=int(checkpoint.weight_bytes * OVER_CHECKPOINT),
        needs_gpu=True,
        anew=settings.quantising.force_rebuild,
        reads=() if checkpoint.path is None else (checkpoint.path,),
    )


def wanted_engine(model: Model, around: Surroundings, checkpoint: Checkpoint, sized: Sizes) -> Entry:
    """The cache entry of an engine, whether it has to be built or not."""
    return engine_entry(model.slug, checkpoint.identity, sized, around.versions, around.sm or "")


def label_of(around: Surroundings) -> Label:
    """The label of what is built here; where something is not known, none that can be parsed."""
    return Label(sm=around.sm or "", version=around.versions.tensorrt_llm, cuda=around.versions.cuda)


__all__ = ["engine_step", "label_of", "wanted_engine"]
