"""A push as steps of a worker's: what it consists of, whether it will be let through, and the push itself."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve, frozen

from tooling.models import ROOT, TOKENS, hub_environ, require_answer
from tooling.preparing import Step, carry_out
from tooling.push.order import Order

WORKER = (sys.executable, "-m", "tooling.push.worker")
PUSH = "push"
Say = Callable[[str], None]


@frozen(kw_only=True)
class Listed:
    """What a push consists of. `files`: bytes by path in the repository; `readme`: None where its own stays."""

    files: Mapping[str, int]
    left_out: tuple[str, ...]
    readme: str | None
    notes: tuple[str, ...]


def push_step(order: Order, environ: Mapping[str, str]) -> Step:
    """The push of an order (`order_for`), carried out once everything that names is made. Its result has `url` and
    `commit`, or a refusal (`tooling.models.require_answer`).
    """
    what = "engine" if order.export is None and order.checkpoint is None else "quantised weights"
    return _step("push", order, environ, title=f"pushing {what} to {order.repository}", secrets=TOKENS)


def check(push: Step, environ: Mapping[str, str], say: Say) -> str | None:
    """Ask the Hub, before anything long begins, whether it will let a push (`push_step`) through; what to tell about
    the repository that is there.

    Raises `Refusal` (3) with every complaint: token, its rights, the repository; 1 where the Hub cannot be asked.
    """
    title = f"asking whether the Hub will take it ({push.title})"
    step = evolve(push, name="check", title=title, job={**push.job, "task": "check"})
    note = _carried_out(step, environ, say)["note"]
    return str(note) if note else None


def listed(order: Order, environ: Mapping[str, str], say: Say) -> Listed:
    """What the push would upload, from what is on this machine. Raises `Refusal` (1): something is not whole."""
    step = _step("list", order, environ, title=f"listing what goes to {order.repository}")
    found = _carried_out(step, {**environ, "HF_HUB_OFFLINE": "1"}, say)
    return Listed(
        files=found["files"],
        left_out=tuple(found["left_out"]),
        readme=found["readme"],
        notes=tuple(found["notes"]),
    )


def _step(task: str, order: Order, environ: Mapping[str, str], *, title: str, secrets: tuple[str, ...] = ()) -> Step:
    return Step(
        name=PUSH,
        title=title,
        program=WORKER,
        job={"task": task, "order": order.as_json()},
        secrets=secrets,
        environ=hub_environ(environ),
    )


def _carried_out(step: Step, environ: Mapping[str, str], say: Say) -> Mapping[str, Any]:
    _, result = carry_out(step, ROOT, environ, say)
    return require_answer(result)


__all__ = ["PUSH", "Listed", "check", "listed", "push_step"]
