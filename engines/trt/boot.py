"""Building TensorRT-LLM's engine inside the island: files, imports, workers, weights; and why it did not work."""

import time
from collections.abc import Callable
from typing import Any

from attrs import define, field

from engines.base import EngineInfo
from engines.errors import EngineStartFailed, chain
from engines.trt import library
from engines.trt.arguments import cache_arguments, engine_arguments, refused_biases
from engines.trt.config import TrtConfig
from engines.trt.library import Library
from engines.trt.plan import Plan, check_machine, make_plan


@define(eq=False, kw_only=True)
class Boot:
    """One attempt to build an engine.

    `build` runs in the island's thread and blocks it; `abandoned` is set from the trio thread, and from then on no
    process is started. `constructing` is true while the library may be starting processes. `say` warns of what cannot
    be honoured.
    """

    config: TrtConfig
    report: Callable[[str], None]
    say: Callable[[str, str], None]
    abandoned: bool = False
    constructing: bool = False
    llm: Any = None
    library: Library | None = None
    plan: Plan | None = None
    info: EngineInfo | None = None
    _began: float = field(factory=time.monotonic)

    async def build(self) -> None:
        """Build the engine and fill `llm`, `library`, `plan` and `info`.

        Raises `EngineStartFailed` with what to change or the library's own words, also if it was abandoned meanwhile.
        """
        self.plan = plan = make_plan(self.config)
        self._step(f"importing TensorRT-LLM ({plan.backend.value} backend: {plan.reason})")
        self.library = names = library.load(plan.backend)
        arch = self._check(plan, names)
        self._step(f"TensorRT-LLM {names.version}: starting the workers and loading {plan.model}")
        try:
            self._construct(plan, names)
        except Exception as error:  # the door: pydantic, OSError, RuntimeError, whatever the model's code raises
            raise _explained(error, self.config) from error
        self._declare(plan)
        self.info = _info(self.config, plan, names.version, arch)
        self._step("ready for requests")

    def _check(self, plan: Plan, names: Library) -> str | None:
        arch = self.config.gpu_arch
        if plan.compiled is None:
            return arch
        if arch is None and plan.compiled.metadata is not None:
            arch = library.gpu_arch()
        check_machine(plan.compiled, version=names.version, gpu_arch=arch)
        return arch

    def _construct(self, plan: Plan, names: Library) -> None:
        self.constructing = True
        try:
            if self.abandoned:
                raise EngineStartFailed("the start was given up")
            # Blocks the loop on purpose: nothing else runs in it yet.
            self.llm = names.llm_class(
                **engine_arguments(self.config, plan),
                kv_cache_config=names.cache_class(**cache_arguments(self.config)),
            )
        finally:
            self.constructing = False

    def _declare(self, plan: Plan) -> None:
        refused = refused_biases(self.config)
        if refused:
            texts = ", ".join(repr(self.llm.tokenizer.decode([token])) for token in refused)
            self.say(
                "CHAT_LOGIT_BIAS_FILE", f"TensorRT-LLM can only ban tokens (-100); these biases are left out: {texts}"
            )
        if plan.missing_metadata:
            self.say(
                "build_metadata.json",
                f"engine {plan.model} does not say which GPU and library it was built for; it is used as it is",
            )
        if plan.remark is not None:
            self.say("CHAT_QUANTIZATION", plan.remark)

    def _step(self, line: str) -> None:
        if self.abandoned:
            raise EngineStartFailed("the start was given up")
        self.report(f"{line} ({time.monotonic() - self._began:.1f} s)")


def _explained(error: BaseException, config: TrtConfig) -> EngineStartFailed:
    if isinstance(error, EngineStartFailed):
        return error
    hint = ""
    if "trust_remote_code" in str(error) and not config.trust_remote_code:
        hint = "; the model brings its own code: allow it with CHAT_TRUST_REMOTE_CODE=1 if you trust it"
    return EngineStartFailed(f"TensorRT-LLM did not start: {chain(error)}{hint}")


def _info(config: TrtConfig, plan: Plan, version: str, arch: str | None) -> EngineInfo:
    facts: dict[str, str | int | float | bool | None] = {
        "version": version,
        "backend": plan.backend.value,
        "backend_reason": plan.reason,
        "gpu_arch": arch,
        "max_num_tokens": plan.max_num_tokens,
        "kv_free_gpu_frac": config.kv_free_gpu_frac,
        "block_reuse": True,
        "tensor_parallel": plan.tensor_parallel,
        "pipeline_parallel": plan.pipeline_parallel,
        # Not as in vLLM: the same numbers act more strongly.
        "penalties_count_prompt": True,
    }
    if plan.compiled is not None:
        facts |= {
            "dtype": plan.compiled.dtype,
            "quantization": plan.compiled.quantization,
            "kv_cache_dtype": plan.compiled.kv_cache_dtype,
            "engine_max_batch_size": plan.compiled.max_batch_size,
        }
    else:
        made = config.checkpoint.value if config.checkpoint else None
        facts |= {"quantization": made, "kv_cache_dtype": "auto", "sampler": "TRTLLMSampler"}
    return EngineInfo(name="tensorrt-llm", max_running=plan.batch_size, max_model_len=plan.max_model_len, facts=facts)


__all__ = ["Boot"]
