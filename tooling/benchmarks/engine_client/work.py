"""What every way is given to do, and how it says what that took: one JSON object a line between the processes."""

import json
import sys
import time
from collections.abc import Iterator, MutableMapping
from pathlib import Path

from attrs import asdict, field, frozen

from engines.vllm import VllmConfig, apply_library_env
from tooling.benchmarks.engine_client.model import MAX_LEN

PROMPT_TOKENS = 48


@frozen(kw_only=True)
class Load:
    """`requests` at once, `tokens` new ones each."""

    requests: int
    tokens: int


@frozen(kw_only=True)
class Took:
    """What a load took: CPU seconds of the front process, all its threads; tokens of all replies; seconds."""

    cpu_s: float
    tokens: int
    wall_s: float
    us_per_token: float = field(init=False)

    @us_per_token.default
    def _share(self) -> float:
        return self.cpu_s / self.tokens * 1e6


class Clock:
    """CPU and wall time since it was made."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def took(self, tokens: int) -> Took:
        """Until now."""
        return Took(cpu_s=time.process_time() - self._cpu, tokens=tokens, wall_s=time.perf_counter() - self._wall)


def engine_config(directory: Path, most: int, mark: str = "") -> VllmConfig:
    """The same engine for every way: no statistics, its own generator, room for `most` requests at once."""
    return VllmConfig(
        model=str(directory),
        max_model_len=MAX_LEN,
        max_num_seqs=most,
        max_num_batched_tokens=8192,
        kv_cache_bytes=256 << 20,
        load_format="dummy",
        dtype="float32",
        enforce_eager=True,
        engine_seed=0,
        mark=mark,
    )


def quiet(environ: MutableMapping[str, str], directory: Path, name: str) -> str:
    """The server's library variables, errors only; the mark for the configuration."""
    environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    return apply_library_env(environ, gpu=False, error_log=directory / f"{name}.log")


def loads() -> Iterator[Load]:
    """The parent's loads as they come, until it has no more. Blocking."""
    for line in sys.stdin:
        yield Load(**json.loads(line))


def say(took: Took | str) -> None:
    """An answer for the parent: what a load took, or what it should know of this way."""
    print(json.dumps({"note": took} if isinstance(took, str) else asdict(took)), flush=True)


__all__ = ["PROMPT_TOKENS", "Clock", "Load", "Took", "engine_config", "loads", "quiet", "say"]
