"""`just audit` with a real pip-audit and an OSV on the loopback: what is known is told, no silence passes for good."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tooling.audit.advisory_server import Osv, advisory
from tests.tooling.keeper.launched import eventually
from tooling.audit.advisories import PROOF
from tooling.audit.command import ROOT, run
from tooling.setup.project import Project

Audit = Callable[..., int]
IMAGE = Project(ROOT).pins("image")
FOUND = advisory("PYSEC-2026-1", "h11", fixed="99.1", aliases=("CVE-2026-1", "GHSA-x"), summary="smuggles\nrequests")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """pyproject.toml and the locks, somewhere else."""
    shutil.copytree(ROOT / "tooling" / "locks", tmp_path / "tooling" / "locks")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def accept(checkout: Path, **reasons: str) -> None:
    lines = "".join(f'"{name}" = "{reason}"\n' for name, reason in reasons.items())
    with (checkout / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[tool.audit.accepted]\n{lines}")


def test_nothing_known_is_said_of_how_many_and_by_whom(
    audit: Audit, osv: Osv, capfd: pytest.CaptureFixture[str]
) -> None:
    assert audit("image") == 0
    out, err = capfd.readouterr()
    assert out == f"{len(IMAGE)} packages of image, by osv: none with a known advisory\n"
    assert "asking osv about" in err
    assert sorted(osv.asked) == sorted([*IMAGE.items(), PROOF[:2]])


def test_a_known_advisory_is_told_with_package_version_name_and_what_mends_it(
    audit: Audit, osv: Osv, capfd: pytest.CaptureFixture[str]
) -> None:
    osv.known["h11"] = [FOUND]
    assert audit("image", "cpu") == 1
    head, row, about, total = capfd.readouterr()[0].splitlines()
    assert head.split("  ")[0] == "package"
    assert row.split() == ["h11", IMAGE["h11"], "PYSEC-2026-1", "99.1", "image", "cpu"]
    assert about.strip() == "smuggles requests (CVE-2026-1, GHSA-x)"
    assert total.endswith("1 with known advisories (1)")


def test_the_document_says_the_same(audit: Audit, osv: Osv, capfd: pytest.CaptureFixture[str]) -> None:
    osv.known |= {"h11": [FOUND], "jinja2": [advisory("PYSEC-2026-2", "jinja2")]}
    assert audit("image", "--json") == 1
    told = json.loads(capfd.readouterr()[0])
    assert (told["looked_up"], told["why_not"], told["not_looked_up"]) == (True, None, {})
    assert [(one["package"], one["advisory"], one["fixed_in"]) for one in told["advisories"]] == [
        ("h11", "PYSEC-2026-1", ["99.1"]),
        ("jinja2", "PYSEC-2026-2", []),
    ]


def test_every_version_of_every_lock_is_asked_about_once(audit: Audit, osv: Osv) -> None:
    assert audit() == 0
    project = Project(ROOT)
    locked = {pin for path in (ROOT / "tooling" / "locks").glob("*.txt") for pin in project.pins(path.stem).items()}
    wanted = locked | {("torch", project.torch_version())}
    assert len({name for name, _ in wanted}) < len(wanted), "no package with two versions any more: nothing is shown"
    assert sorted(osv.asked) == sorted([*wanted, PROOF[:2]])


@pytest.mark.parametrize(
    ("fault", "asked"),
    [
        ({"knows_proof": False}, 1),
        ({"raw": b"<html>sign in first</html>"}, 1),
        ({"raw": b'{"vulns": 7}'}, 1),
        ({"breaks_after": 5}, 6),
    ],
    ids=str,
)
def test_an_answer_that_proves_nothing_is_never_a_clean_bill(
    audit: Audit, osv: Osv, fault: dict[str, object], asked: int, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value in fault.items():
        setattr(osv, name, value)
    assert audit("image", "--json") == 3
    out, err = capfd.readouterr()
    told = json.loads(out)
    assert (told["looked_up"], told["advisories"]) == (False, [])
    assert "advisories were NOT looked up (osv at http://127.0.0.1:" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert len(osv.asked) == asked


def test_nobody_at_the_services_address_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["image", "--service", "osv", "--osv-url", f"http://127.0.0.1:{port}/v1/query"]
    assert run(words, {}) == 3
    assert "advisories were NOT looked up" in capfd.readouterr()[1]


def test_what_was_looked_at_is_lived_with_for_its_reason(
    audit: Audit, osv: Osv, checkout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    accept(checkout, **{"CVE-2026-1": "the server is not a client"})
    osv.known["h11"] = [FOUND]
    assert audit("image", root=checkout) == 0
    out = capfd.readouterr()[0]
    assert f"accepted: h11 {IMAGE['h11']} PYSEC-2026-1: the server is not a client\n" in out
    osv.known["h11"] = [FOUND, advisory("PYSEC-2026-3", "h11")]
    assert audit("image", root=checkout) == 1
    assert "PYSEC-2026-3" in capfd.readouterr()[0]


def test_an_exception_that_nothing_needs_is_a_finding_once_all_was_asked(
    audit: Audit, checkout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    accept(checkout, **{"CVE-1999-1": "once upon a time"})
    assert audit("image", root=checkout) == 0
    assert "needless" not in capfd.readouterr()[0]
    assert audit(root=checkout) == 1
    assert "needless: CVE-1999-1" in capfd.readouterr()[0]


def test_an_exception_without_a_reason_is_refused(
    audit: Audit, osv: Osv, checkout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    accept(checkout, **{"CVE-1999-1": " "})
    assert audit("image", root=checkout) == 3
    assert "CVE-1999-1 has no reason: write one" in capfd.readouterr()[1]
    assert osv.asked == []


def test_what_a_service_says_moves_no_cursor(audit: Audit, osv: Osv, capfd: pytest.CaptureFixture[str]) -> None:
    osv.known["h11"] = [advisory("PYSEC\x1b[2J-1", "h11", summary="clean\x1b[1A\rall good", aliases=("\x07",))]
    assert audit("image") == 1
    assert "\x1b" not in (out := capfd.readouterr()[0])
    assert "\r" not in out
    assert "\\x1b" in out


def test_ctrl_c_while_it_asks_ends_it_and_its_child(osv: Osv) -> None:
    words = [sys.executable, "-m", "tooling.audit", "--service", "osv", "--osv-url", osv.url]
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "asking osv" in line:
                break
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait() == 130
    assert "Traceback" not in rest.partition("audit: interrupted")[2]
    # Both get the signal; the child, told with a closed stream, may need a moment more on a busy machine.
    eventually(lambda: True if not _is_left(process.pid) else None, "the end of the child")


def _is_left(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
