"""Which export is made of a model, decided from what its files say; a local calibration file is looked into."""

from collections.abc import Sequence
from pathlib import Path

from attrs import evolve

from runtime.settings import AwqScheme, Settings
from tooling.cache import Entry
from tooling.models import Kind, Model
from tooling.preparing import Step
from tooling.quantize import shape
from tooling.quantize.calibration import choose
from tooling.quantize.environment import PYTHON, WORKER_ENVIRON, require_environment, versions
from tooling.quantize.job import AWQ, FP8, FP8_SCHEME, ROUND, Calibration, Job
from tooling.refusal import REFUSED, Refusal, require_none, tried

BUILDER = 1
"""Changes when the worker makes something else of the same job."""
FOUR_BIT, EIGHT_BIT = ("4bit", "awq"), ("8bit", "fp8")
WORKER = ("-m", "tooling.quantize.worker")
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
# Routers decide which expert is asked and the head which word is said: both are small and suffer most.
IGNORE = ("lm_head", "re:.*mlp.gate$", "re:.*block_sparse_moe.gate$", "re:.*shared_expert_gate$", "re:.*router$")
IGNORE_SENSES = (
    "re:.*vision_tower.*",
    "re:.*vision_model.*",
    "re:.*audio_tower.*",
    "re:.*multi_modal_projector.*",
    "re:.*visual.*",
)
# The search for scales: both of its ways at 20 strengths.
AWQ_NUMBERS = {"duo_scaling": "both", "n_grid": 20}
WORDS = {AWQ: "AWQ", ROUND: "rounded to nearest", FP8: "no calibration"}
# What classes of language models are called; others classify, embed, or translate.
SPEAKING = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel", "ForImageTextToText")


def export_step(
    model: Model,
    settings: Settings,
    gpus: Sequence[object] | None,
    *,
    python: Path = PYTHON,
    eight_bit: bool = False,
    calibrate: bool = True,
) -> Step | None:
    """The step that makes what `CHAT_QUANTIZATION` asks for; None if the model is served as it is.

    `gpus`: those of this machine, empty where there is none; None for a plan, which asks for none. `eight_bit`: 8 bits
    too are made and kept; a launch does without, because vLLM makes them of the float model while it loads.
    `calibrate`: by AWQ; without, weights are rounded to 4 bits as they are. The model has to be on this machine when
    the step is carried out (`tooling.models.fetch`), and the machine must be able to (`machine_trouble`). Raises
    `Refusal` (3) with every complaint about the model and its calibration.
    """
    asked = settings.deployment.chat_quantization.value
    if model.kind is not Kind.HF:
        raise Refusal(
            f"{model.name} is TensorRT-LLM's ({model.kind.value}), and vLLM's exports are made of float models: name "
            "the model it was made from",
            REFUSED,
        )
    if model.made is not None or asked not in (*FOUR_BIT, *EIGHT_BIT):
        return None
    if asked in EIGHT_BIT and not eight_bit:
        return None
    method = _method(asked, calibrate=calibrate)
    trouble: list[Refusal] = []
    tried(trouble, lambda: _require_speaker(model))
    if method != FP8:
        tried(trouble, lambda: _require_groups(model))
    calibration = tried(trouble, lambda: _calibration(model, settings)) if method == AWQ else None
    require_none(trouble)
    job = _job(model, settings, method, calibration)
    entry = Entry(kind=_kind(settings), name=f"{model.slug}-{job.scheme.lower()}", recipe=_recipe(model, job))
    return Step(
        name="quantise",
        title=f"quantising {model.name if model.revision else model.slug} to {job.scheme} ({WORDS[method]})",
        program=(str(python), *WORKER),
        job=evolve(job, key=entry.key).as_json(),
        entry=entry,
        secrets=TOKENS,  # data sets come from the Hub too
        environ=WORKER_ENVIRON,
        disk_bytes=shape.export_bytes(model.config, model.weight_bytes, 8 if method == FP8 else 4),
        needs_gpu=bool(gpus) or method == AWQ,
        anew=settings.quantising.force_rebuild,
    )


def machine_trouble(
    model: Model, settings: Settings, gpus: Sequence[object] | None, *, calibrate: bool = True
) -> tuple[Refusal, ...]:
    """What this machine lacks to make what `CHAT_QUANTIZATION` asks for, everything at once; its disks apart.

    `gpus`: None where there is trouble with them already.
    """
    asked, trouble = settings.deployment.chat_quantization.value, list[Refusal]()
    if asked in FOUR_BIT and _method(asked, calibrate=calibrate) == AWQ and gpus is not None and not gpus:
        trouble.append(
            Refusal(
                f"4bit of {model.name} needs a GPU: AWQ seeks its scales on one, and none is here; without one: just "
                "quantize-vllm 8bit, or --no-calibration, which rounds to 4 bits without seeking",
                REFUSED,
            )
        )
    tried(trouble, require_environment)
    return tuple(trouble)


def _method(asked: str, *, calibrate: bool) -> str:
    return FP8 if asked in EIGHT_BIT else AWQ if calibrate else ROUND


def _job(model: Model, settings: Settings, method: str, calibration: Calibration | None) -> Job:
    scheme = FP8_SCHEME if method == FP8 else settings.quantising.awq_scheme
    return Job(
        model=model.name,
        revision=model.revision,
        method=method,
        scheme=scheme.value if isinstance(scheme, AwqScheme) else scheme,
        ignore=(*IGNORE, *(IGNORE_SENSES if shape.is_seeing(model.config) else ())),
        awq=AWQ_NUMBERS if method == AWQ else None,
        calibration=calibration,
        is_moe=model.is_moe,
        trust_remote_code=settings.deployment.chat_trust_remote_code,
        tools=versions(),
        key="",
    )


def _calibration(model: Model, settings: Settings) -> Calibration:
    quantising = settings.quantising
    return choose(
        quantising.awq_calib_dataset,
        samples=quantising.awq_nsamples,
        tokens_requested=quantising.awq_seqlen,
        longest=shape.longest(model.config),
        cwd=Path.cwd(),
    )


def _recipe(model: Model, job: Job) -> dict[str, object]:
    """Everything that changes what comes out."""
    return {
        "builder": BUILDER,
        "source": model.identity,
        "method": job.method,
        "scheme": job.scheme,
        "ignore": job.ignore,
        "awq": job.awq,
        "calibration": job.calibration.recipe if job.calibration else None,
        "tools": job.tools,
    }


def _kind(settings: Settings) -> str:
    """Where exports live: below the home, or in the directory that `AWQ_CACHE_DIR` names."""
    home, place = settings.deployment.yap_home, settings.quantising.awq_cache_dir
    return place.relative_to(home).as_posix() if place.is_relative_to(home) else str(place)


def _require_speaker(model: Model) -> None:
    if model.architecture and not model.architecture.endswith(SPEAKING):
        raise Refusal(
            f"{model.name} is no chat model but {model.architecture}: tool models and encoders run in float precision, "
            "only chat models are quantised",
            REFUSED,
        )


def _require_groups(model: Model) -> None:
    if wrong := shape.uneven(model.config):
        told = ", ".join(f"{name} is {width}" for name, width in wrong.items())
        raise Refusal(
            f"{model.name} does not fit 4-bit groups of {shape.GROUP} columns: {told}; 8bit has no groups "
            "(just quantize-vllm 8bit)",
            REFUSED,
        )


__all__ = ["EIGHT_BIT", "FOUR_BIT", "TOKENS", "export_step", "machine_trouble"]
