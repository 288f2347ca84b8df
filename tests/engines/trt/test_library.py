"""The library that is missing, broken, too new or strange; and the environment it is given."""

import errno
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from engines.errors import EngineDead, EngineStartFailed, TurnFailed
from engines.quantised import Format
from engines.trt.environment import LIBRARY_ENV, apply_library_env
from engines.trt.library import gpu_arch, load
from engines.trt.plan import Backend
from tests.engines.trt.conftest import Open


def test_a_missing_library_says_what_to_install() -> None:
    assert "tensorrt_llm" not in sys.modules
    with pytest.raises(EngineStartFailed, match=r"just setup trt.*https://pypi\.nvidia\.com"):
        load(Backend.ENGINE)


def test_a_broken_library_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tensorrt_llm.py").write_text("raise OSError('libmpi.so.40: cannot open shared object file')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(EngineStartFailed, match="cannot be imported: OSError: libmpi"):
        load(Backend.PYTORCH)


def test_a_library_without_the_engine_backend_says_so(standin: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorrt_llm

    monkeypatch.setattr(tensorrt_llm, "__version__", "1.3.0")
    monkeypatch.setitem(sys.modules, "tensorrt_llm._tensorrt_engine", None)
    with pytest.raises(EngineStartFailed, match=r"1\.3\.0 cannot run compiled engines: .* removed after 1\.2"):
        load(Backend.ENGINE)
    assert load(Backend.PYTORCH).version == "1.3.0"


def test_a_library_with_other_names_is_refused(standin: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorrt_llm import SamplingParams, llmapi

    with monkeypatch.context() as patch:
        patch.delattr(llmapi, "KvCacheConfig")
        with pytest.raises(EngineStartFailed, match="not the library we know"):
            load(Backend.PYTORCH)
    fewer = [value for value in SamplingParams.__signature__.parameters.values() if value.name != "seed"]
    monkeypatch.setattr(SamplingParams, "__signature__", SamplingParams.__signature__.replace(parameters=fewer))
    with pytest.raises(EngineStartFailed, match="no sampling value seed"):
        load(Backend.PYTORCH)


def test_errors_of_the_library_are_translated_at_the_door(standin: None) -> None:
    library = load(Backend.ENGINE)
    from tensorrt_llm.executor import RequestError

    assert isinstance(library.translate(RequestError("too long")), TurnFailed)
    assert isinstance(library.translate(RuntimeError("LLM is shutting down")), EngineDead)
    assert isinstance(library.translate(BrokenPipeError()), EngineDead)
    assert isinstance(library.translate(OSError("handle is closed")), EngineDead)
    assert isinstance(library.translate(OSError(errno.EMFILE, "Too many open files")), TurnFailed)
    already = TurnFailed("ours")
    assert library.translate(already) is already


async def test_an_engine_built_by_another_version_is_refused_at_the_start(
    open_engine: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorrt_llm

    monkeypatch.setattr(tensorrt_llm, "__version__", "1.2.0")
    with pytest.raises(EngineStartFailed, match=r"built by TensorRT-LLM 1\.2\.1, installed is 1\.2\.0"):
        async with open_engine():
            raise AssertionError("it cannot be up")


async def test_another_format_than_the_weights_have_is_told_and_the_engine_serves(open_engine: Open) -> None:
    async with open_engine("pytorch", quantization="8bit", checkpoint=Format.AWQ) as session:
        (warning,) = session.warnings
        assert warning.startswith("CHAT_QUANTIZATION: 8bit was asked for; the checkpoint is already quantised (awq)")
        assert session.info.facts["quantization"] == "awq"
    async with open_engine("pytorch", quantization="4bit", checkpoint=Format.AWQ) as session:
        assert session.warnings == []


async def test_the_facts_tell_which_backend_serves_and_why(open_engine: Open) -> None:
    async with open_engine() as session:
        facts = session.info.facts
        assert (facts["backend"], facts["version"], facts["gpu_arch"]) == ("TensorRT engine", "1.2.1", "sm90")
        assert session.llm.values["kv_cache_config"].enable_block_reuse is True
    async with open_engine("pytorch") as session:
        assert session.info.facts["backend"] == "PyTorch"
        assert "Hugging Face checkpoint" in str(session.info.facts["backend_reason"])
        assert session.llm.values["sampler_type"] == "TRTLLMSampler"


@pytest.mark.parametrize(("visible", "arch"), [(True, "sm90"), (False, None)])
def test_the_architecture_is_pytorchs_word_for_it(
    monkeypatch: pytest.MonkeyPatch, visible: bool, arch: str | None
) -> None:
    cuda = SimpleNamespace(is_available=lambda: visible, get_device_capability=lambda _index: (9, 0))
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert gpu_arch() == arch


def test_the_environment_is_filled_in_and_never_overridden() -> None:
    environ = {"TLLM_LOG_LEVEL": "DEBUG"}
    mark = apply_library_env(environ)
    assert environ["TLLM_LOG_LEVEL"] == "DEBUG"
    assert environ.keys() > LIBRARY_ENV.keys()
    name, _, value = mark.partition("=")
    assert environ[name] == value
    assert apply_library_env({}) != mark
    chatty: dict[str, str] = {}
    apply_library_env(chatty, verbose=True)
    assert chatty["TLLM_LOG_LEVEL"] == "INFO"
