"""Logs, launching, telemetry."""

from pathlib import Path

from attrs import frozen

from runtime.settings.groups.words import LogFormat, LogLevel
from runtime.settings.kinds import (
    BearerToken,
    Dsn,
    Flag,
    Float,
    HeaderList,
    HeaderText,
    Int,
    Place,
    Text,
    Url,
    Word,
)
from runtime.settings.secret import Secret
from runtime.settings.variable import Derived, optional, setting

HTTP = Url(("http", "https"))
# Time for the process to come up and to answer, on top of what its engine may take.
READY_MARGIN_S = 60.0


def _shown(library: str) -> str:
    return f"Show records and progress bars of {library} below WARNING; warnings and errors are always shown."


@frozen(kw_only=True)
class Logs:
    """Logs and launching."""

    app_log_level: LogLevel = setting("APP_LOG_LEVEL", Word(LogLevel), LogLevel.INFO, "Least level that is logged.")
    app_log_format: LogFormat = setting(
        "APP_LOG_FORMAT", Word(LogFormat), LogFormat.TEXT, "How a record is written, one line either way."
    )
    show_hf_logs: bool = setting("SHOW_HF_LOGS", Flag(), False, _shown("Hugging Face libraries"))
    show_trt_logs: bool = setting("SHOW_TRT_LOGS", Flag(), False, _shown("TensorRT-LLM"))
    show_vllm_logs: bool = setting("SHOW_VLLM_LOGS", Flag(), False, _shown("vLLM"))
    show_llmcompressor_logs: bool = setting("SHOW_LLMCOMPRESSOR_LOGS", Flag(), False, _shown("llmcompressor"))
    show_tool_logs: bool = setting("SHOW_TOOL_LOGS", Flag(), False, _shown("the tool model's libraries"))
    yap_log_file: Path = setting(
        "YAP_LOG_FILE",
        Place(),
        Derived("`server.log` in the working directory", lambda _: Path("server.log")),
        "The one log of a launch.",
        flags=("--log-file",),
    )
    log_max_bytes: int = setting("LOG_MAX_BYTES", Int(65536), 104857600, "A longer log file is rotated.")
    log_keep: int = setting("LOG_KEEP", Int(1), 3, "Rotated files that are kept.")
    ready_timeout_s: float = setting(
        "READY_TIMEOUT_S",
        Float(above=0),
        Derived("`ENGINE_START_TIMEOUT_S` + 60", lambda of: of.number("ENGINE_START_TIMEOUT_S") + READY_MARGIN_S),
        "How long a launch waits until the server is ready.",
        flags=("--ready-timeout",),
    )


@frozen(kw_only=True)
class Telemetry:
    """Errors, traces and metrics that leave the machine; nothing does unless a secret of this section is set."""

    sentry_dsn: Secret | None = optional(
        "SENTRY_DSN", Dsn(), "Where errors are sent, `https://KEY@HOST/PROJECT`; unset: nowhere."
    )
    sentry_environment: str = setting("SENTRY_ENVIRONMENT", Text(), "production", "Tag on errors.")
    sentry_release: str | None = optional("SENTRY_RELEASE", Text(), "Tag on errors.")
    sentry_sample_rate: float = setting(
        "SENTRY_SAMPLE_RATE", Float(low=0, high=1), 1.0, "Share of errors that is sent."
    )
    axiom_api_token: Secret | None = optional(
        "AXIOM_API_TOKEN",
        BearerToken(),
        "Unset, and `OTEL_EXPORTER_OTLP_ENDPOINT` unset too: nothing is exported, and no SDK is imported.",
    )
    axiom_dataset: str = setting(
        "AXIOM_DATASET", HeaderText(), "text-inference-api", "Data set that receives the traces."
    )
    axiom_metrics_dataset: str = setting(
        "AXIOM_METRICS_DATASET",
        HeaderText(),
        Derived("`AXIOM_DATASET` + `-metrics`", lambda of: f"{of.text('AXIOM_DATASET')}-metrics"),
        "Data set that receives the metrics.",
    )
    axiom_environment: str = setting("AXIOM_ENVIRONMENT", Text(), "production", "Deployment tag.")
    axiom_traces_endpoint: str = setting(
        "AXIOM_TRACES_ENDPOINT", HTTP, "https://api.axiom.co/v1/traces", "OTLP over HTTP, traces."
    )
    axiom_metrics_endpoint: str = setting(
        "AXIOM_METRICS_ENDPOINT", HTTP, "https://api.axiom.co/v1/metrics", "OTLP over HTTP, metrics."
    )
    cloud_platform: str | None = optional("CLOUD_PLATFORM", Text(), "Fleet tag.")
    otel_service_name: str = setting("OTEL_SERVICE_NAME", Text(), "yap-text-inference-api", "Service name.")
    otel_traces_export_interval_ms: int = setting(
        "OTEL_TRACES_EXPORT_INTERVAL_MS", Int(1000), 5000, "How often spans are sent."
    )
    otel_metrics_export_interval_ms: int = setting(
        "OTEL_METRICS_EXPORT_INTERVAL_MS", Int(1000), 15000, "How often metrics are sent."
    )
    otel_traces_batch_size: int = setting("OTEL_TRACES_BATCH_SIZE", Int(1), 512, "Spans per batch.")
    otel_exporter_otlp_endpoint: str | None = optional(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        HTTP,
        "Any OTLP receiver over HTTP, in the place of Axiom; `/v1/traces` and `/v1/metrics` are added.",
    )
    otel_exporter_otlp_headers: Secret | None = optional(
        "OTEL_EXPORTER_OTLP_HEADERS",
        HeaderList(),
        "Headers of each request to it: `name=value,name2=value2`, values percent-encoded.",
    )
    otel_traces_sample_rate: float = setting(
        "OTEL_TRACES_SAMPLE_RATE", Float(low=0, high=1), 1.0, "Share of sessions that are traced."
    )


__all__ = ["Logs", "Telemetry"]
