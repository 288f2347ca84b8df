"""Carries a plan out up to the moment the server starts: demo models, fetches, exports, engines, uploads."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import evolve, frozen

from tooling.keeper import Prepared
from tooling.models import require_answer
from tooling.preparing import Step, carry_out
from tooling.refusal import PUSH_FAILED, Refusal
from tooling.run.launch import check, with_demo
from tooling.run.plan import Plan

Say = Callable[[str], None]
Ensure = Callable[[Sequence[str], Path, Say], dict[str, Path]]
PUSH = "push"


@frozen
class Preparation:
    """What has to be done before a plan's server starts. `ensure`: makes demo models; `done`: of how many of its steps
    that was done before.
    """

    plan: Plan
    ensure: Ensure
    done: int = 0

    def beside(self, say: Say) -> "Preparation":
        """Do what can be done while another server has the GPU; the rest of it is returned. Raises `Refusal`."""
        self._demo(say)
        done = 0
        for step in self.plan.steps:
            if step.name == PUSH or (step.needs_gpu and not step.is_made(self.plan.home)):
                break
            work(step, self.plan.home, self.plan.launch.environ, say)
            done += 1
        left = [step.title for step in self.plan.steps[done:] if step.needs_gpu]
        if left:
            say(f"{', '.join(left)}: has to be made on the GPU, so the running server is stopped first")
        return evolve(self, done=done)

    def __call__(self, say: Say) -> Prepared:
        """Do it. Raises `Refusal` where a step fails; a push that fails is told, and gives code 7."""
        plan, code = self.plan, 0
        demo = self._demo(say)
        for step in plan.steps[self.done :]:
            try:
                work(step, plan.home, plan.launch.environ, say)
            except Refusal as refusal:
                if step.name != PUSH:
                    raise
                say(f"{refusal}\nthe server starts without it; just push repeats it")
                code = PUSH_FAILED
        environ = {**plan.environ, **demo}
        resolved = {**plan.resolved, **{name.lower(): value for name, value in demo.items()}}
        return Prepared(environ=environ, resolved=resolved, code=code)

    def _demo(self, say: Say) -> Mapping[str, str]:
        """Where the demo models are, by variable."""
        launch = self.plan.launch
        if not launch.demo:
            return {}
        made = with_demo(launch, self.ensure(launch.demo, self.plan.home, say))
        check(made)
        return {slot: made.environ[slot] for slot in made.slots}


def work(step: Step, home: Path, environ: Mapping[str, str], say: Say) -> None:
    """Carry one step out. Raises `Refusal`: what failed, or what a worker that speaks with the Hub was told."""
    tick = _redraw if sys.stderr is not None and sys.stderr.isatty() else None
    _, result = carry_out(step, home, environ, say, tick)
    require_answer(result)


def _redraw(text: str) -> None:
    """What a step is at, in the terminal's last line; the next whole line takes its place."""
    sys.stderr.write(f"\r\x1b[K{text[:100]}\r")
    sys.stderr.flush()


__all__ = ["Ensure", "Preparation", "work"]
