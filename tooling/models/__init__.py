"""What a model is, before anything of it is loaded: how it was asked for, what its name and its files say, who can
read it; and how it comes from the Hub onto this machine.

What is made out of models (exports, checkpoints, engines) is not known here. huggingface_hub is known to the worker
alone: a process of its own, which has the token.
"""

from tooling.models.asking import (
    PATIENCE_S,
    ROOT,
    TOKENS,
    fetch,
    fetch_step,
    hub_environ,
    require_answer,
    resolve,
    resolve_to_plan,
)
from tooling.models.detection import TRT_CHECKPOINTS, TRT_ENGINES, Findings, Kind
from tooling.models.model import Model, read_directory
from tooling.models.names import Hint, hint
from tooling.models.reference import Reference
from tooling.models.suiting import require_suitable

__all__ = [
    "PATIENCE_S",
    "ROOT",
    "TOKENS",
    "TRT_CHECKPOINTS",
    "TRT_ENGINES",
    "Findings",
    "Hint",
    "Kind",
    "Model",
    "Reference",
    "fetch",
    "fetch_step",
    "hint",
    "hub_environ",
    "read_directory",
    "require_answer",
    "require_suitable",
    "resolve",
    "resolve_to_plan",
]
