"""What one environment is made of, stage by stage; a stage whose key is on record is not done again."""

import hashlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tooling.setup import tensorrt, uv
from tooling.setup.environment import Environment, require_space
from tooling.setup.errors import UsageError
from tooling.setup.installer import Installer
from tooling.setup.progress import Progress
from tooling.setup.project import Project, pinned, pins_of
from tooling.setup.wheels import install_torch, require_gpu_build
from tooling.setup.wholeness import discard_damaged

SPACE_BYTES = {"cpu": 4_000_000_000, "vllm": 20_000_000_000, "trt": 25_000_000_000, "quant": 2_500_000_000}
# NVIDIA's libraries come with the GPU's torch.
GPU_TORCH_BYTES = 9_000_000_000
TARGETS = tuple(SPACE_BYTES)


@dataclass(frozen=True)
class Stage:
    """One thing to install. `key` changes exactly when what it installs does."""

    name: str
    title: str
    key: str
    run: Callable[[Installer], None]


def plan(project: Project, target: str, *, dev: bool, bench: bool = False, gpu: bool = False) -> tuple[Stage, ...]:
    """The stages of a target in order; `dev` adds the linters and test tools, `bench` the rivals in benchmarks.

    `gpu`: whether what runs on either (the target `quant`) gets the torch of the GPU.
    """
    if target not in TARGETS:
        raise UsageError(f"{target!r} is not a target; choose one of {', '.join(TARGETS)}")
    if target == "quant":
        return _quant(project, gpu=gpu)
    stages = MAKERS[target](project)
    wanted = (("dev", "test tools", dev), ("bench", "packages for benchmarks", bench))
    added = [_locked(project, name, what) for name, what, is_wanted in wanted if is_wanted]
    return (*stages, *added, _editable(project))


def set_up(
    project: Project,
    target: str,
    progress: Progress,
    *,
    environ: Mapping[str, str],
    dev: bool = False,
    bench: bool = False,
    gpu: bool = False,
    interpreter: str = sys.executable,
) -> Environment:
    """Bring `.venvs/<target>` up to date and return it; `environ`: where uv and its settings are looked for.

    Raises `SetupError`; a second run goes on where it failed.
    """
    stages = plan(project, target, dev=dev, bench=bench, gpu=gpu)
    environment = Environment(project.root / ".venvs" / target)
    with environment.locked(progress) as lock:
        sound = environment.sound()
        record = environment.record() if sound else {}
        missing = [stage for stage in stages if record.get(stage.name) != stage.key]
        if not missing:
            return environment
        progress.expect(len(missing) + (not sound))
        fast = uv.find(environ, str(environment.python) if sound else interpreter, progress)
        if not sound:
            room = SPACE_BYTES[target] + (GPU_TORCH_BYTES if target == "quant" and gpu else 0)
            require_space(environment.path.parent, room)
            with progress.step(f"virtual environment .venvs/{target}"):
                environment.make(interpreter, fast)
        elif broken := discard_damaged(environment.path):
            progress.say(f"installed by halves, so once more: {', '.join(broken)}")
        installer = Installer(environment.python, progress, uv=fast, holding=(lock,))
        for stage in missing:
            # Off the record first: one that is cut short leaves neither the old packages nor the new ones for certain.
            record.pop(stage.name, None)
            environment.keep(record)
            with progress.step(stage.title):
                stage.run(installer)
            record[stage.name] = stage.key
            environment.keep(record)
    return environment


def _cpu(project: Project) -> tuple[Stage, ...]:
    version = project.torch_version()
    torch = Stage("torch", f"torch {version} for the CPU", version, lambda pip: install_torch(pip, version))
    return torch, _locked(project, "cpu", "packages")


def _vllm(project: Project) -> tuple[Stage, ...]:
    return _gpu_torch(project), _locked(project, "vllm", "packages")


def _trt(project: Project) -> tuple[Stage, ...]:
    extra = project.engine("trt")
    version = pinned(extra, "torch")
    wanted = [*extra, *project.dependencies(), *project.build_requirements()]
    return (
        Stage("torch", f"torch {version} for CUDA 13", version, lambda pip: tensorrt.install_torch(pip, version)),
        Stage("packages", "TensorRT-LLM", _key(*wanted), lambda pip: tensorrt.install_library(pip, *wanted)),
    )


def _quant(project: Project, *, gpu: bool) -> tuple[Stage, ...]:
    """Without the project itself: its workers are run from the checkout and need none of its dependencies."""
    version = pinned(project.engine("quant"), "torch")
    on_cpu = Stage("torch", f"torch {version} for the CPU", version, lambda pip: install_torch(pip, version))
    locked = _locked(project, "quant", "packages")
    return (_gpu_torch(project), _torchvision(project), locked) if gpu else (on_cpu, locked)


def _torchvision(project: Project) -> Stage:
    """transformers wants it where a model's experts are taken apart. Its build for CUDA fits that torch alone."""
    version = project.pins("vllm")["torchvision"]
    return Stage(
        "torchvision",
        f"torchvision {version}",
        version,
        lambda pip: pip.install("--no-deps", f"torchvision=={version}"),
    )


def _gpu_torch(project: Project) -> Stage:
    """torch and NVIDIA's libraries, the same for everything on a GPU, so that they are fetched once."""
    lock = _locked(project, "cuda", "packages")
    version = project.pins("cuda")["torch"]

    def install(pip: Installer) -> None:
        require_gpu_build(pip, version)
        lock.run(pip)

    return Stage("torch", f"torch {version} for CUDA", lock.key, install)


MAKERS: dict[str, Callable[[Project], tuple[Stage, ...]]] = {"cpu": _cpu, "vllm": _vllm, "trt": _trt}


def _locked(project: Project, name: str, what: str) -> Stage:
    lock = project.lock(name)
    text = lock.read_text("utf-8")
    count = len(pins_of(text))
    # Without dependencies: vLLM's list names packages for sound and video, which text never uses (`resolve.LEFT_OUT`).
    return Stage(
        f"lock-{name}",
        f"{count} {what}",
        _key(text),
        lambda pip: pip.install("--no-deps", "-r", str(lock), expected=count),
    )


def _editable(project: Project) -> Stage:
    # The location is part of the key: a moved or copied checkout would otherwise run the code of the old one.
    key = _key((project.root / "pyproject.toml").read_text("utf-8"), str(project.root))
    arguments = ("--no-deps", "--no-build-isolation", "--editable", str(project.root))
    return Stage("project", "this project", key, lambda pip: pip.install(*arguments))


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


__all__ = ["TARGETS", "Stage", "plan", "set_up"]
