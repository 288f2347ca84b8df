"""What making a checkpoint or an engine demands of settings, model and machine: complaints, one sentence each. Pure."""

from collections.abc import Iterator, Sequence

from attrs import frozen

from engines.trt.library import INSTALL
from runtime.settings import Settings
from tooling.gpus import Gpu
from tooling.models import Kind, Model
from tooling.refusal import Refusal
from tooling.trt.checkpoints import Checkpoint
from tooling.trt.surroundings import Surroundings
from tooling.trt.versions import Versions, require_engines

# For int4 weights and lengths of the defaults; each request in the batch takes its KV cache.
STARTING_POINTS = "on 80 GB: 7-8B 32-64, 13B 16-32, 70B 8-16"
NO_GPU = (
    "checkpoints and engines are made on an NVIDIA GPU, and there is none here (just doctor --engine trt tells why); "
    "an engine also runs only on the kind of GPU that built it"
)


@frozen
class Said:
    """A complaint. `is_final`: a plan cannot go on with it either."""

    text: str
    is_final: bool = False


def of_versions(versions: Versions, *, planning: bool) -> Iterator[Said]:
    """What is wrong with the environment of the workers."""
    try:
        require_engines(versions.tensorrt_llm)
    except Refusal as refused:
        yield Said(str(refused), is_final=True)
    if not versions.tensorrt_llm:
        keys = "; the keys of this plan are not the final ones" if planning else ""
        yield Said(f"TensorRT-LLM is not installed: {INSTALL}{keys}")
    elif unknown := versions.unknown():
        yield Said(
            f"the version of {', '.join(unknown)} cannot be told, and an engine that nobody can identify is worthless: "
            "just doctor --engine trt"
        )


def of_checkpoint(model: Model, settings: Settings, checkpoint: Checkpoint) -> Iterator[str]:
    """What keeps a checkpoint from being made."""
    if checkpoint.step is None:
        return
    # The quantiser loads every model with its own code if it has any, and cannot be told not to.
    if "auto_map" in model.config and not settings.deployment.chat_trust_remote_code:
        yield (
            f"{model.name} comes with code of its own, which the quantiser runs: look at it, and allow it with "
            "--trust-remote-code (CHAT_TRUST_REMOTE_CODE=1)"
        )
    if model.kind is Kind.HF and model.listing and not model.config:
        yield f"{model.name} has no config.json"


def of_engine(settings: Settings, around: Surroundings, checkpoint: Checkpoint) -> Iterator[str]:
    """What keeps an engine from being built, or would keep this server from using it."""
    trt, chat, engine = settings.trt, settings.chat, settings.engine
    if trt.max_batch_size is None:
        yield (
            "TRT_MAX_BATCH_SIZE is not set and an engine has to be built: it is the number of replies at once, baked "
            "into the engine, and not MAX_CONCURRENT_CONNECTIONS, which may be larger; starting points "
            f"{STARTING_POINTS}"
        )
    prompt = chat.max_len - chat.max_out
    if trt.max_input_len < prompt:
        yield (
            f"TRT_MAX_INPUT_LEN is {trt.max_input_len}, the server needs prompts of CHAT_MAX_LEN - CHAT_MAX_OUT = "
            f"{prompt}: raise it, or lower CHAT_MAX_LEN"
        )
    if trt.max_input_len + trt.max_output_len < chat.max_len:
        yield (
            f"TRT_MAX_INPUT_LEN + TRT_MAX_OUTPUT_LEN is {trt.max_input_len + trt.max_output_len}, CHAT_MAX_LEN is "
            f"{chat.max_len}: raise one of the two, or lower CHAT_MAX_LEN"
        )
    for name, asked, made in (
        ("CHAT_TENSOR_PARALLEL", engine.tensor_parallel, checkpoint.ranks[0]),
        ("CHAT_PIPELINE_PARALLEL", engine.pipeline_parallel, checkpoint.ranks[1]),
    ):
        if asked is not None and asked != made:
            yield f"{name} is {asked}, the checkpoint {checkpoint.where} was made for {made}: unset it"
    own = around.gpus[0].own_sm if around.gpus else ""
    if own:
        yield (
            f"GPU_SM_ARCH is {around.sm} and the GPU here is {own}: an engine is built on the kind of GPU it is for; "
            "unset it (a checkpoint alone can be made for another: just quantize-trt)"
        )


def of_room(gpus: Sequence[Gpu]) -> Iterator[str]:
    """Servers of ours on the GPU that is worked on: told, and never touched."""
    for gpu in gpus:
        held = [holder for holder in gpu.holders if holder.is_ours]
        if held:
            pids = ", ".join(str(holder.pid) for holder in held)
            yield (
                f"GPU {gpu.index} has {gpu.free_gib:.0f} of {gpu.total_gib:.0f} GiB free, a server of ours (process "
                f"{pids}) is on it: if memory runs out, just stop, and make this first"
            )


__all__ = ["NO_GPU", "STARTING_POINTS", "Said", "of_checkpoint", "of_engine", "of_room", "of_versions"]
