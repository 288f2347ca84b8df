"""From a checkpoint's files to a `Model`. Blocking, in the worker's thread; every failure is an `EngineStartFailed`."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from engines.classifier.config import ClassifierConfig
from engines.classifier.contract import ClassifierInfo
from engines.classifier.graphs import cuda_recorder
from engines.classifier.labels import YesLabel, resolve_yes
from engines.classifier.limits import Capacity, InputLimits, limit_warnings, resolve_limits
from engines.classifier.measure import measure_of
from engines.classifier.model import Model
from engines.classifier.rectangles import ONE
from engines.errors import EngineStartFailed, chain
from engines.libraries import importing

NO_TOKENIZER_LIMIT = 1_000_000
"""A tokenizer without a limit of its own says a number with thirty digits."""


@frozen
class Loaded:
    """A model and what it says of itself."""

    model: Model
    info: ClassifierInfo


def load(config: ClassifierConfig, report: Callable[[str], None]) -> Loaded:
    """Load, check and, if asked, compile. Raises `EngineStartFailed` with what has to change."""
    report("importing torch and transformers")
    torch, transformers = _libraries()
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    device = _device(torch, config)
    report(f"loading the tool model {config.model}")
    tokenizer, network = _from_files(torch, transformers, config, device)
    yes = resolve_yes(_labels(network), config.positive_label)
    limits = resolve_limits(network.config.model_type, _capacity(torch, tokenizer, network), config)
    model = Model(torch=torch, network=network, tokenizer=tokenizer, device=device, limits=limits, yes=yes)
    warnings = limit_warnings(limits, config)
    if config.compile:
        report("compiling the tool model")
        warnings += model.compile()
    if config.graphs and device.type == "cuda":
        report("capturing the tool model's CUDA graphs")
        warnings += model.capture(cuda_recorder(torch, device))
    model.calibrate()
    return Loaded(model, _info(config, model, limits, yes, warnings))


def _libraries() -> tuple[Any, Any]:
    with importing("PyTorch, which the tool model needs,", "torch"):
        torch = importlib.import_module("torch")
    with importing("transformers, which the tool model needs,", "transformers"):
        transformers = importlib.import_module("transformers")
        # Where they are asked for, their own imports happen.
        _ = transformers.AutoTokenizer, transformers.AutoModelForSequenceClassification, transformers.utils.logging
    return torch, transformers


def _device(torch: Any, config: ClassifierConfig) -> Any:
    try:
        device = torch.device(config.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if device.type == "cuda":
            # The allocator wants to know which one; "cuda" alone means the current one.
            device = torch.device("cuda", torch.cuda.current_device() if device.index is None else device.index)
            torch.cuda.set_per_process_memory_fraction(config.gpu_frac, device)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise EngineStartFailed(f"the tool model's device cannot be used: {error}") from error
    return device


def _from_files(torch: Any, transformers: Any, config: ClassifierConfig, device: Any) -> tuple[Any, Any]:
    if config.verbose:
        transformers.utils.logging.set_verbosity_info()
    else:
        # Its bars draw over our log lines; the steps that matter are reported.
        transformers.utils.logging.disable_progress_bar()
    where = {"revision": config.revision, "trust_remote_code": config.trust_remote_code}
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    try:
        # Not Mistral's own library for a model that has its file, too: it cannot measure a text's tokens as asked here.
        tokenizer = transformers.AutoTokenizer.from_pretrained(config.model, mistral_format=False, **where)
        network, found = transformers.AutoModelForSequenceClassification.from_pretrained(
            config.model, dtype=dtype, output_loading_info=True, **where
        )
        network = network.to(device).eval()
    except Exception as error:  # the door: OSError, ValueError, out of memory, whatever a model's own code raises
        raise EngineStartFailed(_explain(config, error)) from error
    _check_trained(config, network, found)
    if hasattr(network.config, "reference_compile"):
        network.config.reference_compile = False  # ModernBERT would compile parts of itself; TOOL_COMPILE decides
    tokenizer.truncation_side = "left"  # the newest words are the last ones
    return tokenizer, network


def _explain(config: ClassifierConfig, error: BaseException) -> str:
    words, hint = str(error), ""
    if "trust_remote_code" in words:
        hint = "; it ships code of its own: set TOOL_TRUST_REMOTE_CODE=1 if you trust it"
    elif "out of memory" in words:
        hint = f"; TOOL_GPU_FRAC={config.gpu_frac:g} of the GPU is too little for it"
    return f"the tool model {config.model} cannot be loaded{hint}: {chain(error)}"


def _check_trained(config: ClassifierConfig, network: Any, found: Mapping[str, Any]) -> None:
    """A checkpoint without a head loads as well, with random numbers for one; its decisions would be dice."""
    missing = sorted(set(found["missing_keys"]) & {name for name, _ in network.named_parameters()})
    if missing:
        raise EngineStartFailed(
            f"{config.model} is no trained sequence-classification model: it lacks {', '.join(missing[:4])}"
            f"{' and more' if len(missing) > 4 else ''}; set TOOL_MODEL to one that has them"
        )


def _labels(network: Any) -> dict[int, str]:
    given = network.config.id2label or {}
    return {index: str(given.get(index, f"LABEL_{index}")) for index in range(network.config.num_labels)}


def _capacity(torch: Any, tokenizer: Any, network: Any) -> Capacity:
    longest = tokenizer.model_max_length
    return Capacity(
        tokenizer=int(longest) if 0 < longest < NO_TOKENIZER_LIMIT else None,
        positions=_positions(torch, network),
        special_tokens=tokenizer.num_special_tokens_to_add(pair=False),
    )


def _positions(torch: Any, network: Any) -> int | None:
    """Inputs that have a position: what the config declares, or less where the table itself holds less.

    RoBERTa and its kin (Longformer, XLM-R, MPNet and others) number positions from the padding id + 1 on, so that a
    table of 514 rows serves 512 tokens; such a table has a padding row, others have none.
    """
    declared = getattr(network.config, "max_position_embeddings", None)
    rows = [declared] if isinstance(declared, int) and declared > 0 else []
    for name, module in network.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            before = 0 if module.padding_idx is None else module.padding_idx + 1
            rows.append(module.num_embeddings - before)
    return min(rows, default=None)


def _info(
    config: ClassifierConfig, model: Model, limits: InputLimits, yes: YesLabel, warnings: list[str]
) -> ClassifierInfo:
    return ClassifierInfo(
        name="classifier",
        max_length=limits.max_length,
        batching=limits.batching,
        measure=measure_of(model.tokenizer, limits.history),
        facts={
            "model_type": model.network.config.model_type,
            "device": str(model.device),
            "dtype": str(model.network.dtype).removeprefix("torch."),
            "compiled": model.compiled,
            "cuda_graphs": 0 if model.graphs is None else len(model.graphs),
            "call_overhead_tokens": None if model.overhead == ONE else round(model.overhead),
            "threads": model.torch.get_num_threads(),
            "yes_label": yes.name,
            "history_tokens": limits.history,
            "batch_max_size": limits.batching.max_size,
            "batch_max_delay_ms": limits.batching.max_delay_s * 1000,
        },
        warnings=tuple(warnings),
    )


__all__ = ["Loaded", "load"]
