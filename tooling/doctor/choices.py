"""The settings, read as the server reads them, and names that look like settings and are none."""

import difflib
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from runtime.settings import Source
from runtime.settings.groups.words import Quantization
from runtime.settings.reading import Reading, read
from runtime.settings.sections import VARIABLES, Sections
from runtime.settings.unknown import PREFIXES
from tooling.doctor.facts import Choices

# A launch makes these up, so that nobody needs them before a first run.
MADE_UP = {"TEXT_API_KEY": "made-up-at-start", "MAX_CONCURRENT_CONNECTIONS": "8"}
NEAR = 0.88
MIN_WORD = 6
# A key of this many characters that somebody drew at random is not guessed, however many are tried.
MIN_KEY = 16
# Formats that a float model gets made for it, unless it comes with them.
MADE_HERE = frozenset({Quantization.FOUR_BIT, Quantization.AWQ, Quantization.EIGHT_BIT, Quantization.FP8})
ENGINES = {"cpu": "vllm", "vllm": "vllm", "trt": "trt"}


def look(environ: Mapping[str, str], engine: str | None, directory: Path) -> Choices:
    """What the environment chooses for this engine. `directory`: where a `.env` file may lie."""
    asked = {"INFERENCE_ENGINE": ENGINES[engine]} if engine else {}
    defaults = {name: value for name, value in MADE_UP.items() if not environ.get(name, "").strip()}
    reading = read({**environ, **defaults, **asked}, {})
    sections = reading.sections
    engine_section, place = sections.engine, sections.deployment
    both = place.deploy_mode.chats and place.deploy_mode.routes
    return Choices(
        problems=tuple(str(each) for each in reading.problems if not _is_unset(reading, each.name)),
        unset=tuple(each.name for each in reading.problems if _is_unset(reading, each.name)),
        warnings=reading.warnings,
        near_misses=tuple(near_misses(environ)),
        open_env_file=_open_env_file(directory / ".env"),
        short_keys=sum(len(key.reveal()) < MIN_KEY for key in place.api_keys or ()),
        chats=place.deploy_mode.chats,
        connections=place.max_concurrent_connections,
        host=place.server_bind_host,
        port=place.server_port,
        chat_fraction=engine_section.gpu_frac,
        tool_fraction=sections.tools.gpu_frac if both else 0.0,
        devices_used=(engine_section.tensor_parallel or 1)
        * (engine_section.pipeline_parallel or 1)
        * engine_section.data_parallel,
        kv_dtype=sections.vllm.kv_dtype,
        attention_backend=sections.vllm.attention_backend,
        mpi_pin=sections.trt.mpi_version_pin or "",
        compiled=sections.trt.engine_dir is not None,
        quantises=place.deploy_mode.chats and place.chat_quantization in MADE_HERE,
        names_model=bool(environ.get("CHAT_MODEL" if place.deploy_mode.chats else "TOOL_MODEL", "").strip()),
        push_without_token=_push_without_token(sections),
    )


def home(environ: Mapping[str, str]) -> Path:
    """`YAP_HOME`, its default where it cannot be used."""
    return read(environ, {}).sections.deployment.yap_home.expanduser()


def near_misses(environ: Mapping[str, str]) -> Iterator[str]:
    """Variables that nobody reads and that differ little from one that is read; ours by prefix are problems anyway."""
    for name in sorted(environ):
        if name in VARIABLES or name.startswith(PREFIXES) or len(name) < MIN_WORD:
            continue
        near = difflib.get_close_matches(name, VARIABLES, n=1, cutoff=NEAR)
        if near and near[0] not in environ:
            yield f"{name} (did you mean {near[0]}?)"


def _is_unset(reading: Reading, name: str) -> bool:
    return reading.sources.get(name) is Source.DEFAULT


def _push_without_token(sections: Sections) -> str:
    repository = sections.quantising.hf_push_repo_id
    return repository if repository and not sections.deployment.hf_token else ""


def _open_env_file(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""
    return str(path) if mode & (stat.S_IRGRP | stat.S_IROTH) else ""


__all__ = ["home", "look", "near_misses"]
