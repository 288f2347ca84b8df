"""`quantize-vllm` up to the worker, and what it says of an export that is there."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.tooling.quantize.shapes import LLAMA
from tests.tooling.quantize.test_artifact import write
from tooling import cache
from tooling.models import read_directory
from tooling.quantize import command
from tooling.quantize.announce import Export
from tooling.quantize.export import export_step
from tooling.quantize.grammar import parse
from tooling.refusal import REFUSED, Refusal

SAID = {
    "scheme": "FP8_DYNAMIC",
    "method": "fp8",
    "quantized_layers": 14,
    "seconds": 12.5,
    "quality": {"perplexity_before": 10.0, "perplexity_after": 11.0, "samples": 8},
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory that looks like a model."""
    made = tmp_path / "Some Model"
    made.mkdir()
    write(made, {"model.embed_tokens.weight": ("BF16", [8, 8])})
    (made / "config.json").write_text(json.dumps(LLAMA))
    (made / "tokenizer.json").write_text("{}")
    return made


def environ(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"YAP_HOME": str(tmp_path / "home"), "CUDA_VISIBLE_DEVICES": "", **more}


def test_a_plan_needs_no_gpu_and_makes_nothing(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(["4bit", str(place), "--plan", "--json"], environ(tmp_path, HF_TOKEN="hf_secret"), tmp_path) == 0
    told = capsys.readouterr().out
    plan = json.loads(told)
    assert plan["job"]["scheme"] == "W4A16_ASYM"
    assert plan["path"].startswith(str(tmp_path / "home" / "quant" / "some-model-w4a16_asym-"))
    assert (plan["is_there"], plan["needs_gpu"]) == (False, True)
    assert "hf_secret" not in told
    assert not (tmp_path / "home").exists()
    assert command.run([str(place), "--plan"], environ(tmp_path), tmp_path) == 0
    assert "open_platypus, 64 texts of at most 2048 tokens" in capsys.readouterr().out


def test_a_plan_without_the_hub_goes_by_the_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    away = environ(tmp_path, HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path / "hf"), PATH="/bin")
    assert command.run(["8bit", "org/name", "--plan"], away, tmp_path) == 0
    out, err = capsys.readouterr()
    assert "quantising name to FP8_DYNAMIC" in out
    assert "It would be refused:\n  org/name cannot be had from http://127.0.0.1:9" in out
    assert "planned by the name alone" in err
    assert "attempt" not in err


def test_without_a_gpu_4bit_is_refused_before_anything_is_made(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(["4bit", str(place)], environ(tmp_path), tmp_path) == 3
    assert "needs a GPU" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


def test_what_is_there_is_told_and_not_made_again(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = environ(tmp_path)
    settings, _ = command.settings_of(parse(["8bit", str(place)]), given, tmp_path)
    step = export_step(read_directory(place), settings, [], eight_bit=True)
    assert step is not None
    assert step.entry is not None

    def build(partial: Path) -> None:
        (partial / "awq_metadata.json").write_text(json.dumps(SAID))

    made = cache.ensure(step.entry, tmp_path / "home", build, lambda line: None)
    assert command.run(["8bit", str(place), "--json"], given, tmp_path) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["path"] == str(made)
    assert told["was_there"] is True
    assert (told["scheme"], told["layers"], told["perplexity_after"]) == ("FP8_DYNAMIC", 14, 11.0)
    assert command.run(["8bit", str(place)], given, tmp_path) == 0
    text = capsys.readouterr().out
    assert "10.00 before, 11.00 after (+10.0%)" in text
    assert f"just run-vllm {made}" in text


def test_a_quantised_model_is_said_to_be_that(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    section = {"quantization_config": {"quant_method": "awq", "bits": 4}}
    (place / "config.json").write_text(json.dumps({**LLAMA, **section}))
    assert command.run(["4bit", str(place)], environ(tmp_path), tmp_path) == 0
    assert "already 4-bit (AWQ), used as it is" in capsys.readouterr().err
    assert command.run(["8bit", str(place)], environ(tmp_path), tmp_path) == 0
    assert "8bit was asked for" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "more", "code", "told"),
    [
        (["8bit"], {}, 2, "which model"),
        (["8bit", "./nothing"], {}, 3, "does not exist"),
        (["8bit", "a b/c"], {}, 2, "neither a directory nor a Hub id"),
        (["4bit", "MODEL", "--awq-nsamples", "none"], {}, 3, "AWQ_NSAMPLES"),
        (["4bit", "MODEL", "--plan"], {"AWQ_CALIB_DATASET": "platypus"}, 3, "open_platypus"),
        (["8bit", "MODEL"], {"YAP_HOME": "/"}, 3, "YAP_HOME=/"),
        (["8bit", "MODEL", "--env-file", "/nowhere"], {}, 3, "/nowhere"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_a_code(
    words: list[str],
    more: Mapping[str, str],
    code: int,
    told: str,
    *,
    place: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    argv = [str(place) if word == "MODEL" else word for word in words]
    assert command.run(argv, {**environ(tmp_path), **more}, tmp_path) == code
    assert told in capsys.readouterr().err


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tooling.quantize.export.require_environment", lambda: None)
    monkeypatch.setattr("tooling.quantize.shape.export_bytes", lambda *numbers: 10**18)
    assert command.run(["8bit", str(place)], environ(tmp_path), tmp_path) == 3
    assert "not enough room" in capsys.readouterr().err


def test_gpu_environment_disk_and_model_are_told_at_once(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise Refusal("nothing here can quantise", REFUSED)

    monkeypatch.setattr("tooling.quantize.export.require_environment", missing)
    monkeypatch.setattr("tooling.quantize.shape.export_bytes", lambda *numbers: 10**18)
    assert command.run(["4bit", str(place)], environ(tmp_path), tmp_path) == 3
    told = capsys.readouterr().err
    assert [words in told for words in ("needs a GPU", "nothing here can quantise", "not enough room")] == [True] * 3
    (place / "config.json").write_text(json.dumps({**LLAMA, "intermediate_size": 1500}))
    assert command.run(["4bit", str(place)], environ(tmp_path), tmp_path) == 3
    told = capsys.readouterr().err
    words = ("intermediate_size is 1500", "needs a GPU", "nothing here can quantise")
    assert [each in told for each in words] == [True] * 3


def test_an_export_that_lost_its_words_is_told(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="--force-rebuild"):
        Export.read(tmp_path, was_there=True)
