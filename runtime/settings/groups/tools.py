"""Screenshot decisions."""

from attrs import frozen

from runtime.settings.kinds import Flag, Float, Int, Text
from runtime.settings.variable import Derived, optional, setting


@frozen(kw_only=True)
class Tools:
    """Screenshot decisions. None means: by the model, known once it is read."""

    routing_speculation: bool = setting(
        "ROUTING_SPECULATION", Flag(), True, "Mode both: start the reply beside the decision instead of after it."
    )
    decision_threshold: float = setting(
        "TOOL_DECISION_THRESHOLD", Float(low=0, high=1), 0.66, "The decision is yes from this probability on."
    )
    positive_label: str | None = optional(
        "TOOL_POSITIVE_LABEL",
        Text(),
        "Name or index of the yes label.",
        unset="by label names, else index 1",
    )
    timeout_s: float = setting("TOOL_TIMEOUT_S", Float(low=0.1), 10.0, "After that the decision is no.")
    max_length: int | None = optional(
        "TOOL_MAX_LENGTH",
        Int(8),
        "Input tokens, special ones included; never more than the model takes.",
        unset="by model type: 1536 longformer, else 512",
    )
    history_tokens: int | None = optional(
        "TOOL_HISTORY_TOKENS",
        Int(1),
        "Tokens of user text in one input; never more than its default.",
        unset="`TOOL_MAX_LENGTH` less special tokens",
    )
    batch_max_size: int | None = optional(
        "TOOL_BATCH_MAX_SIZE", Int(1, 256), "Decisions per inference.", unset="by model type: 3, 5 or 10"
    )
    batch_max_delay_ms: float | None = optional(
        "TOOL_BATCH_MAX_DELAY_MS",
        Float(low=0, high=1000),
        "Longest wait for others to share an inference.",
        unset="by model type: 10, 15 or 25",
    )
    compile: bool = setting("TOOL_COMPILE", Flag(), False, "Compile the model at start-up.")
    gpu_frac: float = setting(
        "TOOL_GPU_FRAC",
        Float(low=0.01, high=0.90),
        Derived("0.20 in both, 0.90 in tool", lambda of: 0.90 if of.text("DEPLOY_MODE") == "tool" else 0.20),
        "Share of the GPU's memory for the tool model.",
    )


__all__ = ["Tools"]
