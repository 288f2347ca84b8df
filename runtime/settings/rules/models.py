"""Models and other files that what is served needs."""

import os.path
import re
from collections.abc import Iterator
from pathlib import Path

from runtime.settings.groups.words import EngineName
from runtime.settings.kinds import shortened
from runtime.settings.rules.conflict import Conflict
from runtime.settings.sections import Sections

HUB_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)?")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


def conflicts(settings: Sections) -> Iterator[Conflict]:
    """Models that are missing or cannot be what they should be; directories and files that are not there."""
    deployment = settings.deployment
    mode = deployment.deploy_mode
    if mode.chats:
        yield from _model("CHAT_MODEL", deployment.chat_model, mode, tokenizer=True)
        yield from _logit_bias_file(settings.chat.logit_bias_file)
    if mode.routes:
        yield from _model("TOOL_MODEL", deployment.tool_model, mode, tokenizer=False)
    if mode.chats and deployment.inference_engine is EngineName.TRT:
        yield from _directory("TRT_ENGINE_DIR", settings.trt.engine_dir)
        yield from _directory("TRT_REPO_DIR", settings.trt.repo_dir)


def _model(name: str, model: str | None, mode: str, *, tokenizer: bool) -> Iterator[Conflict]:
    if model is None:
        problem = f"required with DEPLOY_MODE={mode}, not set"
    elif os.path.isdir(model):
        problem = _missing_files(model, tokenizer=tokenizer)
    elif HUB_ID.fullmatch(model):
        problem = ""
    else:
        problem = f"{shortened(model)} is neither a directory that exists nor a hub id owner/name"
    if problem:
        yield Conflict(name, problem, ("DEPLOY_MODE",))


def _missing_files(directory: str, *, tokenizer: bool) -> str:
    missing = [] if os.path.isfile(os.path.join(directory, "config.json")) else ["config.json"]
    if tokenizer and not any(os.path.isfile(os.path.join(directory, file)) for file in TOKENIZER_FILES):
        missing.append(" or ".join(TOKENIZER_FILES))
    return f"{shortened(directory)} is a directory without {' and without '.join(missing)}" if missing else ""


def _directory(name: str, path: Path | None) -> Iterator[Conflict]:
    if path is not None and not os.path.isdir(path):
        yield Conflict(
            name, f"{shortened(str(path))} is not a directory that exists", ("DEPLOY_MODE", "INFERENCE_ENGINE")
        )


def _logit_bias_file(path: Path | None) -> Iterator[Conflict]:
    if path is not None and not os.path.isfile(path):
        yield Conflict("CHAT_LOGIT_BIAS_FILE", f"{shortened(str(path))} is not a file that exists", ("DEPLOY_MODE",))


__all__ = ["conflicts"]
