"""What a launch will do: fetched, made, uploaded, served, refused. Nothing is looked at or carried out here."""

import os
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from tests.tooling.quantize.shapes import COMMIT, LLAMA, model
from tests.tooling.trt.machine import H100, around
from tooling.models import Model
from tooling.quantize import export
from tooling.refusal import CONFLICT, FAILED, REFUSED, USAGE, Refusal, joined
from tooling.run import plan as planning
from tooling.run.disk import Need, Room, complaints
from tooling.run.facts import Facts
from tooling.run.grammar import parse
from tooling.run.launch import check, decide
from tooling.run.making import SLOW
from tooling.run.plan import Plan, log_of, plan
from tooling.running import Identity, Phase, State

NAME = "org/Some-Model-8B"
AWQ = model({**LLAMA, "quantization_config": {"quant_method": "awq"}})
TOKEN = {"HF_TOKEN": "hf_hush"}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if `just setup quant` had been run, on disks that are large enough."""
    monkeypatch.setattr(export, "require_environment", lambda: None)
    monkeypatch.setattr(planning, "too_small", lambda needs: [])


def planned(line: str, tmp_path: Path, found: Model | None = None, **given: Any) -> Plan:
    environ = {"HF_HOME": str(tmp_path / "hf"), "YAP_HOME": str(tmp_path), **given.pop("environ", {})}
    launch = decide(parse(line.split()), environ, "made-up")
    is_on_gpu = launch.target in ("vllm", "trt")
    facts = Facts(
        models={"CHAT_MODEL": found or model()},
        gpus=(H100,) if is_on_gpu else (),
        around=around(tmp_path) if launch.target == "trt" else None,
        **given,
    )
    return plan(launch, check(launch), facts, tmp_path, tmp_path)


def names(made: Plan) -> list[str]:
    return [step.name for step in made.steps]


def form_of_push(made: Plan) -> object:
    order = made.steps[-1].job["order"]
    return order["form"] if isinstance(order, dict) else None


def said(made: Plan) -> str:
    return "\n".join(str(refusal) for refusal in made.refusals)


def test_a_float_model_is_fetched_and_served_at_the_commit_it_was_looked_up_at(tmp_path: Path) -> None:
    made = planned(f"--vllm {NAME}", tmp_path)
    assert (names(made), made.refusals) == (["fetch"], ())
    assert (made.environ["CHAT_MODEL"], made.environ["CHAT_REVISION"]) == (NAME, COMMIT)
    assert made.resolved["chat_revision"] == COMMIT


def test_what_is_on_this_machine_is_not_fetched(tmp_path: Path) -> None:
    snapshot = tmp_path / "hf" / "hub" / "models--org--Some-Model-8B" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for name, _ in model().listing:
        (snapshot / name).write_text("")
    assert names(planned(f"--vllm {NAME}", tmp_path)) == []
    assert names(planned(f"--vllm {NAME}", tmp_path, evolve(model(), from_cache=True))) == ["fetch"]
    (snapshot / "model.safetensors").unlink()
    (step,) = planned(f"--vllm {NAME}", tmp_path).steps
    assert step.disk_bytes == dict(model().listing)["model.safetensors"]


def test_4bit_makes_an_export_and_serves_that(tmp_path: Path) -> None:
    made = planned(f"--vllm 4bit {NAME}", tmp_path)
    assert (names(made), made.refusals, made.needs_gpu) == (["fetch", "quantise"], (), True)
    export = made.steps[1].makes(tmp_path)
    assert made.environ["CHAT_MODEL"] == str(export)
    assert (made.environ["CHAT_REVISION"], made.environ["CHAT_QUANTIZATION"]) == ("", "auto")
    assert made.launch.requested.variables["CHAT_QUANTIZATION"] == "4bit"


def test_8bit_is_made_while_vllm_loads_unless_it_is_pushed(tmp_path: Path) -> None:
    made = planned(f"--vllm 8bit {NAME}", tmp_path)
    assert (names(made), made.environ["CHAT_QUANTIZATION"]) == (["fetch"], "8bit")
    pushed = planned(f"--vllm 8bit --push-quant --repo me/it {NAME}", tmp_path, environ=TOKEN)
    assert (names(pushed), pushed.refusals) == (["fetch", "quantise", "push"], ())
    assert form_of_push(pushed) == "FP8_DYNAMIC"
    assert pushed.environ["CHAT_QUANTIZATION"] == "auto"
    assert "hush" not in repr(pushed.steps)


@pytest.mark.parametrize("word", ["4bit", "awq", "auto"])
def test_what_is_quantised_already_is_used_as_it_is(tmp_path: Path, word: str) -> None:
    made = planned(f"--vllm {word} {NAME}", tmp_path, AWQ)
    assert (names(made), made.refusals) == (["fetch"], ())
    assert made.environ["CHAT_MODEL"] == NAME
    assert ("already 4-bit (AWQ), used as it is" in made.notes) is (word != "auto")


def test_8bit_of_a_4_bit_model_warns(tmp_path: Path) -> None:
    assert any("8bit was asked for" in note for note in planned(f"--vllm 8bit {NAME}", tmp_path, AWQ).notes)


def test_8_bit_floats_on_a_cpu_are_said_to_be_slow(tmp_path: Path) -> None:
    fp8 = model({**LLAMA, "quantization_config": {"quant_method": "fp8"}})
    for line, found, is_slow in (("8bit", None, True), ("", fp8, True), ("8bit", AWQ, False), ("", None, False)):
        assert (SLOW in planned(f"--cpu {line} {NAME}", tmp_path, found).notes) is is_slow
        assert SLOW not in planned(f"--vllm {line} {NAME}", tmp_path, found).notes


@pytest.mark.parametrize(
    ("line", "found", "text"),
    [
        ("--vllm none", AWQ, "CHAT_QUANTIZATION is none"),
        ("--vllm gptq", model(), "CHAT_QUANTIZATION is gptq"),
        ("--vllm gptq", AWQ, "CHAT_QUANTIZATION is gptq"),
        ("--cpu 4bit", model(), "needs a GPU"),
        ("--vllm 4bit --push-quant", AWQ, "is quantised already (awq) and nothing is made of it here"),
        ("--vllm --push-quant", model(), "4bit or 8bit says what to make"),
        ("--vllm 4bit --push-quant", model(), "--push-quant needs HF_TOKEN"),
        ("--vllm 4bit --push-quant", model(), "--push-quant needs HF_PUSH_REPO_ID"),
        ("--vllm gptq --push-quant", model(), "--push-quant needs HF_TOKEN"),
        ("--cpu --log-file no/such/place.log", model(), "place.log cannot be written"),
        ("--cpu --log-file .", model(), "cannot be written: name another file"),
        ("--trt 4bit", model(), "TRT_MAX_BATCH_SIZE"),
        ("--trt 4bit --push-engine", model(), "TRT_MAX_BATCH_SIZE"),
        ("--cpu --engine scripted --push-quant", model(), "makes nothing that could be pushed"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, line: str, found: Model, text: str) -> None:
    made = planned(f"{line} {NAME}", tmp_path, found)
    assert text in said(made)
    assert {refusal.exit_code for refusal in made.refusals} == {REFUSED}


def test_gpu_and_environment_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise Refusal("nothing here can quantise", REFUSED)

    monkeypatch.setattr(export, "require_environment", missing)
    told = said(planned(f"--cpu 4bit {NAME}", tmp_path, model(), is_planning=False))
    assert "needs a GPU" in told
    assert "nothing here can quantise" in told


def test_a_push_is_refused_even_where_its_model_could_not_be_looked_at(tmp_path: Path) -> None:
    launch = decide(parse(["--vllm", "4bit", NAME, "--push-quant"]), {"YAP_HOME": str(tmp_path)}, "made-up")
    made = plan(launch, check(launch), Facts(trouble=(Refusal("not found", REFUSED),)), tmp_path, tmp_path)
    assert "not found\n--push-quant needs HF_TOKEN" in said(made)
    assert "nothing is made" not in said(made)


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    launch = decide(parse(["--cpu", NAME]), {}, "made-up")
    made = plan(launch, check(launch), Facts(), tmp_path / "home" / "yap", tmp_path)
    assert "cannot be written: name another directory" in said(made)


def test_a_plan_of_what_needs_a_gpu_is_made_without_one(tmp_path: Path) -> None:
    launch = decide(parse(["--vllm", "4bit", NAME]), {"YAP_HOME": str(tmp_path)}, "made-up")
    facts = Facts(models={"CHAT_MODEL": model()}, is_planning=True)
    made = plan(launch, check(launch), facts, tmp_path, tmp_path)
    assert (names(made), made.refusals) == (["fetch", "quantise"], ())


def test_tensorrt_llm_makes_checkpoint_and_engine_and_serves_that(tmp_path: Path) -> None:
    made = planned(f"--trt 4bit {NAME} --trt-max-batch-size 16", tmp_path)
    assert (names(made), made.refusals) == (["fetch", "checkpoint", "engine"], ())
    assert made.environ["TRT_ENGINE_DIR"] == str(made.steps[2].makes(tmp_path))
    assert made.environ["CHAT_MODEL"] == NAME
    fetched = made.making.located({NAME: Path("/snapshots/it")})
    assert "/snapshots/it" in str(fetched.steps[1].job)
    assert [step.name for step in fetched.steps] == names(made)


def test_what_is_pushed_of_tensorrt_llm_comes_after_it_is_made(tmp_path: Path) -> None:
    line = f"--trt 4bit {NAME} --trt-max-batch-size 16 --push-quant --repo me/it"
    made = planned(line, tmp_path, environ=TOKEN)
    assert (names(made), made.refusals) == (["fetch", "checkpoint", "engine", "push"], ())
    assert form_of_push(made) == "int4_awq"
    places = [str(made.steps[number].makes(tmp_path)) for number in (1, 2)]
    assert all(place in str(made.steps[3].job) for place in places)


def test_a_rebuild_makes_what_is_there_anew(tmp_path: Path) -> None:
    assert all(step.anew for step in planned(f"--vllm 4bit {NAME} --force-rebuild", tmp_path).steps[1:])


def test_a_second_model_is_fetched_before_anything_is_made(tmp_path: Path) -> None:
    launch = decide(parse(["--vllm", "4bit", NAME, "org/tool"]), {"YAP_HOME": str(tmp_path)}, "made-up")
    tool = evolve(model(), name="org/tool")
    facts = Facts(models={"CHAT_MODEL": model(), "TOOL_MODEL": tool}, gpus=(H100,))
    made = plan(launch, check(launch), facts, tmp_path, tmp_path)
    assert names(made) == ["fetch", "fetch", "quantise"]
    assert made.environ["TOOL_REVISION"] == COMMIT


def living(tmp_path: Path, port: int) -> State:
    return State(
        key=str(port),
        host="127.0.0.1",
        port=port,
        phase=Phase.READY,
        keeper=Identity.of(os.getpid()),
        log=str(tmp_path / "server.log"),
        started=0.0,
    )


def test_the_log_is_beside_that_of_another_server_and_never_in_it(tmp_path: Path) -> None:
    here = check(decide(parse(["--cpu", "--port", "9001"]), {}, "k"))
    assert log_of(here, (), tmp_path) == tmp_path / "server.log"
    assert log_of(here, (living(tmp_path, 9000),), tmp_path) == tmp_path / "server-9001.log"
    named = check(decide(parse(["--cpu", "--log-file", "mine.log"]), {}, "k"))
    assert log_of(named, (living(tmp_path, 9000),), tmp_path) == tmp_path / "mine.log"


@pytest.mark.parametrize(
    ("codes", "code"),
    [([REFUSED, USAGE], USAGE), ([CONFLICT, REFUSED], REFUSED), ([CONFLICT], CONFLICT), ([FAILED], FAILED)],
)
def test_of_several_refusals_all_are_told_with_the_weightiest_code(codes: list[int], code: int) -> None:
    refusal = joined(tuple(Refusal(f"reason {number}", number) for number in codes))
    assert refusal.exit_code == code
    assert str(refusal).splitlines() == [f"reason {number}" for number in codes]


def test_a_disk_that_is_too_small_is_told_once_with_all_that_goes_there() -> None:
    needs = [Need("one", Path("/a/x"), 3 * 10**9), Need("two", Path("/a/y"), 10**9), Need("three", Path("/b"), 10**9)]
    found = complaints(needs, lambda place: Room(1 if str(place).startswith("/a") else 2, 4 * 10**9))
    (told,) = map(str, found)
    assert "4.0 GB are free, and this needs one 3.0 GB, two 1.0 GB" in told
    assert not complaints([Need("none", Path("/a"), 0)], lambda place: Room(1, 0))
    assert not complaints(needs, lambda place: None)
