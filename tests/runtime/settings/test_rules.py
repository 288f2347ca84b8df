"""Variables that must go together."""

from pathlib import Path

import pytest

from runtime.settings import Settings, SettingsError

CHAT = {"TEXT_API_KEY": "k", "MAX_CONCURRENT_CONNECTIONS": "8", "CHAT_MODEL": "owner/name"}
VLLM = CHAT | {"INFERENCE_ENGINE": "vllm"}
BOTH = VLLM | {"DEPLOY_MODE": "both", "TOOL_MODEL": "owner/tool"}
TOOL = {"TEXT_API_KEY": "k", "MAX_CONCURRENT_CONNECTIONS": "8", "TOOL_MODEL": "owner/tool", "DEPLOY_MODE": "tool"}


def lines(environ: dict[str, str]) -> list[str]:
    try:
        Settings.from_env(environ)
    except SettingsError as error:
        return [str(problem) for problem in error.problems]
    return []


REFUSED = [
    (CHAT, {"CHAT_MODEL": ""}, "CHAT_MODEL: required with DEPLOY_MODE=chat, not set"),
    (TOOL, {"TOOL_MODEL": ""}, "TOOL_MODEL: required with DEPLOY_MODE=tool, not set"),
    (BOTH, {"TOOL_MODEL": ""}, "TOOL_MODEL: required with DEPLOY_MODE=both, not set"),
    (CHAT, {"CHAT_MODEL": "./nowhere"}, "CHAT_MODEL: './nowhere' is neither a directory"),
    (CHAT, {"CHAT_MODEL": "a/b/c"}, "CHAT_MODEL: 'a/b/c' is neither a directory"),
    (CHAT, {"CHAT_MAX_LEN": "2213"}, "CHAT_MAX_LEN: 2213 is below 2214 = CHAT_PROMPT_MAX_TOKENS (1500)"),
    (CHAT, {"WS_OUTBOX_MAX_BYTES": "4096"}, "WS_OUTBOX_MAX_BYTES: 4096 is below 13696 = 2 x 32 x CHAT_MAX_OUT (150)"),
    (CHAT, {"CHAT_MAX_OUT": "5000", "CHAT_MAX_LEN": "9000"}, "WS_OUTBOX_MAX_BYTES: 262144 is below 324096 = "),
    (CHAT, {"TRIMMED_HISTORY_LENGTH": "3000"}, "TRIMMED_HISTORY_LENGTH: 3000 is not below HISTORY_MAX_TOKENS (3000)"),
    (CHAT, {"ENGINE_HANG_TIMEOUT_S": "9"}, "ENGINE_STALL_TIMEOUT_S: 10 is above ENGINE_HANG_TIMEOUT_S (9)"),
    (CHAT, {"CHAT_TEMPERATURE": "1.3"}, "CHAT_TEMPERATURE: 1.3 is not within CHAT_TEMPERATURE_MIN.."),
    (CHAT, {"CHAT_TOP_P_MIN": "0.96"}, "CHAT_TOP_P: 0.95 is not within"),
    (CHAT, {"CHAT_TOP_K_MIN": "70"}, "CHAT_TOP_K_MIN: 70 is above CHAT_TOP_K_MAX (60)"),
    (CHAT, {"CHAT_PRESENCE_PENALTY_MAX": "-1"}, "CHAT_PRESENCE_PENALTY_MIN: 0 is above"),
    (CHAT, {"CHECK_SCREEN_PREFIX": "x" * 31}, "has 31 characters, at most SCREEN_PREFIX_MAX_CHARS (30) fit"),
    (
        CHAT,
        {"SCREEN_PREFIX_MAX_CHARS": "17", "SCREEN_CHECKED_PREFIX": "SEEN:"},
        "CHECK_SCREEN_PREFIX: 'MUST CHECK SCREEN:' has 18 characters",
    ),
    (
        CHAT,
        {"CHAT_QUANTIZATION": "4bit", "QUANTIZATION": "fp8"},
        "QUANTIZATION: 'fp8' contradicts CHAT_QUANTIZATION=4bit",
    ),
    (CHAT, {"CHAT_QUANTIZATION": "fp8", "QUANTIZATION": "int8_sq"}, "contradicts CHAT_QUANTIZATION=fp8"),
    (CHAT, {"CHAT_QUANTIZATION": "none", "QUANTIZATION": "fp8"}, "contradicts CHAT_QUANTIZATION=none"),
    (VLLM, {"CHAT_QUANTIZATION": "int8_sq"}, "CHAT_QUANTIZATION: 'int8_sq' exists on TensorRT-LLM only"),
    (CHAT, {"VLLM_USE_V1": "0"}, "VLLM_USE_V1: '0' is not possible, the V1 engine is the only one"),
    (CHAT, {"CHAT_DATA_PARALLEL": "2"}, "CHAT_DATA_PARALLEL: 2 is more than 1, which TensorRT-LLM cannot do"),
    (BOTH, {"CHAT_GPU_FRAC": "0.85"}, "CHAT_GPU_FRAC: 0.85 and TOOL_GPU_FRAC (0.2) are 1.05 together"),
    (BOTH, {"TOOL_GPU_FRAC": "0.31"}, "CHAT_GPU_FRAC: 0.7 and TOOL_GPU_FRAC (0.31) are 1.01 together"),
    (VLLM, {"MAX_NUM_SEQS_MIN_FLOOR": "129"}, "MAX_NUM_SEQS_MIN_FLOOR: 129 is above MAX_NUM_SEQS_MAX_RESOLVED (128)"),
    (VLLM, {"MAX_NUM_SEQS_GPU_THRESHOLD_SMALL": "48"}, "is not below MAX_NUM_SEQS_GPU_THRESHOLD_MEDIUM (48)"),
    (VLLM, {"MAX_NUM_SEQS_GPU_THRESHOLD_LARGE": "40"}, "MEDIUM: 48 is not below MAX_NUM_SEQS_GPU_THRESHOLD_LARGE (40)"),
    (VLLM, {"MAX_NUM_SEQS_ALLOCATION_RATIO_MIN": "1"}, "is above MAX_NUM_SEQS_ALLOCATION_RATIO_MAX (0.95)"),
    (VLLM, {"MAX_NUM_BATCHED_TOKENS_CHAT": "31"}, "31 is below MAX_NUM_SEQS_MIN_FLOOR (32)"),
    (VLLM, {"CHAT_MAX_NUM_SEQS": "2049"}, "MAX_NUM_BATCHED_TOKENS_CHAT: 2048 is below CHAT_MAX_NUM_SEQS (2049)"),
    (CHAT, {"TRT_BATCH_SIZE": "9", "TRT_MAX_BATCH_SIZE": "8"}, "TRT_BATCH_SIZE: 9 is more than TRT_MAX_BATCH_SIZE (8)"),
    (CHAT, {"TRT_ENGINE_DIR": "/nowhere/x"}, "TRT_ENGINE_DIR: '/nowhere/x' is not a directory that exists"),
    (CHAT, {"TRT_REPO_DIR": "/nowhere/x"}, "TRT_REPO_DIR: '/nowhere/x' is not a directory that exists"),
    (CHAT, {"CHAT_LOGIT_BIAS_FILE": "/nowhere/x"}, "CHAT_LOGIT_BIAS_FILE: '/nowhere/x' is not a file that exists"),
    (
        CHAT,
        {"AXIOM_API_TOKEN": "t", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:4318", "OTEL_EXPORTER_OTLP_HEADERS": "a=b"},
        "OTEL_EXPORTER_OTLP_ENDPOINT: is a receiver beside Axiom, which AXIOM_API_TOKEN names; unset one of the two",
    ),
    (CHAT, {"AXIOM_API_TOKEN": "t", "OTEL_EXPORTER_OTLP_HEADERS": "a=b"}, "OTLP_HEADERS: is not sent to Axiom"),
    (CHAT, {"OTEL_EXPORTER_OTLP_HEADERS": "a=b"}, "HEADERS: is for OTEL_EXPORTER_OTLP_ENDPOINT, which is not set"),
    (CHAT, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h/v1/traces/"}, "ENDPOINT: ends in /v1/traces, which is added"),
    (CHAT, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h/x?key=1"}, "OTEL_EXPORTER_OTLP_ENDPOINT: has a ? in it"),
    (CHAT, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h/#x"}, "OTEL_EXPORTER_OTLP_ENDPOINT: has a # in it"),
    (CHAT, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://me:pw@h"}, "put them in OTEL_EXPORTER_OTLP_HEADERS"),
    (CHAT, {"AXIOM_TRACES_ENDPOINT": "https://me:pw@h/v1/traces"}, "put them in AXIOM_API_TOKEN"),
]


@pytest.mark.parametrize(("base", "changes", "line"), REFUSED)
def test_what_does_not_go_together_is_refused(base: dict[str, str], changes: dict[str, str], line: str) -> None:
    found = lines(base | changes)
    assert len(found) == 1
    assert line in found[0]


ALLOWED = [
    (CHAT, {"CHAT_MAX_LEN": "2214"}),
    (CHAT, {"TRIMMED_HISTORY_LENGTH": "2999"}),
    (CHAT, {"WS_OUTBOX_MAX_BYTES": "13696"}),
    (CHAT, {"WS_OUTBOX_MAX_BYTES": "4160", "CHAT_MAX_OUT": "1"}),
    (CHAT, {"ENGINE_HANG_TIMEOUT_S": "10"}),
    (CHAT, {"CHAT_TEMPERATURE": "1.2"}),
    (CHAT, {"CHAT_TOP_P": "0.6"}),
    (CHAT, {"CHAT_QUANTIZATION": "8BIT", "QUANTIZATION": "INT8_SQ"}),
    (CHAT, {"CHAT_QUANTIZATION": "auto", "QUANTIZATION": "fp8"}),
    (CHAT, {"CHAT_QUANTIZATION": "int8_sq"}),
    (VLLM, {"CHAT_DATA_PARALLEL": "2"}),
    (BOTH, {"CHAT_GPU_FRAC": "0.8"}),
    (BOTH, {"CHAT_GPU_FRAC": "0.7", "TOOL_GPU_FRAC": "0.3"}),
    (BOTH, {"CHAT_GPU_FRAC": "0.9", "CHAT_TENSOR_PARALLEL": "2"}),
    (VLLM, {"MAX_NUM_SEQS_MIN_FLOOR": "128"}),
    (CHAT, {"TRT_BATCH_SIZE": "8", "TRT_MAX_BATCH_SIZE": "8"}),
    (CHAT, {"DEPLOY_MODE": "BOTH", "TOOL_MODEL": "bert-base-uncased"}),
    # What belongs to an engine or mode that is not in use is read, not required.
    (VLLM, {"TRT_ENGINE_DIR": "/nowhere/x"}),
    (CHAT, {"TOOL_MODEL": "./nowhere"}),
    (TOOL, {"CHAT_MODEL": "./nowhere", "CHAT_MAX_LEN": "1", "CHAT_QUANTIZATION": "int8_sq"}),
    (TOOL, {"WS_OUTBOX_MAX_BYTES": "4096"}),
    (TOOL, {"TOOL_GPU_FRAC": "0.9", "INFERENCE_ENGINE": "vllm"}),
    (CHAT, {"AXIOM_API_TOKEN": "t"}),
    (CHAT, {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://h/otlp/", "OTEL_EXPORTER_OTLP_HEADERS": "a=b"}),
]


@pytest.mark.parametrize(("base", "changes"), ALLOWED)
def test_what_goes_together_is_taken(base: dict[str, str], changes: dict[str, str]) -> None:
    assert lines(base | changes) == []


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        (VLLM | {"TRT_BATCH_SIZE": "0"}, "TRT_BATCH_SIZE: '0' is not an int >= 1"),
        (TOOL | {"CHAT_TEMPERATURE": "hot"}, "CHAT_TEMPERATURE: 'hot' is not a float 0..2"),
        (CHAT | {"TOOL_TIMEOUT_S": "0.05"}, "TOOL_TIMEOUT_S: '0.05' is not a float >= 0.1"),
    ],
)
def test_what_is_not_in_use_must_still_be_well_formed(environ: dict[str, str], line: str) -> None:
    assert lines(environ) == [line]


def test_a_model_directory_must_hold_a_config_and_a_tokenizer(tmp_path: Path) -> None:
    here = CHAT | {"CHAT_MODEL": str(tmp_path)}
    assert "without config.json and without tokenizer.json or tokenizer_config.json" in lines(here)[0]
    (tmp_path / "config.json").touch()
    assert lines(here)[0].endswith("is a directory without tokenizer.json or tokenizer_config.json")
    (tmp_path / "tokenizer_config.json").touch()
    assert lines(here) == []


def test_a_home_relative_model_is_found(tmp_path: Path) -> None:
    (tmp_path / "tool").mkdir()
    (tmp_path / "tool" / "config.json").touch()
    settings = Settings.from_env(TOOL | {"TOOL_MODEL": "~/tool", "HOME": str(tmp_path)})
    assert settings.deployment.tool_model == f"{tmp_path}/tool"


def test_a_screen_prefix_is_stored_as_a_clients_own_would_be() -> None:
    settings = Settings.from_env(CHAT | {"CHECK_SCREEN_PREFIX": "Look\x07 here\u202e:"})
    assert settings.chat.check_screen_prefix == "Look here:"


def test_a_kv_cache_type_is_a_warning_where_the_engine_fixes_it() -> None:
    (warning,) = Settings.from_env(CHAT | {"KV_DTYPE": "FP8"}).warnings
    assert warning.startswith("KV_DTYPE is ignored")
    assert Settings.from_env(VLLM | {"KV_DTYPE": "FP8"}).warnings == ()
    assert Settings.from_env(VLLM | {"KV_DTYPE": "FP8"}).vllm.kv_dtype == "fp8"
