"""The house rules, held against this tree; what each of them means is in `tests/tooling/house`."""

import tomllib
from pathlib import Path

from tooling.house.rules import findings

ROOT = Path(__file__).parents[1]
PACKAGES = ["runtime", "actors", "engines", "protocol", "tooling"]


def test_no_file_breaks_a_house_rule() -> None:
    assert not (found := findings(ROOT)), "\n".join(f"{one.path}:{one.line}: {one.rule}: {one.what}" for one in found)


def test_the_wheel_holds_the_five_packages_and_no_tests() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == PACKAGES
