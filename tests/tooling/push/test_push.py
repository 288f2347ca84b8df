"""`just push` whole: the real Hub library in its worker, against a Hub on loopback."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.receivers.behaviour import Behaviour, cutting, refusing
from tests.receivers.hub.contents import Account, Repository
from tests.receivers.hub.endpoint import Hub
from tests.tooling.push.artifacts import (
    BASE,
    CHECKPOINT,
    COMMIT,
    ENGINE,
    LABEL,
    TEXTS,
    checkpoint,
    engine,
    export,
    weights,
)
from tests.tooling.push.conftest import TOKEN
from tooling.push.command import run

PATIENCE_S = 60.0
ROOT = Path(__file__).parents[3]
# In the order they come in: a push of one large file and some small ones to a repository that is not there.
STAGES = ("whoami", "info", "create", "preupload", "batch", "put", "verify", "validate", "commit")


def push(environ: dict[str, str], *words: str) -> int:
    return run(words, environ)


def test_an_export_goes_up_in_one_commit(
    hub: Hub, home: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    place = export(home)
    (place / "server.log").write_text("no")
    (place / ".env").write_text(f"HF_TOKEN={TOKEN}")
    (place / "link.json").symlink_to("/etc/hostname")
    assert push(environ, "--quant") == 0
    repository = hub.repositories["me/pushed"]
    assert repository.private and len(repository.commits) == 2, "one to make it, one of ours"
    assert repository.head.title == "Upload quantised weights of base"
    kept = {path.name for path in place.iterdir()} - {"key.json", "complete.json", "server.log", ".env", "link.json"}
    assert set(repository.head.files) == kept | {".gitattributes"}
    assert repository.head.files["model.safetensors"] == weights()
    out, err = capsys.readouterr()
    assert out == f"{hub.url}/me/pushed/tree/{repository.head.oid}\n"
    # The token goes to the Hub's own routes, in one header, and nowhere else.
    assert TOKEN not in f"{out}{err}"
    for request in hub.requests:
        assert TOKEN.encode() not in request.body and TOKEN not in f"{request.path}{request.query}"
        assert request.token == (None if request.stage == "put" else TOKEN)
    assert push(environ, "--quant") == 0
    assert len(repository.commits) == 2, "nothing has changed"
    assert "nothing has changed since the last push" in capsys.readouterr().err


@pytest.mark.parametrize("xet", ["1", "0"])
def test_both_ways_of_sending_large_files_end_in_one_commit(
    hub: Hub, home: Path, environ: dict[str, str], xet: str
) -> None:
    export(home, {"model-00002-of-00002.safetensors": weights(90_000, seed=5)})
    environ["HF_HUB_DISABLE_XET"] = xet
    assert push(environ, "--quant", "--repo", "crew/pushed", "--public") == 0
    repository = hub.repositories["crew/pushed"]
    assert not repository.private and len(repository.commits) == 2
    assert repository.head.files["model-00002-of-00002.safetensors"] == weights(90_000, seed=5)
    assert ("xorb" in hub.stages()) is (xet == "0") and ("put" in hub.stages()) is (xet == "1")
    assert not [request for request in hub.requests if "telemetry" in request.path]


def test_a_checkpoint_goes_up_with_its_engine_and_a_readme(hub: Hub, home: Path, environ: dict[str, str]) -> None:
    hub.add(Repository(BASE), {**TEXTS, "model.safetensors": weights(seed=9)})
    commit = hub.repositories[BASE].head.oid
    _, key = checkpoint(home, {**CHECKPOINT, "model_revision": commit})
    engine(home, {"key": key})
    engine(home, {"key": "another"})
    assert push(environ, "--quant") == 0
    files = hub.repositories["me/pushed"].head.files
    assert set(files) == {
        *(path for path in TEXTS),
        ".gitattributes",
        *(f"trt-llm/checkpoints/{name}" for name in ("config.json", "rank0.safetensors", "checkpoint_metadata.json")),
        *(
            f"trt-llm/engines/{LABEL}/{name}"
            for name in ("config.json", "rank0.engine", "build_metadata.json", "build_command.txt")
        ),
    }
    readme = files["README.md"].decode()
    assert readme.startswith(
        f'---\nlicense: "other"\nlicense_name: "base-terms"\nlicense_link: "{hub.url}/{BASE}/blob/main/LICENSE"\n'
    )
    for fact in (BASE, commit, "int4_awq", "cnn_dailymail", "1.2.1", "5025", LABEL, "H100", "just run-trt me/pushed"):
        assert fact in readme
    assert "This engine runs on sm90 only" in readme
    command = files[f"trt-llm/engines/{LABEL}/build_command.txt"].decode()
    assert command == (
        f"trtllm-build --checkpoint_dir trt-llm/checkpoints --output_dir trt-llm/engines/{LABEL} --log_level warning\n"
    )
    assert files["config.json"] == TEXTS["config.json"] and "model.safetensors" not in files


def test_an_engine_is_added_to_the_repository_of_its_checkpoint(hub: Hub, home: Path, environ: dict[str, str]) -> None:
    held, stale = "trt-llm/checkpoints/rank0.safetensors", f"trt-llm/engines/{LABEL}/rank1.engine"
    before = hub.add(Repository("crew/trt"), {"README.md": b"theirs", held: b"w", stale: b"of two GPUs"})
    engine(home, {"model": {"id": "crew/trt", "commit": COMMIT}}, {**ENGINE, "model_id": "crew/trt"})
    hub.add(Repository("me/pushed"), {"README.md": b"no checkpoint"})
    assert push(environ, "--engine") == 3
    del environ["HF_PUSH_REPO_ID"]
    assert push(environ, "--engine") == 0
    files = hub.repositories["crew/trt"].head.files
    assert files["README.md"] == b"theirs" and held in files and stale not in files
    assert set(files) - set(before.files) == {
        f"trt-llm/engines/{LABEL}/{name}"
        for name in ("config.json", "rank0.engine", "build_metadata.json", "build_command.txt")
    }


@pytest.mark.parametrize("how", [refusing(429, 0), refusing(500), refusing(502), cutting()], ids=str)
def test_a_hub_that_stumbles_at_every_stage_gets_it_all_the_same(
    hub: Hub, home: Path, environ: dict[str, str], how: Behaviour
) -> None:
    export(home)
    for stage in STAGES:
        hub.trouble(stage, how)
    assert push(environ, "--quant") == 0
    repository = hub.repositories["me/pushed"]
    assert len(repository.commits) == 2 and repository.head.files["model.safetensors"] == weights()
    assert all(hub.stages().count(stage) > (how is not cutting()) for stage in STAGES)


def test_the_storage_behind_xet_may_stumble_too(hub: Hub, home: Path, environ: dict[str, str]) -> None:
    export(home)
    environ["HF_HUB_DISABLE_XET"] = "0"
    hub.trouble("xorb", cutting())
    hub.trouble("shard", refusing(429, 0))
    assert push(environ, "--quant") == 0
    assert hub.repositories["me/pushed"].head.files["model.safetensors"] == weights()
    assert hub.stages().count("shard") == 2
    storage = [request for request in hub.requests if request.path.startswith("/cas/")]
    assert storage and TOKEN not in {request.token for request in storage}


@pytest.mark.parametrize("stage", ["create", "put", "commit", "xorb"])
def test_a_refusal_on_the_way_is_told_once_and_changes_nothing(
    hub: Hub, home: Path, environ: dict[str, str], stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    export(home)
    environ["HF_HUB_DISABLE_XET"] = "0" if stage == "xorb" else "1"
    hub.trouble(stage, refusing(403))
    assert push(environ, "--quant") == 1
    err = capsys.readouterr().err
    assert "push: the Hub refuses the push to me/pushed (status 403)" in err and TOKEN not in err
    assert hub.stages().count(stage) == 1
    repository = hub.repositories.get("me/pushed")
    assert repository is None or len(repository.commits) == 1


def test_everything_the_hub_would_refuse_is_told_before_anything_is_sent(
    hub: Hub, home: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    export(home)
    hub.accounts[TOKEN] = Account("me", role="read")
    hub.add(Repository("other/full"), {"model.safetensors": b"w" * 5000})
    assert push(environ, "--quant", "--repo", "other/full") == 3
    err = capsys.readouterr().err
    assert "HF_TOKEN of me may only read" in err
    assert "the token belongs to me, who is not other" in err
    assert "other/full holds another model's weights" in err
    hub.accounts[TOKEN] = Account("me", role="fineGrained", scopes={"me": ("repo.content.read",)})
    assert push(environ, "--quant") == 3
    assert "HF_TOKEN of me may not write to me/pushed" in capsys.readouterr().err
    del hub.accounts[TOKEN]
    assert push(environ, "--quant") == 3
    assert "HF_TOKEN is refused by" in capsys.readouterr().err
    assert set(hub.stages()) == {"whoami", "info"}


def test_a_commit_whose_answer_was_lost_is_not_made_twice(hub: Hub, home: Path, environ: dict[str, str]) -> None:
    export(home)
    hub.answer_half("commit")
    assert push(environ, "--quant") == 0
    assert len(hub.repositories["me/pushed"].commits) == 2
    assert hub.stages().count("commit") == 2, "the second was told that the repository has moved on"


def test_somebody_else_who_pushes_meanwhile_is_not_overwritten(
    hub: Hub, home: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    export(home)
    repository = Repository("me/pushed")
    hub.add(repository, {"README.md": b"mine", "awq_metadata.json": b"{}"})
    hub.before("commit", lambda: repository.commit({"README.md": b"theirs"}))
    assert push(environ, "--quant") == 1
    assert "somebody else has pushed to me/pushed meanwhile" in capsys.readouterr().err
    assert repository.head.files["README.md"] == b"theirs"


def test_a_file_with_the_token_in_it_stays_here(
    hub: Hub, home: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    export(home, {"notes.txt": f"token: {TOKEN}".encode()})
    assert push(environ, "--quant") == 3
    err = capsys.readouterr().err
    assert "notes.txt has the token in it: nothing is sent" in err and TOKEN not in err
    assert set(hub.stages()) == {"whoami", "info"}


def test_what_the_repository_ignores_is_missed(
    hub: Hub, home: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    export(home)
    hub.add(Repository("me/pushed"), {".gitignore": b"recipe.yaml\n"})
    assert push(environ, "--quant") == 1
    assert "without recipe.yaml (in all 1): is it in its .gitignore?" in capsys.readouterr().err


def test_a_dry_run_needs_neither_network_nor_token(
    hub: Hub, home: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    place = export(home)
    del environ["HF_TOKEN"]
    assert push(environ, "--quant", "--dry-run", "--json", "--public") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["repository"], told["private"], told["base_model"]) == ("me/pushed", False, BASE)
    assert told["files"]["model.safetensors"] == 30_000 and told["readme"].startswith("---\nlicense")
    assert [line for line in told["refused"] if "HF_TOKEN is not set" in line]
    (place / "model.safetensors").write_bytes(b"short")
    assert push(environ, "--quant", str(place), "--dry-run") == 0
    assert "is damaged (files are missing or have other sizes): make it again" in capsys.readouterr().out
    assert not hub.requests


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_who_ends_it_ends_its_worker_and_leaves_nothing(
    hub: Hub, home: Path, environ: dict[str, str], number: signal.Signals, code: int
) -> None:
    export(home)
    scratch = home / "scratch"
    scratch.mkdir()
    environ["TMPDIR"] = str(scratch)
    begun, over = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        over.wait(PATIENCE_S)

    hub.before("put", hold)
    command = [sys.executable, "-m", "tooling.push", "--quant"]
    process = subprocess.Popen(
        command, env=environ, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert begun.wait(PATIENCE_S)
        (worker,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(number)
        _, err = process.communicate(timeout=PATIENCE_S)
    finally:
        over.set()
        process.kill()
    assert process.returncode == code and "Traceback" not in err
    assert ("push: interrupted; the same command goes on where it was" in err) is (code == 130)
    assert not Path(f"/proc/{worker}").exists() and not [*scratch.iterdir()]
    assert len(hub.repositories["me/pushed"].commits) == 1
