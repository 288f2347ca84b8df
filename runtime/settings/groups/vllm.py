"""vLLM alone."""

from attrs import frozen

from runtime.settings.kinds import Flag, Float, Int, OnlyOn, OpenWord, Text
from runtime.settings.variable import optional, setting

SHARE = Float(above=0)
GIB = Float(above=0, unit="GiB")


@frozen(kw_only=True)
class Vllm:
    """vLLM alone. The formula for the running requests stands with the engine; here are its numbers."""

    use_v1: bool = setting(
        "VLLM_USE_V1",
        OnlyOn("the V1 engine is the only one that vLLM still has; set it to 1 or unset it"),
        True,
        "Kept from older set-ups; 0 is an error.",
    )
    attention_backend: str | None = optional(
        "VLLM_ATTENTION_BACKEND",
        Text(),
        "A name from the installed vLLM's list, such as `FLASHINFER`, `FLASH_ATTN`, `TRITON_ATTN`; an unknown one is "
        "an error that shows the list. Unset or `auto`: vLLM chooses.",
        unset="unset (`auto` is the same)",
        unset_words=("auto",),
    )
    enforce_eager: bool = setting("ENFORCE_EAGER", Flag(), False, "No CUDA graphs; for debugging.")
    kv_dtype: str = setting(
        "KV_DTYPE",
        OpenWord(("auto", "fp8", "int8"), "a name the installed vLLM lists"),
        "auto",
        "Type of the KV cache; the engine must really use it. With TensorRT-LLM: one warning.",
    )
    max_num_batched_tokens: int = setting(
        "MAX_NUM_BATCHED_TOKENS_CHAT", Int(1), 2048, "Tokens per scheduler step.", also=">= running requests"
    )
    max_num_seqs: int | None = optional(
        "CHAT_MAX_NUM_SEQS", Int(1), "Running requests; set, it replaces the formula.", unset="by formula"
    )
    max_num_seqs_baseline: int = setting("MAX_NUM_SEQS_BASELINE", Int(1), 96, "Formula: base.")
    max_num_seqs_memory_opt_baseline: int = setting(
        "MAX_NUM_SEQS_MEMORY_OPT_BASELINE", Int(1), 64, "Formula: base for memory-hungry models."
    )
    max_num_seqs_min_floor: int = setting(
        "MAX_NUM_SEQS_MIN_FLOOR", Int(1), 32, "Formula: least result.", also="<= `MAX_NUM_SEQS_MAX_RESOLVED`"
    )
    max_num_seqs_max_resolved: int = setting(
        "MAX_NUM_SEQS_MAX_RESOLVED", Int(1), 128, "Formula: greatest result.", also=">= `MAX_NUM_SEQS_MIN_FLOOR`"
    )
    max_num_seqs_gpu_threshold_small_gib: float = setting(
        "MAX_NUM_SEQS_GPU_THRESHOLD_SMALL", GIB, 36.0, "Formula: a GPU with less is small.", also="ascending"
    )
    max_num_seqs_gpu_threshold_medium_gib: float = setting(
        "MAX_NUM_SEQS_GPU_THRESHOLD_MEDIUM", GIB, 48.0, "Formula: a GPU with less is medium.", also="ascending"
    )
    max_num_seqs_gpu_threshold_large_gib: float = setting(
        "MAX_NUM_SEQS_GPU_THRESHOLD_LARGE", GIB, 72.0, "Formula: a GPU with less is large.", also="ascending"
    )
    max_num_seqs_baseline_small: int = setting(
        "MAX_NUM_SEQS_BASELINE_SMALL", Int(1), 48, "Formula: most for the base on a small GPU."
    )
    max_num_seqs_baseline_medium: int = setting(
        "MAX_NUM_SEQS_BASELINE_MEDIUM", Int(1), 56, "Formula: most for the base on a medium GPU."
    )
    max_num_seqs_baseline_large: int = setting(
        "MAX_NUM_SEQS_BASELINE_LARGE", Int(1), 72, "Formula: most for the base on a large GPU."
    )
    max_num_seqs_allocation_ratio_min: float = setting(
        "MAX_NUM_SEQS_ALLOCATION_RATIO_MIN", SHARE, 0.4, "Formula: least memory share that counts.", also="MIN <= MAX"
    )
    max_num_seqs_allocation_ratio_max: float = setting(
        "MAX_NUM_SEQS_ALLOCATION_RATIO_MAX", SHARE, 0.95, "Formula: greatest one.", also="MIN <= MAX"
    )
    max_num_seqs_allocation_ratio_divisor: float = setting(
        "MAX_NUM_SEQS_ALLOCATION_RATIO_DIVISOR", SHARE, 0.85, "Formula: the share that the bases are meant for."
    )
    memory_opt_gpu_frac_cap: float = setting(
        "MEMORY_OPT_GPU_FRAC_CAP",
        Float(above=0, high=0.98),
        0.85,
        "Most for `CHAT_GPU_FRAC` with memory-hungry models.",
    )
    cache_reset_interval_s: float = setting(
        "CACHE_RESET_INTERVAL_SECONDS", Float(low=0), 600.0, "Reset the prefix cache that often, when idle; 0: never."
    )


__all__ = ["Vllm"]
