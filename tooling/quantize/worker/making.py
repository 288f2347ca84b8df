"""Makes one export, from the float model to the files that vLLM reads, and lets nothing pass that is none."""

import math
import tempfile
import time
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from attrs import frozen
from llmcompressor import model_free_ptq, oneshot
from llmcompressor.modifiers.quantization import QuantizationModifier
from llmcompressor.modifiers.transform.awq import AWQModifier

from tooling.quantize.job import AWQ, FP8, Job
from tooling.quantize.shape import GROUP
from tooling.quantize.worker import artifact, calibrating, loading, quality, record
from tooling.quantize.worker.missing import Missing
from tooling.quantize.worker.telling import Failure, phase, say

WORSE = 1.15
"""Perplexity that grows by more than this is worth a warning."""
SHOWN = 5


@frozen
class Source:
    """What is known of the float model once it was loaded. `linear`, `plain`: see `artifact.require_packed`."""

    place: Path
    perplexity: float
    linear: tuple[str, ...]
    plain: tuple[str, ...]
    model_type: str


def make(job: Job) -> dict[str, Any]:
    """Make the export into `job.output`; what it says of itself. Raises `Failure`, or whatever a library raises."""
    _require_tools(job.tools)
    began = time.monotonic()
    torch.manual_seed(0)
    # It is held in memory as a whole; the library fears for one that is not.
    warnings.filterwarnings("ignore", message="Attempting to save a model with offloaded modules")
    output, place = Path(job.output), loading.located(job)
    with phase(f"loading {job.shown}"):
        model, tokenizer = loading.load(place, trust_remote_code=job.trust_remote_code)
    source = _look(job, place, model, tokenizer)
    used: calibrating.Used | None = None
    in_memory: Any = None
    if job.method == FP8:
        del model
        loading.forget()
        with phase(f"writing {job.scheme}"):
            _eight_bit(job, source, output)
    else:
        rows, used = calibrating.rows(job.calibration, tokenizer) if job.calibration else (None, None)
        with phase(f"quantising {len(source.linear)} layers to {job.scheme}"):
            _four_bit(job, model, tokenizer, rows, output)
        in_memory = model if job.is_moe else None
        del model
        loading.forget()
    artifact.require_names(output, source=source.place)
    layers = artifact.require_packed(output, linear=source.linear, plain=source.plain)
    after, was_read = _try(job, output, tokenizer, in_memory)
    del in_memory
    _compare(source.perplexity, after)
    facts = record.Facts(
        job=job,
        quantization_config=artifact.quantization_config(output),
        calibration=used,
        model_type=source.model_type,
        perplexity_before=source.perplexity,
        perplexity_after=after,
        was_read_back=was_read,
        layers=layers,
        gpu_name=torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        sm_arch="sm{}{}".format(*torch.cuda.get_device_capability(0)) if torch.cuda.is_available() else None,
        seconds=round(time.monotonic() - began, 1),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        tools={name: version(name) for name in (*job.tools, "torch")},
    )
    record.write(facts, source=place, output=output)
    return {
        "bytes": artifact.bytes_of(output),
        "source_bytes": sum(path.stat().st_size for path in place.glob("*.safetensors")),
        "layers": layers,
        "seconds": facts.seconds,
        "perplexity_before": source.perplexity,
        "perplexity_after": after,
    }


def _require_tools(wanted: Mapping[str, str]) -> None:
    """The versions are part of the key: another one would be kept under the name of this one."""
    wrong = {name: version(name) for name in wanted if version(name) != wanted[name]}
    if wrong:
        told = ", ".join(f"{name} is {found}, {wanted[name]} is wanted" for name, found in wrong.items())
        raise Failure(f"the environment that quantises is another one: {told}; just setup quant")


def _look(job: Job, place: Path, model: Any, tokenizer: Any) -> Source:
    ignored = artifact.matches
    layers = {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    linear = {name: module for name, module in layers.items() if not ignored(name, job.ignore)}
    if not linear:
        raise Failure(f"{job.model} has no linear layers that could be quantised")
    if job.method != FP8:
        _require_groups(linear)
    plain = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if name not in layers
        and isinstance(weight := getattr(module, "weight", None), torch.Tensor)
        and weight.dim() > 1
    }
    with phase("perplexity of the float model"):
        before = quality.perplexity(loading.onto_accelerator(model), tokenizer)
    if not math.isfinite(before):
        raise Failure(f"{job.model} itself is broken: its perplexity on plain English is {before}")
    return Source(
        place=place,
        perplexity=before,
        linear=tuple(linear),
        plain=tuple(sorted(plain)),
        model_type=str(model.config.model_type),
    )


def _require_groups(linear: Mapping[str, torch.nn.Linear]) -> None:
    wrong = [f"{name} ({module.in_features})" for name, module in linear.items() if module.in_features % GROUP]
    if wrong:
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise Failure(
            f"columns of {len(wrong)} layers are no multiple of {GROUP}, the size of a 4-bit group: "
            f"{', '.join(wrong[:SHOWN])}{more}; 8bit has no groups (just quantize-vllm 8bit)"
        )


def _four_bit(job: Job, model: Any, tokenizer: Any, rows: Any, output: Path) -> None:
    """Weights of 4 bits, after AWQ's search for scales where there is one."""
    quantising = QuantizationModifier(targets=["Linear"], scheme=job.scheme, ignore=list(job.ignore))
    if job.method != AWQ or job.calibration is None:
        oneshot(model=model, processor=tokenizer, recipe=[quantising], output_dir=str(output))
        return
    oneshot(
        model=model,
        processor=tokenizer,
        dataset=rows,
        num_calibration_samples=len(rows),
        max_seq_length=job.calibration.tokens,
        shuffle_calibration_samples=False,  # they were drawn with a seed of our own
        recipe=[AWQModifier(**(job.awq or {})), quantising],
        output_dir=str(output),
    )


def _eight_bit(job: Job, source: Source, output: Path) -> None:
    """Weights of 8 bits, file by file. It copies whatever lies beside the weights, so it is shown a choice of links."""
    with tempfile.TemporaryDirectory(prefix="yap-source-") as folder:
        for path in source.place.iterdir():
            if path.is_file() and record.is_kept(path.name):
                Path(folder, path.name).symlink_to(path.resolve())
        model_free_ptq(
            folder,
            str(output),
            scheme=job.scheme,
            # It knows modules by their names alone.
            ignore=[*job.ignore, *(f"re:.*{name}$" for name in source.plain)],
            device="cuda:0" if torch.cuda.is_available() else "cpu",
        )


def _try(job: Job, output: Path, tokenizer: Any, in_memory: Any) -> tuple[float, bool]:
    """Load what was written and let it speak; its perplexity, and whether it is that of the files. Raises `Failure`.

    `in_memory`: the quantised model that the files were written from. Experts that are stored one by one are read by
    vLLM and not by transformers, so there it is that one which speaks.
    """
    with phase("perplexity of the export"):
        with Missing() as missing:
            model = loading.load_export(output, trust_remote_code=job.trust_remote_code)
        if missing.names and in_memory is None:
            raise Failure(
                f"the export cannot be loaded again, it lacks {', '.join(missing.names[:SHOWN])}; it is not kept"
            )
        if missing.names:
            say("transformers does not read experts that are stored one by one: judged as it was in memory")
            model = loading.onto_accelerator(in_memory)
        after: float = quality.perplexity(model, tokenizer)
    said = quality.says(model, tokenizer)
    if not math.isfinite(after):
        raise Failure(f"the export is broken: its perplexity is {after}; nothing of it is kept")
    if not said.strip():
        raise Failure(f"the export says nothing to {quality.ASKED!r}; nothing of it is kept")
    return after, not missing.names


def _compare(before: float, after: float) -> None:
    say(f"perplexity {before:.2f} before, {after:.2f} after ({after / before - 1:+.1%})")
    if after > before * WORSE:
        say(
            f"warning: that is more than {WORSE - 1:.0%} worse; more or other calibration texts may help"
            " (AWQ_NSAMPLES, AWQ_CALIB_DATASET)"
        )


__all__ = ["make"]
