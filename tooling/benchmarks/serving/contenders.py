"""How each contender is started: ours by its settings, the rivals by the engine arguments these resolve to."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from tooling import usage

KEY = "benchmark-key"
RUST_SWITCH = "VLLM_USE_RUST_FRONTEND"
"""The variable by which `vllm serve` starts its front end in Rust (vLLM 0.32)."""

PLUGINS = "VLLM_PLUGINS"
"""The variable that names which plugins vLLM loads: `engines.vllm.waiting` is not, where it is set to another."""


def grammar(prog: str, description: str) -> argparse.ArgumentParser:
    """The options that every contender is started by."""
    parser = usage.parser(prog, description)
    parser.add_argument("--model", required=True, help="directory or hub id, used by every contender")
    parser.add_argument("--tool-model", help="ours serves mode both with this tool model (the rivals have none)")
    parser.add_argument("--max-out", type=int, default=128, help="tokens of a reply at most")
    parser.add_argument("--max-len", type=int, default=5025, help="context")
    parser.add_argument("--max-num-seqs", type=int, default=160, help="requests decoded at once")
    parser.add_argument("--dummy", action="store_true", help="random weights: only a config and a tokenizer are there")
    parser.add_argument("--kv-cache-bytes", type=int, help="KV cache size (needed on a CPU)")
    parser.add_argument("--gpu-frac", type=float, help="share of the GPU's memory (default: 0.90, in mode both 0.70)")
    parser.add_argument("--eager", action="store_true", help="no compilation and no CUDA graphs, for all")
    parser.add_argument("--fp8", action="store_true", help="weights made fp8 while loading, for all")
    parser.add_argument("--tensor-parallel", type=int, default=1, help="GPUs each layer is split over, for all")
    parser.add_argument("--data-parallel", type=int, default=1, help="replicas, for all")
    parser.add_argument("--backend", choices=("mp", "ray"), help="what starts the workers, for all")
    parser.add_argument("--json", action="store_true", help="one JSON object a row on stdout")
    return parser


def our_settings(options: argparse.Namespace, port: int, connections: int) -> dict[str, str]:
    """The environment of our server."""
    no_bias = Path(tempfile.gettempdir()) / "no-bias.json"
    no_bias.write_text("{}", encoding="utf-8")  # the rivals have no logit bias either
    settings = {
        "TEXT_API_KEY": KEY,
        "MAX_CONCURRENT_CONNECTIONS": connections,
        "INFERENCE_ENGINE": "vllm",
        "DEPLOY_MODE": "both" if options.tool_model else "chat",
        "CHAT_MODEL": options.model,
        "TOOL_MODEL": options.tool_model,
        "SERVER_PORT": port,
        "SERVER_BIND_HOST": "127.0.0.1",
        "CHAT_MAX_OUT": options.max_out,
        "CHAT_MAX_LEN": options.max_len,
        "CHAT_MAX_NUM_SEQS": options.max_num_seqs,
        "CHAT_LOGIT_BIAS_FILE": no_bias,
        "CHAT_KV_CACHE_BYTES": options.kv_cache_bytes,
        "CHAT_GPU_FRAC": options.gpu_frac,
        "CHAT_QUANTIZATION": "fp8" if options.fp8 else None,
        "CHAT_TENSOR_PARALLEL": options.tensor_parallel,
        "CHAT_DATA_PARALLEL": options.data_parallel,
        "CHAT_DISTRIBUTED_BACKEND": options.backend,
        "ENFORCE_EAGER": int(options.eager),
        "WS_MAX_MESSAGES_PER_WINDOW": 0,
    }
    return {name: str(value) for name, value in settings.items() if value is not None}


def our_program(options: argparse.Namespace) -> list[str]:
    """The arguments of our server's interpreter."""
    return ["-m", "tooling.benchmarks.serving.dummy_weights" if options.dummy else "runtime"]


def engine_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments that the rivals get: the same limits that our settings resolve to."""
    arguments = {
        "model": options.model,
        "max_model_len": options.max_len,
        "max_num_seqs": options.max_num_seqs,
        "max_num_batched_tokens": 2048,
        "enable_prefix_caching": True,
        "enforce_eager": options.eager,
        "gpu_memory_utilization": options.gpu_frac or 0.9,
        "tensor_parallel_size": options.tensor_parallel,
        "data_parallel_size": options.data_parallel,
        "load_format": "dummy" if options.dummy else None,
        "kv_cache_memory_bytes": options.kv_cache_bytes,
        "quantization": "fp8_per_channel" if options.fp8 else None,
        "distributed_executor_backend": options.backend,
    }
    return {name: value for name, value in arguments.items() if value is not None}


def vllm_serve(options: argparse.Namespace, port: int) -> list[str]:
    """The arguments of `vllm serve`'s interpreter."""
    return ["-m", "vllm.entrypoints.cli.main", "serve", options.model, *_served(options, port)]


def vllm_server(options: argparse.Namespace, port: int) -> list[str]:
    """The same for the server alone: with the wheel for CPUs the command line fails, for it asks after another one."""
    return ["-m", "vllm.entrypoints.openai.api_server", "--model", options.model, *_served(options, port)]


def _served(options: argparse.Namespace, port: int) -> list[str]:
    argv = ["--host", "127.0.0.1", "--port", str(port)]
    argv.append("--enable-prompt-tokens-details")  # it tells cached tokens only then
    for name, value in engine_arguments(options).items():
        if value is True:
            argv.append(f"--{name.replace('_', '-')}")
        elif value is not False and name != "model":
            argv += [f"--{name.replace('_', '-')}", str(value)]
    return argv


__all__ = [
    "KEY",
    "RUST_SWITCH",
    "engine_arguments",
    "grammar",
    "our_program",
    "our_settings",
    "vllm_serve",
    "vllm_server",
]
