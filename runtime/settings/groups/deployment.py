"""What is served, where, and to how many."""

from pathlib import Path

from attrs import frozen

from runtime.settings.groups.words import DeployMode, EightBit, EngineName, Quantization
from runtime.settings.kinds import Flag, Float, Int, KeyList, Model, Place, SecretText, Text, Word
from runtime.settings.secret import Secret
from runtime.settings.variable import Required, optional, setting


@frozen(kw_only=True)
class Deployment:
    """What is served, where, and to how many."""

    api_keys: tuple[Secret, ...] = setting(
        "TEXT_API_KEY",
        KeyList(),
        Required(()),
        "One or more keys, comma-separated, without blanks. The server accepts each of them, clients send the first.",
    )
    max_concurrent_connections: int = setting(
        "MAX_CONCURRENT_CONNECTIONS", Int(1), Required(1), "Connection slots; who finds none is told to come back."
    )
    deploy_mode: DeployMode = setting(
        "DEPLOY_MODE",
        Word(DeployMode),
        DeployMode.CHAT,
        "What is served: replies, screenshot decisions, or both. A launch command without it goes by its models.",
        flags=("--mode",),
    )
    inference_engine: EngineName = setting(
        "INFERENCE_ENGINE",
        Word(EngineName),
        EngineName.TRT,
        "The chat engine; not looked at in mode tool. `scripted` is a stand-in for tests.",
        flags=("--engine",),
    )
    chat_model: str | None = optional(
        "CHAT_MODEL",
        Model(),
        "Chat model: hub id, or a directory with `config.json` and `tokenizer.json` or `tokenizer_config.json`. "
        "Any model may be named.",
        unset="required in chat, both",
    )
    chat_revision: str | None = optional(
        "CHAT_REVISION", Text(), "Hub revision of the chat model; unset: the newest one."
    )
    chat_trust_remote_code: bool = setting(
        "CHAT_TRUST_REMOTE_CODE", Flag(), False, "Run code that comes with the chat model or its tokenizer."
    )
    tool_model: str | None = optional(
        "TOOL_MODEL",
        Model(),
        "Sequence-classification model that decides about screenshots: hub id or directory. Any model may be named.",
        unset="required in tool, both",
    )
    tool_revision: str | None = optional(
        "TOOL_REVISION", Text(), "Hub revision of the tool model; unset: the newest one."
    )
    tool_trust_remote_code: bool = setting(
        "TOOL_TRUST_REMOTE_CODE", Flag(), False, "Run code that comes with the tool model or its tokenizer."
    )
    chat_quantization: Quantization = setting(
        "CHAT_QUANTIZATION",
        Word(Quantization),
        Quantization.AUTO,
        "Format of the chat weights to serve or make. `auto` takes the checkpoint as it is, quantised or not; `none` "
        "refuses a quantised one; `gptq` and `gptq_marlin` need a GPTQ one; `int8_sq` exists on TensorRT-LLM only.",
        flags=("--quant", "--chat-quant"),
    )
    quantization: EightBit | None = optional(
        "QUANTIZATION",
        Word(EightBit),
        "TensorRT-LLM builds: the 8-bit format, in place of the one chosen by GPU (`fp8` from sm89 on, `int8_sq` "
        "before). An error where it contradicts `CHAT_QUANTIZATION`.",
    )
    hf_token: Secret | None = optional(
        "HF_TOKEN", SecretText(), "Hugging Face token; only gated or private repositories and pushes need it."
    )
    hf_home: Path | None = optional(
        "HF_HOME",
        Place(),
        "Hugging Face cache. Other programs share it, so the project never cleans it.",
        unset="library's",
    )
    yap_home: Path = setting(
        "YAP_HOME",
        Place(),
        Path("~/.cache/yap"),
        "The project's own directory: exports, engines, demo models, state.",
    )
    skip_env_autoconfig: bool = setting(
        "YAP_SKIP_ENV_AUTOCONFIG", Flag(), False, "1: leave the library variables (last section) alone."
    )
    server_bind_host: str = setting("SERVER_BIND_HOST", Text(), "0.0.0.0", "Listening address.", flags=("--host",))
    server_port: int = setting(
        "SERVER_PORT", Int(0, 65535), 8000, "Listening port; 0 takes a free one and logs it.", flags=("--port",)
    )
    listening_fd: int | None = optional(
        "LISTENING_FD",
        Int(3),
        "An inherited descriptor: the port is written to it as a line once the server listens, then it is closed. For "
        "whoever starts the server, as the launch commands do.",
    )
    metrics_enabled: bool = setting("METRICS_ENABLED", Flag(), False, "Serve `/metrics`.")
    playground: bool = setting("PLAYGROUND", Flag(), False, "Serve `/playground`.")
    drain_timeout_s: float = setting(
        "DRAIN_TIMEOUT_S",
        Float(low=0),
        30.0,
        "Time for running turns to finish after the first SIGTERM or SIGINT.",
    )


__all__ = ["Deployment"]
