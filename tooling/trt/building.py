"""The exact command lines of TensorRT-LLM's programs. Pure; every flag is in the contract that the tests hold."""

from tooling.trt.recipes import BUILD_FLAGS, SEED, Quantising, Sizes

PROGRAM = "trtllm-build"
SCRIPT = "examples/quantization/quantize.py"


def build_command(program: str, checkpoint: str, output: str, sized: Sizes, workers: int) -> list[str]:
    """`trtllm-build` for one engine. `workers`: ranks that are built side by side."""
    flags = dict(BUILD_FLAGS)
    return [
        program,
        *("--checkpoint_dir", checkpoint),
        *("--output_dir", output),
        *("--max_batch_size", str(sized.max_batch_size)),
        *("--max_input_len", str(sized.max_input_len)),
        *("--max_seq_len", str(sized.max_seq_len)),
        *("--max_num_tokens", str(sized.max_num_tokens)),
        *(word for name, value in flags.items() for word in (f"--{name}", value)),
        *("--workers", str(workers)),
        *("--log_level", "warning"),
    ]


def quantise_arguments(model: str, output: str, numbers: Quantising) -> dict[str, object]:
    """The arguments of `tensorrt_llm.quantization.quantize_and_export`."""
    return {
        "model_dir": model,
        "device": "cuda",
        "device_map": "auto",
        "dtype": numbers.dtype,
        "qformat": numbers.qformat,
        "kv_cache_dtype": numbers.kv_cache_dtype,
        "calib_dataset": numbers.calib_dataset,
        "calib_size": numbers.calib_size,
        "batch_size": numbers.calib_batch_size,
        "calib_max_seq_length": numbers.calib_seqlen,
        # The library's own 2048 would cut longer calibration texts.
        "tokenizer_max_seq_length": numbers.calib_seqlen,
        "awq_block_size": numbers.awq_block_size,
        "output_dir": output,
        "tp_size": numbers.tp_size,
        "pp_size": numbers.pp_size,
        "cp_size": 1,
        "seed": SEED,
        "export_format": "tensorrt_llm",
    }


def script_command(python: str, tree: str, arguments: dict[str, object]) -> list[str]:
    """The script of a source tree that takes the function's place; a value that is None is left away."""
    given = [(name, value) for name, value in arguments.items() if value is not None]
    return [python, f"{tree}/{SCRIPT}", *(word for name, value in given for word in (f"--{name}", str(value)))]


__all__ = ["PROGRAM", "SCRIPT", "build_command", "quantise_arguments", "script_command"]
