"""vLLM's processes wait asleep where an engine of ours runs on a CPU, and as vLLM has it everywhere else."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from types import ModuleType, SimpleNamespace

import pytest

from engines.guardian import MARK
from engines.vllm.waiting import LOADED_BY, SWITCH, wait_asleep

WHERE = "vllm.distributed.utils"
ASKS = f"import vllm.plugins, {WHERE} as utils; vllm.plugins.load_general_plugins(); print(utils.{SWITCH})"
OURS = {MARK: "0123456789abcdef"}


def test_vllm_finds_it_in_the_environment_that_was_set_up() -> None:
    found = {one.value: one for one in entry_points(group=LOADED_BY)}
    assert found["engines.vllm.waiting:wait_asleep"].load() is wait_asleep


@pytest.mark.parametrize(("environ", "on_cpu", "yields"), [(OURS, True, False), (OURS, False, True), ({}, True, True)])
def test_only_engines_of_ours_on_a_cpu_are_touched(
    environ: dict[str, str], on_cpu: bool, yields: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    utils, platforms = ModuleType(WHERE), ModuleType("vllm.platforms")
    setattr(utils, SWITCH, True)
    vars(platforms)["current_platform"] = SimpleNamespace(is_cpu=lambda: on_cpu)
    monkeypatch.setitem(sys.modules, WHERE, utils)
    monkeypatch.setitem(sys.modules, "vllm.platforms", platforms)
    wait_asleep(environ)
    assert getattr(utils, SWITCH) is yields


@pytest.mark.engine
@pytest.mark.parametrize(
    ("more", "yields"), [(OURS, "False"), ({}, "True"), ({**OURS, "VLLM_PLUGINS": "none"}, "True")]
)
def test_the_installed_vllm_loads_it_and_has_the_switch(more: dict[str, str], yields: str) -> None:
    environ = {name: value for name, value in os.environ.items() if name != MARK}  # noqa: TID251
    done = subprocess.run(
        [sys.executable, "-c", ASKS], env={**environ, **more}, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.splitlines()[-1] == yields
