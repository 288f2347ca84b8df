"""The benchmarks of attacks and of crowds, with a real server: they run, and what they print can be read again."""

import json
import os
from pathlib import Path

import pytest

from tooling.benchmarks import memory
from tooling.benchmarks.bystander import attacks
from tooling.benchmarks.bystander.__main__ import main
from tooling.benchmarks.bystander.table import table

AROUND = os.environ  # noqa: TID251 - the server's process needs its PATH and HOME


def _row(attack: str, side: str, **more: object) -> dict[str, object]:
    figures = {"p50_ms": 0.51, "p99_ms": 1.26, "p99_by_round_ms": [1.1, 1.9], "max_ms": 3.0}
    return {"attack": attack, "side": side, **figures, "lost": 0, "broken": 0, "wedged": 0, "grown_mb": 1.0, **more}


def test_an_attack_is_measured_beside_an_idle_look(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    asked = ["--attacks", "knocking", "pings, 1.5 MB/s", "--rounds", "1", "--seconds", "0.3", "--json"]
    assert main(asked, AROUND) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["attack"] for row in rows] == ["knocking", "pings, 1.5 MB/s", "idle"]
    for row in rows:
        assert row["n"] > 10
        assert 0 < row["p50_ms"] <= row["p99_ms"] <= row["max_ms"]
        assert row["errors"] == 0
        assert (row["connections"] > 0) is (row["attack"] != "idle")
    file = tmp_path / "rows.json"
    file.write_text("\n".join(map(json.dumps, rows)))
    main(["--table", str(file)], AROUND)
    assert capsys.readouterr().out.count("\n") == 5


def test_a_table_has_the_sides_beside_each_other_and_tells_trouble() -> None:
    rows = [
        _row("idle", "before"),
        _row("idle", "now"),
        _row("knocking", "before", lost=3, wedged=1, grown_mb=181.2),
        _row("knocking", "now"),
    ]
    lines = table(rows).splitlines()
    assert lines[0].startswith("| attack | before: p50 ms | before: p99 ms (by round) |")
    assert lines[2] == "| idle | 0.5 | 1.3 (1.1 to 1.9) | 3.0 |  | 0.5 | 1.3 (1.1 to 1.9) | 3.0 |  |"
    assert "| 3 lost, 1 wedged, +181 MiB |" in lines[3]


def test_of_two_runs_of_an_attack_the_worse_is_told() -> None:
    assert "| 9.9 " in table([_row("idle", "now"), _row("idle", "now", p99_ms=9.9)])


def test_check_is_about_our_own_p99_and_lost_pings(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for row, status in (
        (_row("knocking", "now", p99_ms=9.9), 0),
        (_row("knocking", "now", p99_ms=10.1), 1),
        (_row("knocking", "now", lost=1), 1),
        (_row("knocking", "before", p99_ms=99.0), 0),
    ):
        file = tmp_path / "row.json"
        file.write_text(json.dumps(row))
        assert main(["--table", str(file), "--check"], AROUND) == status
        capsys.readouterr()


def test_every_attack_is_bounded() -> None:
    assert all(attack.connections <= 300 for attack in attacks.ATTACKS.values())


def test_a_crowd_of_connections_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert memory.main(["--rounds", "1", "--idle", "40", "--churn", "20", "--json"], AROUND) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    before, idle, bound, gone = (row["descriptors"] for row in told[:4])
    assert idle == bound == before + 40
    assert gone == before
    assert told[-1]["figure"] == "an idle connection"
