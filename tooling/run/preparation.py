"""Carries a plan out up to the moment the server starts: demo models, fetches, exports, engines, uploads."""

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import evolve, field, frozen

from tooling.keeper import Prepared
from tooling.models import require_answer
from tooling.preparing import Step, carry_out
from tooling.refusal import PUSH_FAILED, Refusal
from tooling.run.launch import SLOT_OF
from tooling.run.making import FETCH, PUSH
from tooling.run.plan import Plan

Say = Callable[[str], None]
Ensure = Callable[[Sequence[str], Path, Say], dict[str, Path]]
# Variables of which it is written down what came of them.
SERVED = ("CHAT_MODEL", "TOOL_MODEL", "CHAT_REVISION", "TOOL_REVISION", "TRT_ENGINE_DIR")


@frozen
class Preparation:
    """What has to be done before a plan's server starts. `ensure`: makes demo models; `done`: of how many of its steps
    that was done before, `places`: where what they fetched is.
    """

    plan: Plan
    ensure: Ensure
    done: int = 0
    places: Mapping[str, Path] = field(factory=dict)

    def beside(self, say: Say) -> "Preparation":
        """Do what can be done while another server has the GPU; the rest of it is returned. Raises `Refusal`."""
        self._demo(say)
        done, places = 0, dict(self.places)
        while done < len(self.plan.steps):
            step = self._step(done, places)
            if step.name == PUSH or (step.needs_gpu and not step.is_made(self.plan.home)):
                break
            places |= work(step, self.plan.home, self.plan.launch.environ, say)
            done += 1
        left = [step.title for step in self.plan.steps[done:] if step.needs_gpu]
        if left:
            say(f"{', '.join(left)}: has to be made on the GPU, so the running server is stopped first")
        return evolve(self, done=done, places=places)

    def __call__(self, say: Say) -> Prepared:
        """Do it. Raises `Refusal` where a step fails; a push that fails is told, and gives code 7."""
        plan, code, places = self.plan, 0, dict(self.places)
        demo = self._demo(say)
        for number in range(self.done, len(plan.steps)):
            step = self._step(number, places)
            try:
                places |= work(step, plan.home, plan.launch.environ, say)
            except Refusal as refusal:
                if step.name != PUSH:
                    raise
                say(f"{refusal}\nthe server starts without it; just push repeats it")
                code = PUSH_FAILED
        changed = {**plan.making.located(places).changed, **demo}
        served = {name.lower(): value for name, value in changed.items() if name in SERVED}
        return Prepared(environ={**plan.launch.environ, **changed}, resolved={**plan.resolved, **served}, code=code)

    def _step(self, number: int, places: Mapping[str, Path]) -> Step:
        """One of the steps; all that do not fetch know where what was fetched is."""
        step = self.plan.steps[number]
        return step if step.name == FETCH else self.plan.making.located(places).steps[number]

    def _demo(self, say: Say) -> Mapping[str, str]:
        """Where the demo models are, by variable."""
        launch = self.plan.launch
        if not launch.demo:
            return {}
        places = self.ensure(launch.demo, self.plan.home, say)
        return {SLOT_OF[kind]: str(place) for kind, place in places.items()}


def work(step: Step, home: Path, environ: Mapping[str, str], say: Say) -> dict[str, Path]:
    """Carry one step out; where what it fetched is, by name. Raises `Refusal`: what failed, or what the Hub said."""
    if sys.stderr is None or not sys.stderr.isatty():
        _, result = carry_out(step, home, environ, say)
    else:
        _, result = carry_out(step, home, environ, lambda line: _in_its_place(line, say), _redraw)
    answer = require_answer(result)
    return {str(step.job["name"]): Path(answer["path"])} if step.name == FETCH else {}


def _redraw(text: str) -> None:
    """What a step is at, in the terminal's last line; the next whole line takes its place."""
    sys.stderr.write(f"\r\x1b[K{text[: shutil.get_terminal_size().columns - 1]}")
    sys.stderr.flush()


def _in_its_place(line: str, say: Say) -> None:
    sys.stderr.write("\r\x1b[K")
    sys.stderr.flush()
    say(line)


__all__ = ["Ensure", "Preparation", "work"]
