"""Building vLLM's engine inside the island: imports, configuration, processes, weights; and why it did not work."""

import contextlib
import re
import signal
import time
from collections.abc import Callable
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from attrs import define, field

from engines.base import EngineInfo
from engines.errors import EngineStartFailed, chain
from engines.vllm import library
from engines.vllm.arguments import engine_arguments
from engines.vllm.config import VllmConfig
from engines.vllm.library import Library

# How a process ended: the last line of a traceback (a class name, for most exceptions a colon and a text); or what the
# library says of one that ended without any, such as one that was killed.
_LAST_WORDS = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Exit|Interrupt)\b.*$|(?<=\] ).*\bdied unexpectedly\b.*$")
_MAX_LOG_BYTES = 65536


@define(eq=False, kw_only=True)
class Boot:
    """One attempt to build an engine.

    `build` runs in the island's thread and blocks it; `abandoned` is set from the trio thread, and from then on no
    process is started. `constructing` is true while vLLM may be starting processes.
    """

    config: VllmConfig
    report: Callable[[str], None]
    abandoned: bool = False
    constructing: bool = False
    engine: Any = None
    library: Library | None = None
    info: EngineInfo | None = None
    _began: float = field(factory=time.monotonic)

    async def build(self) -> None:
        """Build the engine and fill `engine`, `library` and `info`.

        Raises `EngineStartFailed` with the engine's own words, also if it was abandoned meanwhile.
        """
        _clear(self.config.error_log)
        self._step("importing vLLM")
        self.library = library.load()
        self._check_backend(self.library)
        try:
            await self._construct(self.library)
        except Exception as error:  # the door: pydantic, OSError, RuntimeError, whatever the model's code raises
            raise EngineStartFailed(self._explain(error)) from error
        self.info = _inspect(self.engine, self.config, self.library.version)
        self._check_dtype(self.info)
        self._step("ready for requests")

    async def _construct(self, vllm: Library) -> None:
        self._step(f"vLLM {vllm.version}: reading the configuration of {self.config.model}")
        arguments = vllm.arguments_class(**engine_arguments(self.config))
        settled = arguments.create_engine_config(vllm.usage_context)
        self._step("starting the engine's processes and loading the weights")
        _spare_children_ctrl_c()
        self.constructing = True
        try:
            if self.abandoned:
                raise EngineStartFailed("the start was given up")
            # Blocks the loop on purpose: nothing else runs in it yet, and the library's own tasks start inside.
            self.engine = vllm.engine_class.from_vllm_config(
                settled,
                usage_context=vllm.usage_context,
                disable_log_stats=not self.config.stats,
                enable_log_requests=False,
            )
        finally:
            self.constructing = False
        # The first call asks the engine's process; later ones are answered from memory, so no request waits for it.
        await self.engine.get_supported_tasks()

    def _step(self, line: str) -> None:
        if self.abandoned:
            raise EngineStartFailed("the start was given up")
        self.report(f"{line} ({time.monotonic() - self._began:.1f} s)")

    def _check_backend(self, vllm: Library) -> None:
        asked = self.config.attention_backend
        if asked is not None and asked.upper() not in vllm.attention_backends:
            raise EngineStartFailed(
                f"attention backend {asked!r} is unknown to vLLM {vllm.version}; it has "
                + ", ".join(sorted(vllm.attention_backends))
            )

    def _check_dtype(self, info: EngineInfo) -> None:
        asked, real = self.config.kv_cache_dtype, info.facts["kv_cache_dtype"]
        if asked not in ("auto", real):
            raise EngineStartFailed(f"the KV cache dtype is {real}, not {asked} as asked for")

    def _explain(self, error: BaseException) -> str:
        if isinstance(error, EngineStartFailed):
            return str(error)
        own = last_words(self.config.error_log)
        hint = ""
        if "trust_remote_code" in str(error) or any("trust_remote_code" in line for line in own):
            hint = "; the model brings its own code: allow it with CHAT_TRUST_REMOTE_CODE=1 if you trust it"
        if own:
            return f"vLLM did not start: {' <- '.join(own)}{hint} (traceback in {self.config.error_log})"
        return f"vLLM did not start: {chain(error)}{hint}"


def _spare_children_ctrl_c() -> None:
    """Keep SIGINT from the processes that this thread starts from now on, which inherit its signal mask.

    Ctrl+C in a terminal goes to every process of the foreground, and an engine that died of it would take along the
    turns that a drain lets finish. The thread itself loses nothing: Python's signals are for the main one.
    """
    resource_tracker.ensure_running()  # started later, by the library, it would unblock the signal again
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def last_words(error_log: Path | None) -> list[str]:
    """What the engine's processes ended with, oldest (the root cause) last; empty without a log or errors in it."""
    try:
        text = b"" if error_log is None else error_log.read_bytes()[:_MAX_LOG_BYTES]
    except OSError:
        return []
    ended = [
        found[0].strip() for line in text.decode(errors="replace").splitlines() if (found := _LAST_WORDS.search(line))
    ]
    return list(dict.fromkeys(reversed(ended)))[-4:]


def _clear(error_log: Path | None) -> None:
    if error_log is not None:
        # Emptied, not removed: a process of ours may hold it open. Without it a failure is only told less well.
        with contextlib.suppress(OSError):
            error_log.write_bytes(b"")


def _inspect(engine: Any, config: VllmConfig, version: str) -> EngineInfo:
    settled = engine.vllm_config
    backend = settled.attention_config.backend
    return EngineInfo(
        name="vllm",
        max_running=settled.scheduler_config.max_num_seqs * config.data_parallel,
        max_model_len=settled.model_config.max_model_len,
        facts={
            "version": version,
            "dtype": str(settled.model_config.dtype).removeprefix("torch."),
            "quantization": settled.model_config.quantization,
            "kv_cache_dtype": settled.cache_config.cache_dtype,
            "kv_cache_blocks": settled.cache_config.num_gpu_blocks,
            "block_size": settled.cache_config.block_size,
            "attention_backend": None if backend is None else backend.name,
            "max_num_batched_tokens": settled.scheduler_config.max_num_batched_tokens,
            "tensor_parallel": config.tensor_parallel,
            "pipeline_parallel": config.pipeline_parallel,
            "data_parallel": config.data_parallel,
        },
    )


__all__ = ["Boot", "last_words"]
