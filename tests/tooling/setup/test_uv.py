"""uv instead of pip: told what pip is told, left where it cannot be, replaced where it fails.

uv itself is not installed here: a program that says what uv would stands in for it. That both come to the same
environment was seen with uv 0.13.9 (docs/operations.md), that both take a private index with a password out of pip.conf
with 0.5.0 and 0.13.9.
"""

import io
import os
import threading
import zipfile
from pathlib import Path

import pytest

from tooling.setup import uv
from tooling.setup.environment import Environment
from tooling.setup.errors import SetupError
from tooling.setup.installer import Installer
from tooling.setup.locking import locked
from tooling.setup.progress import Progress

PIP = """\
:env:.config-file='/etc/other.conf'
:env:.find-links='/wheels /more'
:env:.index-url='https://u:p@mirror.test/simple'
download.index-url='https://other.test'
global.constraint='/etc/a.txt /etc/b.txt'
global.extra-index-url='\\nhttps://one.test/simple\\nfile:///two'
global.index-url='https://file.test/simple'
global.no-index='false'
install.user='yes'
"""


def program(folder: Path, body: str, version: str = "0.13.9") -> dict[str, str]:
    """An environment in which `uv` is this script."""
    folder.mkdir(exist_ok=True)
    path = folder / "uv"
    path.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo "uv {version} (x86_64)"; exit; fi\n{body}\n')
    path.chmod(0o755)
    return {"PATH": f"{folder}:{os.defpath}"}


def interpreter(folder: Path, body: str) -> Path:
    """A stand-in for a Python whose pip says this: the real one takes a second to start."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def wheel(folder: Path) -> Path:
    """The smallest package there is."""
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(
            "tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny-1.0.dist-info/RECORD", "tiny.py,,\n")
    return path


def test_what_pip_is_told_becomes_what_uv_is_told() -> None:
    told, flags, foreign = uv.translated(uv.read_configuration(PIP))
    assert told == {
        "UV_DEFAULT_INDEX": "https://u:p@mirror.test/simple",
        "UV_INDEX": "https://one.test/simple file:///two",
        "UV_FIND_LINKS": "/wheels,/more",
    }
    assert flags == ("--constraint", "/etc/a.txt", "--constraint", "/etc/b.txt")
    assert foreign == []


@pytest.mark.parametrize(("word", "flags"), [("true", ("--no-index",)), ("1", ("--no-index",)), ("off", ())])
def test_no_index_is_a_word_of_both(word: str, flags: tuple[str, ...]) -> None:
    assert uv.translated({"no-index": word}) == ({}, flags, [])


def test_uv_is_used_with_what_pip_is_told_and_secrets_stay_out_of_its_argv(
    tmp_path: Path, quiet: Progress, python: Path
) -> None:
    environ = program(tmp_path / "bin", "exit 0") | {"PIP_INDEX_URL": "https://u:secret@mirror.test/simple"}
    found = uv.find(environ, str(python), quiet)
    assert found is not None
    assert found.environ["UV_DEFAULT_INDEX"] == environ["PIP_INDEX_URL"]
    command = found.install(python, ["--no-deps", "--index-url", "https://x.test", "-r", "lock.txt"])
    assert command[:5] == [str(tmp_path / "bin" / "uv"), "pip", "install", "--python", str(python)]
    assert command[-5:] == ["--no-deps", "--default-index", "https://x.test", "-r", "lock.txt"]
    assert "secret" not in " ".join([*command, *found.venv(tmp_path, "python3")])


def test_who_told_uv_already_is_not_told_otherwise(tmp_path: Path, quiet: Progress) -> None:
    python = interpreter(tmp_path, "echo \":env:.index-url='https://a.test'\"")
    environ = program(tmp_path / "bin", "exit 0") | {
        "PIP_INDEX_URL": "https://a.test",
        "UV_INDEX_URL": "https://b.test",
    }
    found = uv.find(environ, str(python), quiet)
    assert found is not None
    assert "UV_DEFAULT_INDEX" not in found.environ


@pytest.mark.parametrize(
    ("version", "pip", "words"),
    [
        ("0.4.30", "exit 0", "is 0.4.30, 0.5.0 or newer is needed: pip it is"),
        ("mended", "exit 0", "does not say its version"),
        ("0.13.9", "echo \":env:.no-binary=':all:'\"", "cannot be told pip's no-binary: pip it is"),
        ("0.13.9", "echo No module named pip >&2; exit 1", "pip's configuration cannot be read"),
    ],
)
def test_a_uv_that_cannot_do_it_is_left_with_a_line(
    tmp_path: Path, said: io.StringIO, version: str, pip: str, words: str
) -> None:
    environ = program(tmp_path / "bin", "exit 0", version)
    assert uv.find(environ, str(interpreter(tmp_path, pip)), Progress(said)) is None
    assert words in said.getvalue()


def test_without_uv_nothing_is_said(tmp_path: Path, quiet: Progress, said: io.StringIO, python: Path) -> None:
    assert uv.find({"PATH": str(tmp_path)}, str(python), quiet) is None
    assert said.getvalue() == ""


def test_where_uv_fails_pip_does_the_rest_after_a_line(
    tmp_path: Path, quiet: Progress, said: io.StringIO, python: Path
) -> None:
    """The real pip, into a folder: no environment needs making for that."""
    failing = program(tmp_path / "bin", "echo 'error: cannot unpack' >&2; exit 2")
    fast = uv.Uv(str(tmp_path / "bin" / "uv"), failing)
    installer = Installer(python, quiet, uv=fast)
    target = tmp_path / "there"
    installer.install("--no-index", "--no-deps", "--target", str(target), str(wheel(tmp_path)))
    assert (target / "tiny.py").exists()
    assert installer.uv is None
    assert "setup: uv cannot do this (error: cannot unpack); pip does the rest\n" in said.getvalue()


def test_an_environment_that_uv_cannot_make_is_made_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m venv` is a stand-in that only says it was called: making one takes seconds."""
    other = tmp_path / "python"
    other.write_text('#!/bin/sh\nmkdir -p "$3"; echo "$@" > "$3/made-by"\n')
    other.chmod(0o755)
    monkeypatch.setattr(Environment, "sound", lambda environment: (environment.path / "bin").exists())
    broken = uv.Uv(str(tmp_path / "bin" / "uv"), program(tmp_path / "bin", "mkdir -p half; exit 1"))
    environment = Environment(tmp_path / "made")
    environment.make(str(other), broken)
    assert (environment.path / "made-by").read_text() == f"-m venv {environment.path}\n"


def test_an_interruption_ends_the_child_before_it_goes_on(tmp_path: Path, quiet: Progress, python: Path) -> None:
    environ = program(tmp_path / "bin", "trap 'echo ended > $0.ended; exit 130' INT\necho begun; sleep 600 & wait $!")
    installer = Installer(python, quiet, uv=uv.Uv(str(tmp_path / "bin" / "uv"), environ))

    def interrupt(detail: str) -> None:
        raise KeyboardInterrupt

    quiet.tick = interrupt  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        installer.install("anything")
    assert (tmp_path / "bin" / "uv.ended").read_text() == "ended\n"


def test_the_child_holds_the_lock_as_well(tmp_path: Path, quiet: Progress, python: Path) -> None:
    """So that a pip which outlives a killed set-up still keeps a second one out."""
    environ = program(tmp_path / "bin", 'readlink "/proc/$$/fd/$4"')
    with Environment(tmp_path / "cpu").locked(quiet) as lock:
        fast = uv.Uv(str(tmp_path / "bin" / "uv"), environ)
        installer = Installer(Path(str(lock)), quiet, uv=fast, holding=(lock,))  # the script's $4 is the interpreter
        installer.install()


def test_a_second_set_up_waits_for_the_first_and_says_so(tmp_path: Path, said: io.StringIO, quiet: Progress) -> None:
    held, waiting = threading.Event(), threading.Event()

    class Told(io.StringIO):
        def write(self, text: str) -> int:
            waiting.set()
            return said.write(text)

    def second() -> None:
        held.wait()
        with locked(tmp_path / "cpu", "another set-up of cpu is running", Progress(Told())):
            said.write("second")

    thread = threading.Thread(target=second)
    thread.start()
    with locked(tmp_path / "cpu", "busy", quiet):
        held.set()
        assert waiting.wait(60)
        said.write("first ")
    thread.join(60)
    assert said.getvalue().endswith("first second")
    assert "another set-up of cpu is running; waiting for it" in said.getvalue()


def test_pips_own_failure_is_told_with_its_last_lines(tmp_path: Path, quiet: Progress) -> None:
    with pytest.raises(SetupError, match=r"pip failed with exit code 1[\s\S]*    ERROR: No matching distribution"):
        Installer(interpreter(tmp_path, "echo ERROR: No matching distribution; exit 1"), quiet).install("nothing==1")
