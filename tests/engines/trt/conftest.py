"""Engine directories and checkpoints that are files only, and the stand-in put where TensorRT-LLM would be."""

import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, field

from engines.base import EngineInfo
from engines.trt import TrtConfig, TrtEngine, Unhonoured
from tests.contract.suite import Opened, Recorder
from tests.engines.trt import library
from tests.engines.vllm import checkpoint

PATIENCE_S = 30.0
BATCH = 4

Open = Callable[..., AbstractAsyncContextManager["Session"]]


def write_engine(directory: Path, *, metadata: dict[str, Any] | None = None, **built: Any) -> Path:
    """A complete engine directory for sm90 and 1.2.1, as far as files go. `metadata` and `built` change values.

    A value of None removes its key; `metadata={}` writes no metadata file.
    """
    directory.mkdir(parents=True, exist_ok=True)
    build = {
        "max_input_len": 448,
        "max_seq_len": 512,
        "max_batch_size": BATCH,
        "max_beam_width": 1,
        "max_num_tokens": 8192,
        "opt_num_tokens": BATCH,
        "kv_cache_type": "PAGED",
        "plugin_config": {"use_paged_context_fmha": True},
    }
    model = {"architecture": "LlamaForCausalLM", "dtype": "float16", "mapping": {"world_size": 1}}
    config = {"version": "1.2.1", "pretrained_config": model, "build_config": build | built}
    _dump(directory / "config.json", config)
    (directory / "rank0.engine").write_bytes(b"")
    if metadata != {}:
        values = {"tensorrt_llm_version": "1.2.1", "sm_arch": "sm90", "max_batch_size": BATCH} | (metadata or {})
        _dump(directory / "build_metadata.json", {name: value for name, value in values.items() if value is not None})
    return directory


def _dump(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face checkpoint without weights."""
    return checkpoint.write(tmp_path_factory.mktemp("trt") / "model")


@pytest.fixture
def engine_dir(tmp_path: Path) -> Path:
    """A complete engine directory."""
    return write_engine(tmp_path / "engine")


@pytest.fixture
def standin() -> Iterator[None]:
    """`import tensorrt_llm` finds the stand-in."""
    with library.standing_in():
        yield


@define(eq=False)
class Session:
    """An opened engine, what it said on the way, and the stand-in's `LLM` behind it."""

    opened: Opened
    engine: TrtEngine
    info: EngineInfo
    llm: Any
    progress: list[str] = field(factory=list)
    warnings: list[str] = field(factory=list)


@pytest.fixture
def open_engine(standin: None, model: Path, engine_dir: Path) -> Open:
    """Opens engines on the stand-in: `backend` "engine" or "pytorch", `behaviour` of the worker, config values."""

    @asynccontextmanager
    async def opening(
        backend: str = "engine",
        behaviour: dict[str, Any] | None = None,
        unhonoured: Unhonoured | None = None,
        **values: Any,
    ) -> AsyncIterator[Session]:
        compiled = {"engine_dir": engine_dir} if backend == "engine" else {"batch_size": BATCH}
        if behaviour:
            _dump((engine_dir if backend == "engine" else model) / "standin.json", behaviour)
        config = TrtConfig(
            **{
                "model": str(model),
                "max_model_len": 512,
                "max_output_len": 64,
                "gpu_arch": "sm90",
                **compiled,
                **values,
            }
        )
        progress: list[str] = []
        warnings: list[str] = []
        recorder = Recorder()
        engine = TrtEngine(config, unhonoured or Unhonoured(lambda key, why: warnings.append(f"{key}: {why}")))
        with trio.fail_after(PATIENCE_S):
            try:
                info = await engine.open(recorder.deliver, progress.append)
                made = sys.modules["tensorrt_llm._base"].BaseLLM.made[-1]
                opened = Opened(engine, info, recorder, range(10, 60), range(checkpoint.VOCABULARY))
                yield Session(opened, engine, info, made, progress, warnings)
            finally:
                await engine.close()
                (model / "standin.json").unlink(missing_ok=True)

    return opening
