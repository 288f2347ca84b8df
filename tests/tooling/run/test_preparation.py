"""Plans carried out: in which order, what the server gets of it, and what a failure leaves."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tooling.cache import Entry
from tooling.preparing import Step
from tooling.refusal import Refusal
from tooling.run.grammar import parse
from tooling.run.launch import check, decide
from tooling.run.making import Making
from tooling.run.plan import Plan
from tooling.run.preparation import Preparation

WORK = """
import json, pathlib, sys
job = json.load(open(sys.argv[1]))
with open(job["diary"], "a") as diary:
    diary.write(job["name"] + chr(10))
if job.get("fails"):
    print("it went wrong"); sys.exit(1)
pathlib.Path(sys.argv[1]).with_name("result.json").write_text(json.dumps(job.get("answer", {})))
"""


def step(tmp_path: Path, name: str, *, entry: bool = False, **more: Any) -> Step:
    told: dict[str, Any] = {key: more.pop(key) for key in ("fails", "answer") if key in more}
    return Step(
        name=name,
        title=f"a {name}",
        program=(sys.executable, "-IS", "-c", WORK),
        job={"name": name, "diary": str(tmp_path / "diary"), **told},
        entry=Entry(kind="quant", name=name, recipe={}) if entry else None,
        **more,
    )


def preparation(tmp_path: Path, *steps: Step, line: str = "o/c", **changed: str) -> Preparation:
    launch = decide(parse(["--cpu", *line.split()]), {"TEXT_API_KEY": "hush"}, "made-up")
    plan = Plan(
        launch=launch,
        settings=check(launch),
        home=tmp_path / "home",
        log=tmp_path / "server.log",
        making=Making(steps=steps, changed=changed),
        resolved={"chat_model": "o/c"},
    )
    return Preparation(plan, lambda kinds, home, say: {"toy": tmp_path / "toy"})


def done(tmp_path: Path) -> list[str]:
    diary = tmp_path / "diary"
    return diary.read_text().split() if diary.exists() else []


def test_steps_are_carried_out_in_order_and_the_server_gets_what_came_of_them(tmp_path: Path) -> None:
    said: list[str] = []
    steps = [step(tmp_path, "fetch", answer={"path": "/somewhere"}), step(tmp_path, "quantise", entry=True)]
    prepared = preparation(tmp_path, *steps, CHAT_MODEL="/made")(said.append)
    assert done(tmp_path) == ["fetch", "quantise"]
    assert (prepared.environ["CHAT_MODEL"], prepared.environ["TEXT_API_KEY"], prepared.code) == ("/made", "hush", 0)
    assert prepared.resolved == {"chat_model": "/made"}
    assert [line for line in said if line.endswith("...")] == ["a fetch ...", "a quantise ..."]


def test_what_is_made_already_is_not_made_again(tmp_path: Path) -> None:
    prepare = preparation(tmp_path, step(tmp_path, "quantise", entry=True))
    prepare(lambda line: None)
    prepare(lambda line: None)
    assert done(tmp_path) == ["quantise"]


def test_a_step_that_fails_ends_it_with_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="it went wrong") as caught:
        preparation(tmp_path, step(tmp_path, "quantise", fails=True), step(tmp_path, "push"))(print)
    assert caught.value.exit_code == 1
    assert done(tmp_path) == ["quantise"]


@pytest.mark.parametrize("failure", [{"fails": True}, {"answer": {"refusal": "403, no write access", "code": 3}}])
def test_a_push_that_fails_is_told_and_the_server_serves(tmp_path: Path, failure: dict[str, Any]) -> None:
    said: list[str] = []
    prepared = preparation(tmp_path, step(tmp_path, "push", **failure))(said.append)
    assert prepared.code == 7
    assert "just push repeats it" in said[-1]


def test_what_the_hub_refuses_is_told_with_its_own_code(tmp_path: Path) -> None:
    refused = step(tmp_path, "fetch", answer={"refusal": "gated", "code": 3})
    with pytest.raises(Refusal, match="gated") as caught:
        preparation(tmp_path, refused)(print)
    assert caught.value.exit_code == 3


def test_beside_a_running_server_everything_is_made_that_needs_no_gpu_and_nothing_twice(tmp_path: Path) -> None:
    said: list[str] = []
    steps = [
        step(tmp_path, "fetch", answer={"path": "/somewhere"}),
        step(tmp_path, "quantise", entry=True, needs_gpu=True),
        step(tmp_path, "push"),
    ]
    rest = preparation(tmp_path, *steps).beside(said.append)
    assert done(tmp_path) == ["fetch"]
    assert said[-1] == "a quantise: has to be made on the GPU, so the running server is stopped first"
    rest(said.append)
    assert done(tmp_path) == ["fetch", "quantise", "push"]


def test_what_needs_a_gpu_and_is_there_does_not_stop_a_server_early(tmp_path: Path) -> None:
    made = step(tmp_path, "quantise", entry=True, needs_gpu=True)
    preparation(tmp_path, made)(print)
    said: list[str] = []
    rest = preparation(tmp_path, made, step(tmp_path, "push")).beside(said.append)
    assert rest.done == 1
    assert not any("stopped first" in line for line in said)


def test_demo_models_are_served_from_where_they_were_made(tmp_path: Path) -> None:
    prepared = preparation(tmp_path, line="")(print)
    assert prepared.environ["CHAT_MODEL"] == str(tmp_path / "toy")
    assert json.dumps(prepared.resolved) == json.dumps({"chat_model": str(tmp_path / "toy")})
