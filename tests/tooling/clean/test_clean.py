"""`clean`: only our own entries go, nobody's work is touched, and it is said what stays."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tooling import cache
from tooling.cache import locking
from tooling.clean import command
from tooling.running import Claim, Identity, Phase, State, write_state


def entry(home: Path, kind: str, name: str = "some-model") -> Path:
    """A complete entry of 5 bytes and what belongs to it."""

    def build(directory: Path) -> None:
        (directory / "weights").write_bytes(b"12345")

    return cache.ensure(cache.Entry(kind=kind, name=name, recipe={"kind": kind}), home, build, lambda line: None)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one entry of each kind."""
    for kind in ("quant", "trt/engines", "trt/checkpoints", "models"):
        entry(tmp_path / "home", kind)
    return tmp_path / "home"


def clean(home: Path, *words: str, answer: bool | None = None) -> int:
    def ask(question: str) -> bool:
        assert answer is not None, f"nobody was to be asked: {question}"
        return answer

    return command.run(words, {"YAP_HOME": str(home)}, None if answer is None else ask)


def kinds(home: Path) -> list[str]:
    """The kinds that still have an entry."""
    every = ("quant", "trt/engines", "trt/checkpoints", "models")
    return [kind for kind in every if list((home / kind).glob("some-model-*"))]


@pytest.mark.parametrize(
    ("what", "left"),
    [
        ("quant", ["trt/engines", "trt/checkpoints", "models"]),
        ("engines", ["quant", "models"]),
        ("models", ["quant", "trt/engines", "trt/checkpoints"]),
        ("all", []),
    ],
)
def test_what_is_named_goes_and_nothing_else(
    home: Path, what: str, left: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "run" / "8000").mkdir(parents=True)
    assert clean(home, what, "--yes") == 0
    assert kinds(home) == left
    assert (home / "run" / "8000").is_dir()
    out = capsys.readouterr().out
    assert str(home) in out
    assert "huggingface/hub" in out or "hub" in out


def test_it_asks_and_takes_only_yes_for_an_answer(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert clean(home, "all", answer=False) == 0
    assert len(kinds(home)) == 4
    assert "nothing was deleted" in capsys.readouterr().err
    assert clean(home, "quant", answer=True) == 0
    assert "quant" not in kinds(home)


def test_where_nobody_can_be_asked_nothing_goes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert clean(home, "all") == 2
    assert "--yes" in capsys.readouterr().err
    assert len(kinds(home)) == 4


def test_a_plan_tells_and_deletes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert clean(home, "quant", "--plan", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert [Path(one["path"]).parent.name for one in plan["deletes"]] == ["quant"]
    assert plan["bytes"] > 5
    assert len(kinds(home)) == 4


def test_what_a_server_uses_stays_and_the_rest_goes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    used = next((home / "quant").glob("some-model-*"))
    other = entry(home, "quant", "other-model")
    me = Identity.of(os.getpid())
    state = State(
        key="8000",
        server=me,
        keeper=me,
        host="127.0.0.1",
        port=8000,
        phase=Phase.READY,
        resolved={"chat_model": str(used / "..") + f"/{used.name}"},
        started=0.0,
    )
    write_state(home, state)
    assert clean(home, "quant", "--yes") == 4
    assert used.is_dir()
    assert not other.exists()
    told = capsys.readouterr()
    assert "in use by a running server, stays" in told.out
    assert "just stop" in told.err


def test_while_a_launch_runs_whose_state_cannot_be_read_nothing_goes(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = home / "run" / "8000"
    place.mkdir(parents=True)
    (place / "state.json").write_text("{")
    before = kinds(home)
    claim = Claim.port(home, 8000)
    assert claim is not None
    assert clean(home, "all", "--yes") == 4
    assert f"what it uses is not known, so nothing is deleted until it has ended ({place}" in capsys.readouterr().err
    assert kinds(home) == before
    claim.close()
    assert clean(home, "all", "--yes") == 0


def test_what_is_being_made_stays_and_what_was_left_behind_goes(home: Path) -> None:
    being_made = home / "quant" / f"x-{'a' * 16}.partial-{os.getpid()}"
    left = home / "quant" / f"x-{'b' * 16}.partial-{os.getpid()}"
    for path in (being_made, left):
        path.mkdir()
        (path / "half").write_bytes(b"123")
    with locking.hold(locking.lock_of(home / "quant", home, "a" * 16), lambda: None):
        assert clean(home, "quant", "--yes") == 4
    assert being_made.is_dir()
    assert not left.exists()


def test_links_are_not_followed_and_foreign_things_stay(home: Path, tmp_path: Path) -> None:
    treasure = tmp_path / "treasure"
    treasure.mkdir()
    (treasure / "gold").write_text("mine")
    (home / "quant" / f"link-{'c' * 16}").symlink_to(treasure)
    inside = next((home / "quant").glob("some-model-*"))
    (inside / "link").symlink_to(treasure)
    (home / "quant" / "notes.txt").write_text("mine")
    (home / "quant" / "no-key").mkdir()
    assert clean(home, "quant", "--yes") == 0
    assert (treasure / "gold").read_text() == "mine"
    assert not inside.exists()
    assert (home / "quant" / f"link-{'c' * 16}").is_symlink()
    assert (home / "quant" / "notes.txt").exists()
    assert (home / "quant" / "no-key").is_dir()


def test_a_kind_that_is_a_link_leads_nowhere(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = tmp_path / "elsewhere"
    (home / "trt").rename(elsewhere)
    (home / "trt").symlink_to(elsewhere)
    assert clean(home, "engines", "--yes") == 0
    assert list((elsewhere / "engines").iterdir())
    assert "a link, which is not followed" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["/", "~", "/home", "."])
def test_an_odd_home_is_refused(
    place: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(Path(__file__).parents[3])
    assert command.run(["all", "--yes"], {"YAP_HOME": place}, None) == 3
    assert "YAP_HOME" in capsys.readouterr().err


@pytest.mark.parametrize("environ", [{}, {"HF_HUB_CACHE": "/big/hub"}])
def test_where_nothing_is_nothing_happens(
    tmp_path: Path, environ: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(["all"], {"YAP_HOME": str(tmp_path / "none"), **environ}, None) == 0
    assert "nothing to delete" in capsys.readouterr().out
    assert not (tmp_path / "none").exists()


def test_exports_kept_elsewhere_are_told_and_stay(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "disk"
    made = entry(home, str(elsewhere))
    assert command.run(["quant", "--yes"], {"YAP_HOME": str(home), "AWQ_CACHE_DIR": str(elsewhere)}, None) == 0
    assert made.is_dir()
    assert str(elsewhere) in capsys.readouterr().err


def test_what_cannot_be_deleted_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("shutil.rmtree", refuse)
    assert clean(home, "quant", "--yes") == 1
    assert "some-model" in capsys.readouterr().err
