"""A decision for people and for machines. Nothing secret is in it: steps name the variables that workers get."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tooling.preparing import Step
from tooling.trt.building import PROGRAM, build_command
from tooling.trt.decision import Decision
from tooling.trt.recipes import Sizes
from tooling.trt.surroundings import Surroundings

MB, GB = 1e6, 1e9


def as_text(decision: Decision, around: Surroundings) -> str:
    """What will be done, line by line."""
    return "\n".join(_lines(decision, around))


def as_json(decision: Decision, around: Surroundings) -> str:
    """The same as one JSON object."""
    shown: dict[str, Any] = {
        "fetch": [{"model": need.model.name, "parts": list(need.parts)} for need in decision.needs],
        "steps": [_step(step, around.home) for step in decision.steps],
        "engine": decision.engine.origin if decision.engine else None,
        "engine_dir": str(decision.engine_dir) if decision.engine_dir else None,
        "checkpoint_dir": str(decision.checkpoint_dir) if decision.checkpoint_dir else None,
        "label": decision.label or None,
        "sm": around.sm,
        "environment": dict(decision.environ()),
        "notes": list(decision.notes),
        "refused": list(decision.refused),
    }
    return json.dumps(shown, indent=2)


def _lines(decision: Decision, around: Surroundings) -> Iterator[str]:
    for need in decision.needs:
        yield f"fetch       {' '.join((need.model.name, *need.parts))}"
    for step in decision.steps:
        yield f"{step.name:<11} {step.title}{_about(step.disk_bytes)}"
        yield f"            into {step.makes(around.home)}"
        if step.name == "engine":
            yield f"            {' '.join(_command(step, around.home))}"
    if decision.engine is not None:
        place = decision.engine_dir or decision.engine.folder
        yield f"engine      {decision.engine.origin}: {place}, nothing to build"
    for note in decision.notes:
        yield f"note        {note}"
    if decision.refused:
        yield "It would be refused:"
        yield from (f"  {line}" for line in decision.refused)


def _about(count: int) -> str:
    return f"; about {_size(count)}" if count else ""


def _size(count: int) -> str:
    return f"{count / GB:.1f} GB" if count >= GB / 10 else f"{count / MB:.0f} MB"


def _step(step: Step, home: Path) -> Mapping[str, Any]:
    made: dict[str, Any] = {
        "name": step.name,
        "title": step.title,
        "key": step.entry.key if step.entry else None,
        "recipe": dict(step.entry.recipe) if step.entry else None,
        "output": str(step.makes(home)),
        "program": list(step.program),
        "secrets": list(step.secrets),
        "environment": dict(step.environ),
        "disk_bytes": step.disk_bytes,
        "anew": step.anew,
    }
    return made | ({"command": _command(step, home)} if step.name == "engine" else {})


def _command(step: Step, home: Path) -> list[str]:
    """What the worker will run; the directory it really writes into has a suffix until it is complete."""
    source, sizes, workers = step.job["source"], step.job["sizes"], step.job["workers"]
    assert isinstance(source, Mapping)
    assert isinstance(sizes, Mapping)
    assert isinstance(workers, int)
    checkpoint = source["directory"] or f"{source['name']}/{source['folder']}".rstrip("/")
    return build_command(PROGRAM, str(checkpoint), str(step.makes(home)), Sizes(**sizes), workers)


__all__ = ["as_json", "as_text"]
