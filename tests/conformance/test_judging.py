"""Which cases are run, and what is said of them."""

import json

import pytest

from tests.conformance.report import as_json, lines
from tests.conformance.selection import QUICK, chosen
from tests.conformance.verdict import Verdict
from tooling.refusal import UsageError

EVERY = ["1.1.1", "1.1.2", "7.1.1", "7.10.1", "9.1.1", *(f"12.1.{n}" for n in range(1, 19)), "13.1.1", "13.1.2"]


def judged(behaviour: str = "OK", close: str = "OK", case: str = "1.1.1") -> Verdict:
    return Verdict(case, compressed=True, behaviour=behaviour, close=close, milliseconds=1500)


def test_without_compression_its_own_cases_are_left_out() -> None:
    assert chosen(EVERY, [], quick=False, compressed=True) == EVERY
    assert chosen(EVERY, [], quick=False, compressed=False) == EVERY[:5]


def test_quick_leaves_out_most_of_the_compression_cases_and_nothing_else() -> None:
    found = chosen(EVERY, [], quick=True, compressed=True)
    assert found == [*EVERY[:5], "12.1.1", "12.1.3", "12.1.5", "13.1.2"]
    assert len(QUICK) == len(set(QUICK)) == 36


def test_a_pattern_is_no_prefix() -> None:
    assert chosen(EVERY, ["7.1.1"], quick=False, compressed=True) == ["7.1.1"]
    assert chosen(EVERY, ["7.*", "1.1.2"], quick=False, compressed=True) == ["1.1.2", "7.1.1", "7.10.1"]


def test_a_pattern_that_fits_nothing_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"no case fits 8\.\*"):
        chosen(EVERY, ["1.*", "8.*"], quick=False, compressed=True)


@pytest.mark.parametrize(
    ("behaviour", "close", "kind", "passed"),
    [
        ("OK", "OK", "OK", True),
        ("INFORMATIONAL", "OK", "INFORMATIONAL", True),
        ("NON-STRICT", "OK", "NON-STRICT", False),
        ("OK", "NON-STRICT", "NON-STRICT", False),
        ("OK", "FAILED", "FAILED", False),
        ("NON-STRICT", "WRONG CODE", "FAILED", False),
        ("OK", "UNCLEAN", "FAILED", False),
        ("UNIMPLEMENTED", "OK", "FAILED", False),
    ],
)
def test_what_is_not_known_to_be_good_is_not(behaviour: str, close: str, kind: str, passed: bool) -> None:
    verdict = judged(behaviour, close)
    assert (verdict.kind, verdict.passed) == (kind, passed)


def test_the_table_has_a_row_for_each_family_and_names_what_is_not_ok() -> None:
    said = "\n".join(lines([judged(), judged("OK", "FAILED", "12.1.1"), judged(case="2.1")], 3.0))
    assert "| 1 framing | on | 1 | 1 | 0 | 0 | 0 | 1.5 |" in said
    assert said.index("| 2 pings") < said.index("| 12 compression")
    assert "12.1.1, with compression: FAILED (answers OK, close FAILED)" in said
    assert said.endswith("3 cases in 3 s: 1 failed, 0 not strict")


def test_programs_get_one_object() -> None:
    told = json.loads(as_json([judged(), judged("NON-STRICT")], 3.04))
    assert {name: told[name] for name in ("seconds", "ok", "failed", "non_strict")} == {
        "seconds": 3.0,
        "ok": 1,
        "failed": 0,
        "non_strict": 1,
    }
    assert told["cases"][1]["kind"] == "NON-STRICT"
