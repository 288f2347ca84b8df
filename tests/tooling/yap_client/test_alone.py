"""The library as others install it: its wheel, what it needs, its README's examples, types for its users."""

import ast
import re
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
import trio

from tests.runtime.serving import says, serving

ROOT = Path(__file__).parents[3]
LIBRARY = ROOT / "tooling" / "yap_client"
NEEDED = ("attr", "attrs", "websockets")
TRIO = ("trio", "outcome", "sniffio", "sortedcontainers", "idna")
HEAVY = {
    "numpy",
    "torch",
    "transformers",
    "msgspec",
    "structlog",
    "trio_websocket",
    "hypothesis",
    "tooling",
    "protocol",
}


def examples() -> dict[str, str]:
    """The README's programs by flavour."""
    found = re.findall(r"```python\n(.*?)```", (LIBRARY / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return {"trio" if "over_trio" in program else "asyncio": program for program in found}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=LIBRARY, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds and what it says it needs, trio among it, and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    for name in (*NEEDED, *TRIO):
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        (folder / name).symlink_to(Path(spec.origin).parent)
    return folder


def test_the_wheel_holds_the_package_its_types_and_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        told = next(archive.read(name).decode() for name in names if name.endswith("METADATA"))
    modules = {f"yap_client/{path.relative_to(LIBRARY).as_posix()}" for path in LIBRARY.rglob("*.py")}
    assert {name for name in names if ".dist-info/" not in name} == modules | {"yap_client/py.typed"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    needs = sorted(line.partition(": ")[2] for line in told.splitlines() if line.startswith("Requires-Dist"))
    assert [need.partition(">")[0] for need in needs] == ["attrs", "trio", "websockets"]
    assert needs[1].endswith("extra == 'trio'")
    assert (LIBRARY / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


@pytest.mark.parametrize("path", sorted(LIBRARY.rglob("*.py")), ids=lambda path: str(path.relative_to(LIBRARY)))
def test_the_library_imports_nothing_but_itself_and_what_it_needs(path: Path) -> None:
    loop = {name for name in ("trio", "asyncio") if name in path.relative_to(LIBRARY).as_posix()}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level <= len(path.relative_to(LIBRARY).parts)
            continue
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            top = name.partition(".")[0]
            assert top in {"attrs", "websockets", *loop} or (top in sys.stdlib_module_names and top != "asyncio")


@pytest.mark.parametrize(("flavour", "other"), [("trio", set()), ("asyncio", {"trio"})])
def test_importing_a_flavour_brings_nothing_heavy(site: Path, flavour: str, other: set[str]) -> None:
    done = alone(site, "-c", f"import yap_client.over_{flavour}, sys; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    assert not (HEAVY | other) & set(done.stdout.split())


@pytest.mark.parametrize("flavour", ["trio", "asyncio"])
async def test_the_readmes_example_talks_to_a_server(site: Path, tmp_path: Path, flavour: str) -> None:
    program = tmp_path / "hello.py"
    program.write_text(examples()[flavour], encoding="utf-8")
    code = [line for line in examples()[flavour].splitlines() if line.strip()]
    assert len(code) <= 15
    async with serving(says("Good", " evening.")) as place:
        address = f"ws://127.0.0.1:{place.port}"
        with trio.fail_after(60):
            done = await trio.to_thread.run_sync(lambda: alone(site, str(program), address, "k-1"))
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "Good evening."
    assert second.startswith("Usage(prompt_tokens=")


def test_a_users_program_is_checked_strictly(site: Path, tmp_path: Path) -> None:
    (tmp_path / "yap_client").symlink_to(site / "yap_client")
    for flavour, program in examples().items():
        (tmp_path / f"hello_{flavour}.py").write_text(program, encoding="utf-8")
    (tmp_path / "wrong.py").write_text("from yap_client.over_trio import connect\nconnect('h', keys='k')\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache"), "."],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    complaints = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert [line.partition(":")[0] for line in complaints] == ["wrong.py"], done.stdout + done.stderr
    assert '"keys"' in complaints[0]


def alone(site: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python without any package but those of `site`."""
    return subprocess.run(
        [sys.executable, "-S", *arguments],
        env={"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=site,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
