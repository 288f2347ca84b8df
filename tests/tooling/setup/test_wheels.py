"""Which torch is the CPU's."""

import pytest

from tooling.setup.installer import Candidate, candidates, canonical
from tooling.setup.wheels import is_cpu_build

CUDA = ('nvidia-nccl-cu13==2.29.7; platform_system == "Linux"', "filelock")


def torch(version: str, *requires: str) -> Candidate:
    return Candidate("torch", version, requires, "https://example.invalid/torch.whl")


@pytest.mark.parametrize(
    ("candidate", "machine", "expected"),
    [
        (torch("2.13.0+cpu", "filelock"), "x86_64", True),
        (torch("2.13.0+cu130", "filelock"), "x86_64", False),
        (torch("2.13.0", *CUDA), "x86_64", False),
        (torch("2.13.0", "cuda-bindings<14; platform_system == 'Linux'"), "x86_64", False),
        (torch("2.13.0", "filelock"), "aarch64", True),
        (torch("2.13.0", "nvidia-nccl-cu13==2; platform_machine == 'x86_64'"), "aarch64", True),
        (torch("2.13.0", "nvidia-nccl-cu13==2; platform_machine == 'x86_64'"), "x86_64", False),
    ],
)
def test_a_torch_that_brings_gpu_libraries_is_no_cpu_build(candidate: Candidate, machine: str, expected: bool) -> None:
    assert is_cpu_build(candidate, machine) is expected


def test_a_pip_report_becomes_candidates_with_canonical_names() -> None:
    item = {"metadata": {"name": "Jinja2_X", "version": "3"}, "download_info": {"url": "file:///w/j.whl"}}
    assert candidates({"install": [item]}) == (Candidate("jinja2-x", "3", (), "file:///w/j.whl"),)


@pytest.mark.parametrize(("name", "expected"), [("A.B_c", "a-b-c"), ("PyYAML", "pyyaml"), ("a__b", "a-b")])
def test_a_distribution_has_one_name(name: str, expected: str) -> None:
    assert canonical(name) == expected
