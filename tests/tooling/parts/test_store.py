"""Parts are whole or not there, whoever makes them and whatever breaks on the way."""

import io
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tooling.parts.standins import calls, tools
from tooling.parts.command import fetch
from tooling.parts.store import ensure, environment, is_whole, program
from tooling.parts.table import PARTS
from tooling.setup.errors import SetupError
from tooling.setup.progress import Progress

ROOT = Path(__file__).resolve().parents[3]
PROMETHEUS, CHROMIUM = PARTS["prometheus"], PARTS["chromium"]
ONCE = ["update", "download", "unpack"]


def made(home: Path, environ: dict[str, str]) -> tuple[list[Path], str]:
    stream = io.StringIO()
    return ensure([PROMETHEUS], home, environ, Progress(stream, name="parts")), stream.getvalue()


def parts_in(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir() if path.name != "apt")


def test_a_part_is_fetched_once_and_then_nothing_is_asked(tmp_path: Path) -> None:
    home, environ = tmp_path / "parts", tools(tmp_path / "bin")
    (directory,), said = made(home, environ)
    assert directory == home / "prometheus"
    assert (directory / PROMETHEUS.programs["promtool"]).is_file()
    assert said.splitlines()[0] == "parts: [1/2] lists of packages ..."
    assert made(home, {"PATH": "/nowhere"}) == ([directory], "")
    assert calls(tmp_path / "bin") == ONCE
    assert parts_in(home) == ["prometheus"]


def test_two_at_once_make_it_once(tmp_path: Path) -> None:
    home, environ = tmp_path / "parts", tools(tmp_path / "bin", unpack="sleep 0.5")
    code = (
        "import os, sys; from pathlib import Path; from tooling.parts.command import fetch;"
        "sys.exit(fetch(['prometheus'], os.environ, Path(sys.argv[1])))"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(home)],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert [out for out, _ in said] == [f"{home / 'prometheus'}\n"] * 2
    assert calls(tmp_path / "bin") == ONCE


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"download": "echo 'E: Unable to locate package'; exit 100"}, "Unable to locate package"),
        ({"download": "exit 0"}, "0 of 1 packages"),
        ({"unpack": "echo 'no space left' >&2; exit 2"}, "no space left"),
        ({"program": "echo libnss3.so: cannot open shared object file >&2; exit 127"}, "libnss3.so"),
        ({"unpack": 'rm "$3/usr/bin/promtool"'}, "promtool"),
    ],
    ids=["no package", "nothing downloaded", "not unpacked", "a library is missing", "a program is missing"],
)
def test_what_fails_is_told_and_leaves_nothing_that_passes_for_a_part(
    tmp_path: Path, broken: dict[str, str], told: str
) -> None:
    home = tmp_path / "parts"
    with pytest.raises(SetupError, match=told):
        made(home, tools(tmp_path / "bin", **broken))
    assert not is_whole(PROMETHEUS, home)
    assert parts_in(home) == []
    made(home, tools(tmp_path / "bin"))
    assert is_whole(PROMETHEUS, home)


def test_a_source_that_was_not_reached_is_told_when_the_package_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="W: Failed to fetch the second source"):
        made(tmp_path / "parts", tools(tmp_path / "bin", download="exit 100"))


@pytest.mark.parametrize("damage", ["shorter", "gone", "record"])
def test_a_damaged_part_is_made_again(tmp_path: Path, damage: str) -> None:
    home, environ = tmp_path / "parts", tools(tmp_path / "bin")
    made(home, environ)
    data = home / "prometheus" / "usr" / "share" / "data"
    if damage == "shorter":
        data.write_text("", "utf-8")
    elif damage == "gone":
        data.unlink()
    else:
        (home / "prometheus" / "part.json").write_text("{", "utf-8")
    assert not is_whole(PROMETHEUS, home)
    made(home, environ)
    assert data.read_text("utf-8") == "data\n"


NEEDS = "echo 'Inst chromium (1 Debian)'; echo 'Inst fonts-dejavu-core (1 Debian)'; echo 'Inst fonts-inter (1 Debian)'"
NEEDS += (
    "; echo 'Inst fonts-jetbrains-mono (1 Debian)'; echo 'Inst libone1 (1 Debian)'; echo 'Conf chromium (1 Debian)'"
)
FIVE = "touch a.deb b.deb c.deb d.deb e.deb"


def chromium(home: Path, environ: dict[str, str]) -> Path:
    (directory,) = ensure([CHROMIUM], home, environ, Progress(io.StringIO(), name="parts"))
    return directory


def test_a_part_with_its_libraries_is_everything_that_apt_would_install(tmp_path: Path) -> None:
    home = tmp_path / "parts"
    directory = chromium(home, tools(tmp_path / "bin", install=NEEDS, download=FIVE))
    assert calls(tmp_path / "bin") == ["update", "install", "download", *["unpack"] * 5]
    left_out = (home / "apt" / "left-out").read_text("utf-8")
    assert "Package: libc6\nStatus: install ok installed\nArchitecture: all\n" in left_out
    libraries = directory / "usr" / "lib" / "x86_64-linux-gnu"
    assert environment("chromium", home) == {
        "LD_LIBRARY_PATH": f"{libraries}:{libraries / 'own'}",
        "FONTCONFIG_FILE": str(directory / "etc" / "fonts" / "part.conf"),
        "XDG_CACHE_HOME": str(directory / "var" / "cache"),
    }
    assert environment("prometheus", home) == {}


@pytest.mark.parametrize(
    "install",
    ["echo 'E: Unable to locate package chromium'; exit 100", "echo 'Inst fonts-inter (1 Debian)'"],
    ids=["refused", "without the program itself"],
)
def test_a_part_that_apt_cannot_work_out_is_told_before_anything_is_downloaded(tmp_path: Path, install: str) -> None:
    with pytest.raises(SetupError, match=r"chromium, .* cannot be had here"):
        chromium(tmp_path / "parts", tools(tmp_path / "bin", install=install))
    assert calls(tmp_path / "bin") == ["update", "install"]
    assert parts_in(tmp_path / "parts") == []


def test_what_a_killed_maker_left_is_no_part_and_goes(tmp_path: Path) -> None:
    home, environ = tmp_path / "parts", tools(tmp_path / "bin")
    left = home / "prometheus.partial-abc" / "whole" / "usr" / "bin"
    left.mkdir(parents=True)
    (left / "prometheus").touch()
    assert not is_whole(PROMETHEUS, home)
    made(home, environ)
    assert parts_in(home) == ["prometheus"]


def test_a_part_of_another_distribution_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, environ = tmp_path / "parts", tools(tmp_path / "bin")
    made(home, environ)
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "other", "VERSION_ID": "99"})
    assert not is_whole(PROMETHEUS, home)


def test_a_machine_without_apt_is_told_which_parts_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch([], {"PATH": str(tmp_path)}, tmp_path / "parts") == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert all(name in err for name in ("prometheus", "promtool", "apt-get", "dpkg"))


def test_a_failure_is_a_message_and_an_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch(["prometheus"], tools(tmp_path / "bin", download="exit 100"), tmp_path / "parts") == 1
    assert "parts: FAILED: prometheus cannot be downloaded" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert fetch([], tools(tmp_path / "bin"), tmp_path / "file" / "parts") == 1
    assert "cannot be used" in capsys.readouterr().err


def test_an_unknown_part_is_a_usage_error_with_the_known_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        fetch(["grafana"], {}, tmp_path)
    assert ended.value.code == 2
    assert "prometheus" in capsys.readouterr().err


def test_a_program_of_a_part_that_is_not_there_says_how_to_fetch_it(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="just parts prometheus"):
        program("prometheus", "promtool", tmp_path)
    made(tmp_path, tools(tmp_path / "bin"))
    assert program("prometheus", "promtool", tmp_path) == tmp_path / "prometheus" / "usr" / "bin" / "promtool"
