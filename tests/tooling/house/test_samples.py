"""Each rule finds what breaks it, in its line, and nothing in what does not."""

from pathlib import Path

import pytest

from tests.tooling.house.samples import SAMPLES, Sample
from tests.tooling.house.trees import write
from tooling.house.rules import RULES, findings


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.rule)
def test_what_breaks_a_rule_is_found_in_its_line_and_nothing_else(sample: Sample, tmp_path: Path) -> None:
    bad = [one for one in findings(write(tmp_path / "bad", sample.bad)) if one.rule == sample.rule]
    assert sorted((one.path, one.line) for one in bad) == sorted(sample.found)
    assert all(one.what and one.remedy for one in bad)
    good = [one for one in findings(write(tmp_path / "good", sample.good)) if one.rule == sample.rule]
    assert good == []


def test_every_rule_has_samples() -> None:
    assert {sample.rule for sample in SAMPLES} == {rule.name for rule in RULES}
