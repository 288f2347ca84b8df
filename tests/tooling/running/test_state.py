"""What launches write down: read back, refused where it is nothing of ours, and never a traceback."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.keeper.record import Record
from tooling.refusal import Refusal
from tooling.running import (
    Claim,
    Exit,
    Identity,
    Phase,
    State,
    StateUnreadable,
    every_state,
    in_use,
    read_state,
    write_state,
)
from tooling.running.choosing import named_or_only
from tooling.running.registry import remove_state
from tooling.running.state import decode, duration, encode

DEAD = Identity(2**22, 1, "another boot")


def state(key: str = "8000", keeper: Identity = DEAD, **more: object) -> State:
    """A launch, of this very process where `keeper` says so."""
    fields = {"host": "0.0.0.0", "port": 8000, "phase": Phase.READY, "started": 1.5, **more}
    return State(key=key, keeper=keeper, **fields)  # type: ignore[arg-type]


def me() -> Identity:
    """A process that lives."""
    return Identity.of(os.getpid())


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = state(
        server=me(),
        requested={"words": ["chat", "a/b"], "deep": {"er": [1, None]}},
        resolved={"chat_model": "a/b"},
        exit=Exit(code=137, why="killed", at=2.5, signal="SIGKILL"),
    )
    write_state(tmp_path, written)
    assert read_state(tmp_path, 8000) == written
    assert every_state(tmp_path) == (written,)
    assert (tmp_path / "run/8000/server.pid").read_text() == f"{os.getpid()}\n"
    assert sorted(os.listdir(tmp_path / "run/8000")) == ["server.pid", "state.json"]
    remove_state(tmp_path, "8000")
    assert not (tmp_path / "run/8000").exists()
    assert read_state(tmp_path, 8000) is None
    assert every_state(tmp_path / "nowhere") == ()


@pytest.mark.parametrize("name", ["TEXT_API_KEY", "HF_TOKEN"])
def test_no_secret_is_ever_written(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        state(requested={"environment": [{name: "x"}]})
    with pytest.raises(ValueError, match=name):
        state(resolved={name: None})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b'{"schema": 1, "key": "80', "no state of a launch"),
        (b'{"schema": 2, "all": "new"}', "written by a newer version"),
        (b'{"schema": 1}', "missing required field `key`"),
        (b"\xff\xfe\x00", "no state of a launch"),
        (b"[" * 100_000, "no state of a launch"),
        (b"[]", "no state of a launch"),
        (encode(state(key="9000")), "'9000', copied here"),
        (encode(state()).replace(b'"ready"', b'"flying"'), "no state of a launch"),
        (encode(state()).replace(b'"pid": 4194304', b'"pid": -1'), "no state of a launch"),
        (encode(state()).replace(b'"requested": {}', b'"requested": {"HF_TOKEN": "x"}'), "no state of a launch"),
    ],
)
def test_a_file_that_says_nothing_is_told_as_that(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "run/8000/state.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(StateUnreadable, match=why) as told:
        read_state(tmp_path, 8000)
    assert str(path) in str(told.value)
    (found,) = every_state(tmp_path)
    assert isinstance(found, StateUnreadable)
    assert in_use(tmp_path) == frozenset()


def test_a_directory_where_the_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "run/8000/state.json").mkdir(parents=True)
    with pytest.raises(StateUnreadable, match="Is a directory"):
        read_state(tmp_path, 8000)


@given(cut=st.integers(0, 2000), noise=st.binary(max_size=8))
def test_no_damage_is_a_traceback(cut: int, noise: bytes) -> None:
    content = encode(state())
    damaged = content[:cut] + noise + content[cut + len(noise) :]
    try:
        found: State | str = decode(damaged, Path("state.json"))
    except StateUnreadable as told:
        found = str(told)
    assert isinstance(found, State) or "\n" not in found


def test_what_living_launches_name_is_in_use(tmp_path: Path) -> None:
    named = {"chat": {"path": "/models/a", "parts": ["/models/b", "relative", 3]}}
    write_state(tmp_path, state(keeper=me(), resolved=named))
    write_state(tmp_path, state("9000", resolved={"path": "/models/of-a-dead-one"}))
    assert in_use(tmp_path) == {Path("/models/a"), Path("/models/b")}


def test_which_launch_is_meant(tmp_path: Path) -> None:
    assert named_or_only(tmp_path, None, "stop") is None
    write_state(tmp_path, state("9000"))
    assert named_or_only(tmp_path, None, "stop") is None, "it does not run"
    assert named_or_only(tmp_path, "9000", "stop") is not None
    write_state(tmp_path, one := state(keeper=me()))
    assert named_or_only(tmp_path, None, "stop") == one
    write_state(tmp_path, state("10000", keeper=me()))
    with pytest.raises(Refusal, match=r"just stop --port 8000 .*\n.*just stop --port 10000") as refused:
        named_or_only(tmp_path, None, "stop")
    assert refused.value.exit_code == 2


def test_only_one_has_a_claim(tmp_path: Path) -> None:
    first = Claim.port(tmp_path, 8000)
    assert first is not None
    assert Claim.port(tmp_path, "8000") is None
    assert Claim.port(tmp_path, 8001) is not None
    log = Claim.log(tmp_path, tmp_path / "server.log")
    assert log is not None
    (tmp_path / "link").symlink_to(tmp_path)
    assert Claim.log(tmp_path, tmp_path / "link" / "server.log") is None, "the same file by another way"
    first.close()
    assert Claim.port(tmp_path, 8000) is not None


def test_stale_is_what_claims_to_run_and_does_not() -> None:
    assert state().is_stale()
    assert not state(phase=Phase.STOPPED).is_stale()
    assert not state(keeper=me()).is_stale()
    assert not state(server=me()).is_stale(), "its keeper alone was killed"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3661, "1 h 1 min"), (90000, "1 d 1 h"), (86400, "1 d")],
)
def test_durations_for_people(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_names_of_files_need_not_be_text(tmp_path: Path) -> None:
    odd = state(requested={"path": os.fsdecode(b"/models/\xff\xfe")}, log="/logs/\u2028\n/server.log")
    write_state(tmp_path, odd)
    assert read_state(tmp_path, 8000) == odd


def test_the_file_is_plain_json(tmp_path: Path) -> None:
    write_state(tmp_path, state())
    assert json.loads((tmp_path / "run/8000/state.json").read_text())["schema"] == 1


def test_a_launch_that_takes_another_name_is_never_without_a_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tooling.keeper.record.RETRY_S", 0.0)
    record = Record(tmp_path, state("0-7", me()))
    record.begin()
    (tmp_path / "run/9000").write_text("in the way of a directory")
    record.change(key="9000", port=9000)
    assert [one.key for one in every_state(tmp_path) if isinstance(one, State)] == ["0-7"]
    (tmp_path / "run/9000").unlink()
    record.settle()
    assert [one.key for one in every_state(tmp_path) if isinstance(one, State)] == ["9000"]
    assert os.listdir(tmp_path / "run") == ["9000"]
    write_state(tmp_path, state("0-7", me()))
    assert named_or_only(tmp_path, None, "stop") == record.state, "the moment in which both are there"
