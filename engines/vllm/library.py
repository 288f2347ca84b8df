"""The names we use of the vLLM library, loaded when an engine is opened; its errors, translated at the door."""

import importlib
from types import ModuleType
from typing import Any

from attrs import frozen

from engines.errors import EngineDead, EngineError, EngineOverloaded, TurnFailed, describe
from engines.libraries import importing


@frozen(kw_only=True)
class Library:
    """The members of vLLM that the adapter calls (0.24 to 0.33)."""

    version: str
    engine_class: Any
    arguments_class: Any
    sampling_class: Any
    delta_kind: Any
    usage_context: Any
    tokens_input: Any
    attention_backends: tuple[str, ...]
    dead_errors: tuple[type[BaseException], ...]
    overload_errors: tuple[type[BaseException], ...]
    generate_errors: tuple[type[BaseException], ...]

    def translate(self, error: BaseException) -> EngineError:
        """One of our errors for one of vLLM's; the text is for operators."""
        if isinstance(error, EngineError):
            return error
        if isinstance(error, self.dead_errors):
            return EngineDead(f"vLLM's engine process failed: {describe(error)}")
        if isinstance(error, self.overload_errors):
            return EngineOverloaded(describe(error))
        if isinstance(error, self.generate_errors) and error.__cause__ is not None:
            error = error.__cause__
        return TurnFailed(describe(error))


def load() -> Library:
    """Import vLLM (ten seconds and more) and pick our names. Raises `EngineStartFailed`: not installed, or broken."""
    with importing("vLLM", "vllm", "install it with `just setup`"):
        return _pick()


def _pick() -> Library:
    sampling = importlib.import_module("vllm.sampling_params")
    failures = importlib.import_module("vllm.v1.engine.exceptions")
    return Library(
        version=importlib.import_module("vllm.version").__version__,
        engine_class=importlib.import_module("vllm.v1.engine.async_llm").AsyncLLM,
        arguments_class=importlib.import_module("vllm.engine.arg_utils").AsyncEngineArgs,
        sampling_class=sampling.SamplingParams,
        delta_kind=sampling.RequestOutputKind.DELTA,
        # With any other context the engine's batch limits shrink; we pass both, this is the second belt.
        usage_context=importlib.import_module("vllm.usage.usage_lib").UsageContext.OPENAI_API_SERVER,
        tokens_input=importlib.import_module("vllm.inputs").tokens_input,
        attention_backends=_attention_backends(),
        dead_errors=(failures.EngineDeadError,),
        overload_errors=_optional(
            importlib.import_module("vllm.exceptions"),
            "QueueOverflowError",
            "MaxQueuedTokensError",
            "RetryableRequestError",
        ),
        generate_errors=(failures.EngineGenerateError,),
    )


def _attention_backends() -> tuple[str, ...]:
    registry = importlib.import_module("vllm.v1.attention.backends.registry")
    return tuple(registry.AttentionBackendEnum.__members__)


def _optional(module: ModuleType, *names: str) -> tuple[type[BaseException], ...]:
    # Younger than the oldest version we claim.
    return tuple(getattr(module, name) for name in names if hasattr(module, name))


__all__ = ["Library", "load"]
