"""What a launch tells its user: the plan, and how to talk to the server."""

import json
from collections.abc import Iterator
from typing import Any

from runtime.listening import reachable
from runtime.settings import EngineName
from runtime.settings.sections import VARIABLES
from tooling.demo.smollm2 import NAME
from tooling.preparing import Step
from tooling.run.launch import PLACEHOLDER, SLOT_OF
from tooling.run.plan import Plan

DEFAULT_PORT = 8000
DEMO = {"chat": NAME, "toy": "a toy, whose words mean nothing", "tool": "the demo model"}
ENGINES = {"vllm": "vLLM on the GPU", "trt": "TensorRT-LLM on the GPU"}
KILO = 1000


def banner(plan: Plan) -> tuple[str, ...]:
    """The plan in lines, without any key."""
    deployment = plan.settings.deployment
    host, port = reachable(deployment.server_bind_host), deployment.server_port or "PORT"
    return (
        f"  mode     {plan.launch.mode} ({plan.launch.why})",
        f"  engine   {_engine(plan)}",
        *(f"  {slot.partition('_')[0].lower():<8} {_model(plan, slot)}" for slot in plan.launch.slots),
        *(f"  first    {_step(step, plan)}" for step in plan.steps),
        *(f"  note     {note}" for note in plan.notes),
        f"  address  ws://{host}:{port}/ws" + ("" if deployment.server_port else "  (PORT is in the server's lines)"),
        f"  log      {plan.log}",
    )


def welcome(plan: Plan) -> tuple[str, ...]:
    """How to talk to the server; holds the key if it was made up for this run, so it is for a terminal alone."""
    deployment = plan.settings.deployment
    host, port = reachable(deployment.server_bind_host), str(deployment.server_port or "PORT")
    server = "" if port == str(DEFAULT_PORT) and host == "127.0.0.1" else f" --server {host}:{port}"
    key, lines = "...", ("  key      the one in TEXT_API_KEY",)
    if plan.launch.made_key:
        key = deployment.api_keys[0].reveal()
        lines = (f"  key      {key}  (made up for this run; TEXT_API_KEY sets your own)",)
    return (*lines, "", "In a second terminal, once it is ready:", f"  TEXT_API_KEY={key} just live{server}", "")


def as_json(plan: Plan) -> str:
    """The plan as one JSON document, without secrets."""
    launch, deployment = plan.launch, plan.settings.deployment
    names = sorted({*launch.added, *plan.making.changed})
    document: dict[str, Any] = {
        "target": launch.target,
        "mode": launch.mode,
        "mode_because": launch.why,
        "demo_models": list(launch.demo),
        "environment": {name: _shown(name, plan.environ[name]) for name in names},
        "host": deployment.server_bind_host,
        "port": deployment.server_port,
        "home": str(plan.home),
        "log": str(plan.log),
        "push": launch.push,
        "resolved": dict(plan.resolved),
        "steps": [_as_data(step, plan) for step in plan.steps],
        "notes": list(plan.notes),
        "refused": [{"exit_code": each.exit_code, "text": str(each)} for each in plan.refusals],
    }
    return json.dumps(document, indent=1)


def refused(plan: Plan) -> Iterator[str]:
    """What stands in the way of a plan, for people."""
    if plan.refusals:
        yield "It would be refused:"
        yield from (f"  {line}" for each in plan.refusals for line in str(each).splitlines())


def _shown(name: str, value: str) -> str:
    return "set" if name in VARIABLES and VARIABLES[name].secret else value


def _as_data(step: Step, plan: Plan) -> dict[str, Any]:
    place = step.makes(plan.home)
    return {
        "name": step.name,
        "title": step.title,
        "is_made": step.is_made(plan.home),
        "key": step.entry.key if step.entry else None,
        "path": str(place) if place else None,
        "program": list(step.program),
        "job": dict(step.job),
        "environment": dict(step.environ),
        "secrets": list(step.secrets),
        "disk_bytes": step.disk_bytes,
        "needs_gpu": step.needs_gpu,
    }


def _step(step: Step, plan: Plan) -> str:
    place = step.makes(plan.home)
    if step.is_made(plan.home):
        return f"{step.title}: made before, {place}"
    size = f", {_size(step.disk_bytes)}" if step.disk_bytes else ""
    return f"{step.title}{size}{' on the GPU' if step.needs_gpu else ''}" + (f", into {place}" if place else "")


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < KILO:
            return f"{count:.0f} {unit}"
        count /= KILO
    return f"{count:.1f} GB"


def _engine(plan: Plan) -> str:
    if plan.launch.mode == "tool":
        return "none: the tool model alone"
    name = plan.settings.deployment.inference_engine
    if name is EngineName.VLLM and plan.launch.target == "cpu":
        return "vLLM on the CPU"
    compiled = plan.environ.get("TRT_ENGINE_DIR") if name is EngineName.TRT else None
    return ENGINES.get(name.value, name.value) + (f", compiled engine {compiled}" if compiled else "")


def _model(plan: Plan, slot: str) -> str:
    model = plan.launch.environ.get(slot, "")
    demo = next((one for one in plan.launch.demo if SLOT_OF[one] == slot), None)
    if demo is not None:
        return DEMO[demo] if model == PLACEHOLDER else f"{DEMO[demo]}, {model}"
    revision = plan.making.changed.get(f"{slot.partition('_')[0]}_REVISION", "")
    return f"{model} at {revision[:12]}" if revision else model


__all__ = ["as_json", "banner", "refused", "welcome"]
