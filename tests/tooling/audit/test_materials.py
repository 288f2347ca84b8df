"""The bill of materials: by the standard's own schema, with every locked version, and without any network."""

import json
from pathlib import Path

import pytest
from cyclonedx.validation.json import JsonStrictValidator

from tooling.audit import packages
from tooling.audit.command import ROOT, run
from tooling.audit.materials import ENVIRONMENT, SCHEMA, SPDX
from tooling.setup.project import Project

PROJECT = Project(ROOT)


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> str:
    """That of everything."""
    path = tmp_path_factory.mktemp("bill") / "bom.json"
    assert run(["--offline", "--sbom", str(path)], {}) == 0
    return path.read_text("utf-8")


def test_it_is_valid_by_the_schema_of_cyclonedx(bill: str) -> None:
    assert (found := JsonStrictValidator(SCHEMA).validate_str(bill)) is None, found


def test_it_holds_every_locked_version_and_where_it_is_installed(bill: str) -> None:
    told = json.loads(bill)["components"]
    held = {(one["purl"], each["value"]) for one in told for each in one["properties"] if each["name"] == ENVIRONMENT}
    for environment, locks in packages.ENVIRONMENTS.items():
        pins = {pin for lock in locks for pin in PROJECT.pins(lock).items()}
        assert {(f"pkg:pypi/{name}@{version}", environment) for name, version in pins} <= held
    assert (f"pkg:pypi/torch@{PROJECT.torch_version()}", "cpu") in held
    assert len({one["purl"] for one in told}) == len(told)


def test_it_says_of_each_package_what_that_says_of_its_licence(bill: str) -> None:
    document = json.loads(bill)
    by_name = {one["name"]: one for one in document["components"]}
    assert by_name["attrs"]["licenses"] == [{"license": {"id": "MIT"}}]
    assert by_name["trio"]["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    assert by_name["jinja2"]["licenses"] == [{"license": {"name": "BSD License"}}]
    without = [name for name, one in by_name.items() if "licenses" not in one]
    assert len(without) < 10, without
    assert document["metadata"]["component"]["licenses"] == [{"license": {"id": "Apache-2.0"}}]


def test_the_names_that_are_translated_are_ones_that_only_one_licence_has() -> None:
    assert not {"BSD", "BSD License", "Apache", "Apache Software License", "GPL"} & SPDX.keys()


def test_offline_says_that_nothing_was_looked_up(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["image", "--offline", "--json"], {}) == 0
    out, err = capfd.readouterr()
    told = json.loads(out)
    assert (told["looked_up"], told["why_not"]) == (False, "--offline")
    assert sum(told["licences"].values()) == told["packages"] == len(PROJECT.pins("image"))
    assert "advisories were NOT looked up (--offline)" in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--offline", "--sbom", "/nowhere/at/all.json"], 3, "cannot be written: No such file or directory"),
        (["--offline", "--sbom", "/"], 3, "cannot be written: Is a directory"),
        (["trt"], 2, "trt has no lock"),
        (["gpu", "--offline"], 2, "no environment is called gpu; there are cpu, vllm"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    words: list[str], code: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(words, {}) == code
    out, err = capfd.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert said in err


def test_another_osv_goes_with_osv_alone(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["--osv-url", "http://127.0.0.1:1"], {})
    assert ended.value.code == 2
    assert "--osv-url goes with --service osv" in capfd.readouterr()[1]


def test_a_package_stands_once_a_version_in_order() -> None:
    found = packages.of(PROJECT, ["cpu", "quant"])
    pins = [(each.name, each.version) for each in found]
    assert pins == sorted(set(pins))
    shared = [each for each in found if each.environments == ("cpu", "quant")]
    assert shared
    assert {each.version for each in found if each.name == "compressed-tensors"} == {"0.17.0", "0.19.0"}


def test_a_disk_that_takes_no_more_leaves_the_old_bill_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "bom.json"
    path.write_text("the old one")
    (tmp_path / "bom.json.partial").symlink_to("/dev/full")
    assert run(["image", "--offline", "--sbom", str(path)], {}) == 3
    assert [each.name for each in tmp_path.iterdir()] == ["bom.json"]
    assert path.read_text() == "the old one"
    assert run(["image", "--offline", "--sbom", str(path)], {}) == 0
    assert [each.name for each in tmp_path.iterdir()] == ["bom.json"]
    assert json.loads(path.read_text())["bomFormat"] == "CycloneDX"


def test_a_device_or_a_pipe_gets_it_as_well(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["image", "--offline", "--sbom", "/dev/null"], {}) == 0
    assert Path("/dev/null").is_char_device()
    assert run(["image", "--offline", "--sbom", "/dev/full"], {}) == 3
    assert "No space left on device" in capfd.readouterr()[1]
