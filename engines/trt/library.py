"""The names we use of TensorRT-LLM, loaded when an engine is opened; its errors, translated at the door."""

import importlib
import inspect
from typing import Any

from attrs import frozen

from engines.errors import EngineDead, EngineError, EngineStartFailed, TurnFailed, chain, describe, is_scarcity
from engines.libraries import importing
from engines.trt.arguments import ESSENTIAL
from engines.trt.plan import Backend

INSTALL = "install it with `just setup trt` (its wheel comes from NVIDIA's index, https://pypi.nvidia.com)"


@frozen(kw_only=True)
class Library:
    """The members of TensorRT-LLM that the adapter calls. `sampling_names`: what `SamplingParams` takes."""

    version: str
    llm_class: Any
    sampling_class: Any
    cache_class: Any
    sampling_names: frozenset[str]
    dead_errors: tuple[type[BaseException], ...]

    def translate(self, error: BaseException) -> EngineError:
        """One of our errors for one of the library's; the text is for operators."""
        if isinstance(error, EngineError):
            return error
        # After a serious error of one request the library shuts itself down and refuses everything else with this.
        if isinstance(error, self.dead_errors) or (isinstance(error, RuntimeError) and "shutting down" in str(error)):
            return EngineDead(f"TensorRT-LLM is gone: {describe(error)}")
        if isinstance(error, OSError) and not is_scarcity(error):
            return EngineDead(f"TensorRT-LLM's workers cannot be reached: {describe(error)}")
        return TurnFailed(describe(error))


def load(backend: Backend) -> Library:
    """Import TensorRT-LLM (half a minute on a cold disk) and pick our names.

    Raises `EngineStartFailed`: not installed, broken, without the engine backend, or with other names than 1.2's.
    """
    with importing("TensorRT-LLM", "tensorrt_llm", INSTALL):
        package = importlib.import_module("tensorrt_llm")
    version = str(getattr(package, "__version__", "unknown"))
    try:
        names = frozenset(inspect.signature(package.SamplingParams).parameters)
        library = Library(
            version=version,
            llm_class=_llm_class(package, backend, version),
            sampling_class=package.SamplingParams,
            cache_class=importlib.import_module("tensorrt_llm.llmapi").KvCacheConfig,
            sampling_names=names,
            dead_errors=_dead_errors(),
        )
    except EngineStartFailed:
        raise
    except Exception as error:  # the door: other names, or parts that fail when they are asked for
        raise EngineStartFailed(f"TensorRT-LLM {version} is not the library we know (1.2): {chain(error)}") from error
    lacking = [name for name in ESSENTIAL if name not in names]
    if lacking:
        raise EngineStartFailed(f"TensorRT-LLM {version} has no sampling value {', '.join(lacking)}; install 1.2.1")
    return library


def _llm_class(package: Any, backend: Backend, version: str) -> Any:
    if backend is Backend.PYTORCH:
        return package.LLM
    try:
        return importlib.import_module("tensorrt_llm._tensorrt_engine").LLM
    except ImportError as error:
        raise EngineStartFailed(
            f"TensorRT-LLM {version} cannot run compiled engines: its engine backend was removed after 1.2. Install "
            "1.2.1 (`just setup trt`), or unset TRT_ENGINE_DIR and serve the Hugging Face checkpoint"
        ) from error


def _dead_errors() -> tuple[type[BaseException], ...]:
    # 1.3 and later say so; before, a dead engine just never answers.
    executor = importlib.import_module("tensorrt_llm.executor")
    found = getattr(executor, "EngineDeadError", None)
    return () if found is None else (found,)


def gpu_arch() -> str | None:
    """The architecture of the first visible GPU, such as "sm90", asked of PyTorch; None without a GPU."""
    with importing("PyTorch", "torch"):
        torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        return None
    major, minor = torch.cuda.get_device_capability(0)
    return f"sm{major}{minor}"


__all__ = ["INSTALL", "Library", "gpu_arch", "load"]
