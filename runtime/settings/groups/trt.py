"""TensorRT-LLM alone: serving and building."""

from pathlib import Path

from attrs import frozen

from runtime.settings.groups.words import TrtDtype
from runtime.settings.kinds import Float, Int, Place, Text, Word
from runtime.settings.variable import Derived, optional, setting


@frozen(kw_only=True)
class Trt:
    """TensorRT-LLM alone: serving and building. None means: found, built or asked for by the command that needs it."""

    engine_dir: Path | None = optional(
        "TRT_ENGINE_DIR",
        Place("must exist"),
        "Compiled engine to serve; unset: the one found or built for the model.",
        unset="found or built",
    )
    checkpoint_dir: Path | None = optional(
        "TRT_CHECKPOINT_DIR", Place(), "Quantised checkpoint to build from.", unset="under `YAP_HOME`"
    )
    repo_dir: Path | None = optional(
        "TRT_REPO_DIR",
        Place("must exist"),
        "TensorRT-LLM source tree whose quantisation script replaces the library's function.",
    )
    max_batch_size: int | None = optional(
        "TRT_MAX_BATCH_SIZE",
        Int(1),
        "Batch size baked into an engine when it is built; a built engine does not need it.",
        unset="required to build",
    )
    batch_size: int | None = optional(
        "TRT_BATCH_SIZE", Int(1), "Running requests.", unset="engine max", also="<= engine max"
    )
    max_input_len: int = setting(
        "TRT_MAX_INPUT_LEN",
        Int(1),
        Derived("`CHAT_MAX_LEN` (5025)", lambda of: of.whole("CHAT_MAX_LEN")),
        "Build: longest input.",
    )
    max_output_len: int = setting(
        "TRT_MAX_OUTPUT_LEN",
        Int(1),
        Derived("`CHAT_MAX_OUT` (150)", lambda of: of.whole("CHAT_MAX_OUT")),
        "Build: longest output.",
    )
    dtype: TrtDtype = setting(
        "TRT_DTYPE", Word(TrtDtype), TrtDtype.FLOAT16, "Build: compute precision, plugins included."
    )
    kv_free_gpu_frac: float = setting(
        "TRT_KV_FREE_GPU_FRAC",
        Float(above=0, high=0.98),
        Derived("`CHAT_GPU_FRAC`", lambda of: of.number("CHAT_GPU_FRAC")),
        "Share, for the KV cache, of the memory that is left after loading.",
    )
    awq_block_size: int = setting("TRT_AWQ_BLOCK_SIZE", Int(1), 128, "AWQ group size.")
    calib_size: int = setting("TRT_CALIB_SIZE", Int(1), 64, "Calibration samples.")
    calib_dataset: str = setting(
        "TRT_CALIB_DATASET", Text(), "cnn_dailymail", "Calibration data: hub name or directory."
    )
    calib_seqlen: int = setting(
        "TRT_CALIB_SEQLEN",
        Int(1),
        Derived(
            "`CHAT_MAX_LEN` + `CHAT_MAX_OUT` (5175)", lambda of: of.whole("CHAT_MAX_LEN") + of.whole("CHAT_MAX_OUT")
        ),
        "Calibration length.",
    )
    calib_batch_size: int = setting("TRT_CALIB_BATCH_SIZE", Int(1), 16, "Calibration batch.")
    engine_repo: str | None = optional(
        "TRT_ENGINE_REPO",
        Text(),
        "Repository whose `trt-llm/engines` is looked into for a built engine.",
        unset="`CHAT_MODEL`",
        value=lambda of: of.text("CHAT_MODEL"),
    )
    engine_label: str | None = optional(
        "TRT_ENGINE_LABEL",
        Text(),
        "Which engine of that repository; it must be one that runs here. Unset: the one that this machine would build.",
        unset="required for a TRT image",
    )
    mpi_version_pin: str | None = optional(
        "MPI_VERSION_PIN",
        Text(),
        "OpenMPI package version that the TensorRT-LLM set-up tells to install and hold, and the diagnosis expects.",
    )


__all__ = ["Trt"]
