"""Checkpoints and engines of repositories, by the real Hub library against a Hub on loopback."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.receivers.hub.contents import Repository
from tests.receivers.hub.endpoint import HURRIED, Hub
from tests.tooling.trt.conftest import TOLD
from tests.tooling.trt.machine import LABEL, machine, write_checkpoint
from tooling.trt.command import run

ENGINE = f"trt-llm/engines/{LABEL}"
CHECKPOINT = "trt-llm/checkpoints"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as serving:
        yield serving


@pytest.fixture
def environ(hub: Hub, tmp_path: Path) -> dict[str, str]:
    """The machine with an H100, in front of that Hub."""
    found = machine(tmp_path / "machine")
    given = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "no_proxy": "127.0.0.1"}
    return found | given | {"PYTHONPATH": f"{HURRIED}:{found['PYTHONPATH']}"}


def push(hub: Hub, tmp_path: Path, **told: object) -> str:
    """A repository as a push makes it: checkpoint and engine. Its name."""
    made = write_checkpoint(tmp_path / "made")
    files = {f"{CHECKPOINT}/{path.name}": path.read_bytes() for path in made.iterdir()}
    files |= {"config.json": b'{"model_type": "llama"}', "tokenizer.json": b"{}", "tokenizer_config.json": b"{}"}
    files |= {f"{ENGINE}/build_metadata.json": json.dumps(TOLD | told).encode(), f"{ENGINE}/rank0.engine": b"engine"}
    hub.add(Repository("org/model-trt-awq"), files)
    return "org/model-trt-awq"


def fetched(hub: Hub) -> set[str]:
    """What of a repository's folders was asked for."""
    return {request.path.partition("trt-llm/")[2] for request in hub.requests if "trt-llm/" in request.path}


def test_the_engine_of_a_repository_is_found_by_its_label_and_fetched_alone(
    hub: Hub, environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["build", "4bit", push(hub, tmp_path)], environ) == 0
    out, err = capsys.readouterr()
    place = Path(out.splitlines()[0].removeprefix("engine: "))
    assert place.is_relative_to(tmp_path / "hf")
    assert (place / "rank0.engine").read_bytes() == b"engine"
    assert f"there is an engine ({ENGINE} of org/model-trt-awq), nothing to build" in err
    assert "checkpoints/rank0.safetensors" not in fetched(hub)
    assert not (tmp_path / "machine" / "home").exists()


def test_a_repositorys_checkpoint_is_built_from_where_its_engine_does_not_fit(
    hub: Hub, environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = push(hub, tmp_path, max_batch_size=8)
    assert run(["build", "4bit", name, "--trt-max-batch-size", "16"], environ) == 0
    out, err = capsys.readouterr()
    assert "is not taken: it was built for 8 at most, TRT_MAX_BATCH_SIZE is 16" in err
    told = json.loads((Path(out.splitlines()[0].removeprefix("engine: ")) / "build_metadata.json").read_text())
    assert (told["model_id"], told["max_batch_size"], told["quant_method"]) == (name, 16, "made elsewhere")
    assert told["model_revision"] == hub.repositories[name].head.oid
    assert f"engines/{LABEL}/rank0.engine" not in fetched(hub)
