"""The kinds of failures are closed, and told in the docs."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.tooling.clients.faulty import doors, lives, turns
from tests.tooling.clients.programs import PROGRAMS
from tooling.clients.failures import ClientError

PAGE = Path(__file__).parents[3] / "docs" / "clients.md"


def kinds(error: type[ClientError]) -> Iterator[str]:
    yield error.kind
    for narrower in error.__subclasses__():
        if narrower.__module__.startswith("tooling."):
            yield from kinds(narrower)


def test_every_kind_has_its_place_in_the_docs_and_no_other_has() -> None:
    assert PROGRAMS, "they are loaded, and with them the kinds of their own"
    table = PAGE.read_text("utf-8").partition("### What broke")[2].partition("### Times")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    told = [name for row in rows for name in re.findall("`([a-z_]+)`", row)]
    assert sorted(told) == sorted(set(kinds(ClientError)) - {"failed"})


def test_the_faults_expect_kinds_that_there_are() -> None:
    there = set(kinds(ClientError))
    for fault in (*turns.FAULTS, *doors.FAULTS, *lives.FAULTS):
        assert {fault.kind, fault.tool or fault.kind} <= there, fault.name
