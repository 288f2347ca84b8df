"""What is kept below a home, what runs, what is planned: gathered from real files and processes."""

import fcntl
import json
import os
import sys
from pathlib import Path

import pytest

from tooling.cache import Entry, ensure
from tooling.doctor import caching, launching
from tooling.doctor.facts import Cache, Planned
from tooling.doctor.pins import behind
from tooling.running import Identity, Phase, State, write_state
from tooling.setup.environment import Environment
from tooling.setup.project import Project
from tooling.setup.stages import plan

ROOT = Path(__file__).resolve().parents[3]
ENTRY = Entry(kind="quant", name="model", recipe={"model": "org/model"})


def build(partial: Path) -> None:
    (partial / "weights").write_bytes(b"x" * 100_000)


def test_a_home_that_is_not_there_yet_holds_nothing(tmp_path: Path) -> None:
    assert caching.look(tmp_path / "none") == Cache(home=str(tmp_path / "none"))


def test_entries_count_by_kind_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    made = ensure(ENTRY, tmp_path, build, lambda line: None)
    found = caching.look(tmp_path)
    assert list(found.sizes) == ["quant"]
    assert found.damaged == ()
    (made / "weights").unlink()
    assert caching.look(tmp_path).damaged == (str(made),)


def test_what_a_dead_maker_left_is_told_from_what_is_being_made(tmp_path: Path) -> None:
    half = ENTRY.path(tmp_path).with_name(f"{ENTRY.path(tmp_path).name}.partial-{os.getpid()}")
    half.mkdir(parents=True)
    build(half)
    found = caching.look(tmp_path)
    assert found.abandoned == (str(half),)
    assert found.abandoned_gib > 0
    lock = tmp_path / "locks" / f"{ENTRY.key}.lock"
    lock.parent.mkdir()
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        now = caching.look(tmp_path)
    assert (now.abandoned, now.making) == ((), (str(half),))
    assert half.exists()


def test_links_are_not_followed_and_a_home_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "quant").mkdir()
    (tmp_path / "quant" / "elsewhere-0123456789abcdef").symlink_to("/usr")
    assert caching.look(tmp_path).damaged == ()
    assert "YAP_HOME=/ is a root" in caching.look(Path("/")).trouble
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        assert caching.look(place).trouble == f"YAP_HOME={place} cannot be written: name another directory"


def test_launches_are_living_stale_or_unreadable(tmp_path: Path) -> None:
    gone = Identity(pid=1, start_ticks=1, boot_id="another boot")
    for port, keeper in ((8000, Identity.of(os.getpid())), (8001, gone)):
        write_state(
            tmp_path,
            State(key=str(port), host="h", port=port, phase=Phase.READY, keeper=keeper, started=0.0),
        )
    (tmp_path / "run" / "8002").mkdir()
    (tmp_path / "run" / "8002" / "state.json").write_text("{")
    living, stale, unreadable = launching.launches(tmp_path)
    assert (living.alive, living.stale, living.port) == (True, False, 8000)
    assert (stale.alive, stale.stale) == (False, True)
    assert "state.json" in unreadable.trouble


def test_a_plan_is_read_and_what_is_none_is_told_by_its_last_words() -> None:
    steps = [
        {"title": "export", "is_made": False, "disk_bytes": 5_000_000_000},
        {"title": "download", "is_made": True, "disk_bytes": 9},
    ]
    document = json.dumps({"steps": steps, "refused": [{"exit_code": 3, "text": "no room"}]})
    assert launching.read_plan(document, []) == Planned(work=("export",), disk_gb=5.0, refusals=("no room",))
    assert launching.read_plan("", ["", "run: no such model", ""]).trouble == "run: no such model"
    assert launching.read_plan("[]", []).trouble == "it printed no plan"


def test_the_plan_is_the_launchs_own(tmp_path: Path) -> None:
    """The real program, of a model directory that is none: a refusal, and nothing is downloaded."""
    environ = {"CHAT_MODEL": str(tmp_path), "YAP_HOME": str(tmp_path / "home"), "PATH": os.defpath}
    found = launching.planned(sys.executable, "cpu", {**environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)})
    assert found.refusals or found.trouble
    assert str(tmp_path) in " ".join([*found.refusals, found.trouble])
    assert "cannot be started" in launching.planned("/no/python", "cpu", {}).trouble


def test_an_environment_is_behind_until_every_stage_is_on_record(tmp_path: Path) -> None:
    (tmp_path / "tooling" / "locks").mkdir(parents=True)
    for path in (ROOT / "pyproject.toml", *(ROOT / "tooling" / "locks").glob("*.txt")):
        (tmp_path / path.relative_to(ROOT)).write_text(path.read_text("utf-8"), "utf-8")
    environment = Environment(tmp_path / ".venvs" / "vllm")
    assert behind("vllm", tmp_path) == ()
    environment.path.mkdir(parents=True)
    stages = plan(Project(tmp_path), "vllm", dev=False)
    assert behind("vllm", tmp_path) == tuple(stage.title for stage in stages)
    environment.keep({stage.name: stage.key for stage in stages[1:]})
    assert behind("vllm", tmp_path) == (stages[0].title,)
    environment.keep({stage.name: stage.key for stage in stages})
    assert behind("vllm", tmp_path) == ()


@pytest.mark.parametrize("environment", ["cpu", "vllm", "quant"])
def test_nothing_is_behind_where_there_is_no_checkout(tmp_path: Path, environment: str) -> None:
    assert behind(environment, tmp_path) == ()
