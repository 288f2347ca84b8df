"""The set-up's command line: what it refuses, and how it ends when something fails."""

import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tooling.setup import command, onward
from tooling.setup.project import Project


@pytest.fixture
def elsewhere(checkout: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The command, with another checkout to work on and signals left as they are."""
    monkeypatch.setattr(command, "ROOT", checkout.root)
    monkeypatch.setattr(signal, "signal", lambda number, action: None)
    return checkout


def test_a_target_with_a_word_too_much_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        command.run(["cpu", "vllm"], {})
    assert end.value.code == 2
    assert "one target at a time; vllm is too much" in capsys.readouterr().err


def test_what_the_disk_refuses_is_told_and_no_traceback(elsewhere: Project, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere.root / ".venvs").write_text("a file where a folder should be")
    assert command.run(["cpu"], {}) == 1
    assert "setup: FAILED: [Errno 17] File exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raised", "ends"),
    [
        (KeyboardInterrupt(), (130, "interrupted")),
        (command.Terminated(15), (143, "terminated")),
        (OSError(28, "No space left on device"), (1, "No space")),
    ],
)
def test_however_it_is_ended_it_says_so_in_a_line(
    elsewhere: Project,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    raised: BaseException,
    ends: tuple[int, str],
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise raised

    monkeypatch.setattr(command, "set_up", fail)
    assert command.run(["cpu"], {}) == ends[0]
    assert ends[1] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "gpu", "made"),
    [
        ([], False, ["cpu"]),
        (["dev"], False, ["cpu+dev"]),
        (["tool"], False, ["cpu"]),
        (["tool"], True, ["vllm", "quant"]),
        (["vllm"], True, ["vllm", "quant"]),
        (["vllm", "--no-gpu", "--dev"], False, ["vllm+dev", "quant"]),
        (["quant"], False, ["quant"]),
    ],
)
def test_which_environments_a_target_makes(
    elsewhere: Project, monkeypatch: pytest.MonkeyPatch, words: list[str], gpu: bool, made: list[str]
) -> None:
    seen = []

    def note(project: Project, target: str, *, dev: bool = False, **_: Any) -> None:
        seen.append(target + "+dev" * dev)

    monkeypatch.setattr(command, "set_up", note)
    monkeypatch.setattr(command, "GPU_DEVICE", Path("/dev/null") if gpu else elsewhere.root / "none")
    assert command.run(words, {}) == 0
    assert seen == made


def test_vllm_without_a_gpu_is_refused(
    elsewhere: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "GPU_DEVICE", elsewhere.root / "none")
    assert command.run(["vllm"], {}) == 3
    assert "no NVIDIA GPU here" in capsys.readouterr().err
    assert sys.platform.startswith("linux")


def make_environments(root: Path, names: set[str]) -> None:
    for name in names:
        python = root / ".venvs" / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.symlink_to(sys.executable)
        python.parents[1].joinpath("set-up.json").write_text("{}")


@pytest.mark.parametrize(
    ("words", "there", "made", "runs"),
    [
        ("cpu --then m a", (), ["cpu"], "cpu"),
        ("vllm --then m org/m --port 9000", ("gpu",), ["vllm", "quant"], "vllm"),
        ("vllm --then m", ("gpu", "cpu"), ["vllm", "quant"], "vllm"),
        ("cpu --quant --then m", ("cpu",), ["cpu", "quant"], "cpu"),
        ("cpu --any --then m", (), ["cpu"], "cpu"),
        ("cpu --any --then m", ("cpu", "vllm"), ["cpu"], "cpu"),
        ("cpu --any --then m", ("vllm",), [], "vllm"),
        ("vllm --then m org/m --plan", (), [], ""),
        ("vllm --then m --plan", ("gpu",), [], ""),
        ("vllm --then m --plan", ("gpu", "trt"), [], "trt"),
        ("vllm --then m -h", ("cpu",), [], "cpu"),
        ("vllm --then m --help", ("cpu", "vllm"), [], "vllm"),
        ("cpu --dev --then m --help", (), [], ""),
        ("trt --ask --then m 4bit org/m --plan", ("cpu",), [], "cpu"),
        ("trt --ask --then m -h", ("trt",), [], "trt"),
        ("cpu --quant --then m 8bit org/m --plan", ("cpu",), [], "cpu"),
        ("cpu --any --then m --quant --dry-run", ("vllm",), [], "vllm"),
    ],
)
def test_a_program_follows_in_its_environment_and_nothing_is_installed_for_help_and_plans(
    elsewhere: Project,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    there: tuple[str, ...],
    made: list[str],
    *,
    runs: str,
) -> None:
    seen: list[str] = []
    became: list[tuple[Path, list[str]]] = []

    def become(python: Path, words: list[str], _: object) -> int:
        became.append((python, words))
        return 0

    monkeypatch.setattr(command, "set_up", lambda project, target, **_: seen.append(target))
    monkeypatch.setattr(onward, "become", become)
    monkeypatch.setattr(command, "GPU_DEVICE", Path("/dev/null") if "gpu" in there else elsewhere.root / "none")
    make_environments(elsewhere.root, {*there} - {"gpu"})
    assert command.run(words.split(), {}) == 0
    assert seen == made
    python, given = elsewhere.root / ".venvs" / runs / "bin" / "python", words.split("--then ")[1].split()
    assert became == ([(python, given)] if runs else [])


def test_where_nothing_is_installed_a_plan_is_the_set_up(
    elsewhere: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(["vllm", "--then", "tooling.run", "--plan"], {}) == 0
    assert "`just setup vllm` makes .venvs/vllm (20 GB of room)" in capsys.readouterr().out
    assert command.run(["vllm", "--then", "tooling.run", "--plan", "--json"], {}) == 3
    assert command.run(["cpu", "--then", "tooling.stop", "--help"], {}) == 0
    assert "help installs nothing" in capsys.readouterr().out
    assert not (elsewhere.root / ".venvs").exists()


@pytest.mark.parametrize("target", [["vllm"], ["trt", "--ask"]])
def test_a_launch_is_refused_as_ever(elsewhere: Project, monkeypatch: pytest.MonkeyPatch, target: list[str]) -> None:
    monkeypatch.setattr(command, "GPU_DEVICE", elsewhere.root / "none")
    assert command.run([*target, "--then", "m", "org/m", "--detach"], {}) == 3
    assert not (elsewhere.root / ".venvs").exists()
