"""A repository that holds something of another model, format or checkpoint is left alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.receivers.hub.contents import Repository
from tests.receivers.hub.endpoint import Hub
from tests.tooling.push.artifacts import BASE, CHECKPOINT, COMMIT, ENGINE, EXPORT, TEXTS, checkpoint, engine, export
from tooling.push.command import run

OTHER_MODEL, OTHER_FORM = {**EXPORT, "source_model": "org/another"}, {**EXPORT, "scheme": "FP8_DYNAMIC"}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (OTHER_MODEL, "holds the export W4A16_ASYM of org/another, and this is W4A16_ASYM of org/base"),
        (OTHER_FORM, "holds the export FP8_DYNAMIC of org/base, and this is W4A16_ASYM of org/base"),
        ({**EXPORT, "source_revision": "f" * 40}, None),
        ({}, None),
    ],
)
def test_an_export_of_another_model_or_in_another_format_is_not_replaced(
    hub: Hub,
    home: Path,
    environ: dict[str, str],
    told: dict[str, Any],
    said: str | None,
    *,
    capsys: pytest.CaptureFixture[str],
) -> None:
    export(home)
    held = {"awq_metadata.json": json.dumps(told).encode(), "model.safetensors": b"w" * 5000}
    hub.add(Repository("me/pushed"), held)
    assert run(["--quant"], environ) == (0 if said is None else 3)
    err = capsys.readouterr().err
    assert said is None or (said in err and "name another repository (--repo, HF_PUSH_REPO_ID), or delete" in err)
    assert len(hub.repositories["me/pushed"].commits) == (2 if said is None else 1)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"model_id": "org/another"}, "holds the checkpoint int4_awq of org/another, and this is int4_awq of org/base"),
        ({"quant_method": "fp8"}, "holds the checkpoint fp8 of org/base, and this is int4_awq of org/base"),
        ({"calib_size": 16}, None),
    ],
)
def test_a_checkpoint_of_another_model_or_in_another_format_is_not_replaced(
    hub: Hub,
    home: Path,
    environ: dict[str, str],
    told: dict[str, Any],
    said: str | None,
    *,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hub.add(Repository(BASE), dict(TEXTS))
    checkpoint(home, {**CHECKPOINT, "model_revision": hub.repositories[BASE].head.oid})
    held = {"trt-llm/checkpoints/checkpoint_metadata.json": json.dumps({**CHECKPOINT, **told}).encode()}
    hub.add(Repository("me/pushed"), held)
    assert run(["--quant"], environ) == (0 if said is None else 3)
    assert said is None or said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("held", "own", "code"),
    [
        ({"checkpoint_key": "0" * 16}, {"checkpoint_key": "0" * 16, "model_id": "crew/trt"}, 0),
        ({"checkpoint_key": "0" * 16}, {"checkpoint_key": "1" * 16}, 3),
        ({"checkpoint_key": "0" * 16}, {"checkpoint_key": "made elsewhere", "model_id": "crew/trt"}, 3),
    ],
)
def test_an_engine_goes_beside_the_checkpoint_that_it_was_built_from(
    hub: Hub, home: Path, environ: dict[str, str], held: dict[str, Any], own: dict[str, Any], *, code: int
) -> None:
    metadata = json.dumps({**CHECKPOINT, **held}).encode()
    files = {"trt-llm/checkpoints/checkpoint_metadata.json": metadata, "trt-llm/checkpoints/rank0.safetensors": b"w"}
    hub.add(Repository("me/pushed"), files)
    engine(home, {"model": {"id": "crew/trt", "commit": COMMIT}}, {**ENGINE, **own})
    assert run(["--engine"], environ) == code
