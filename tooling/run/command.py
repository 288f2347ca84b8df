"""Carries a command line out: decide, refuse what cannot be, prepare, serve until the server ends or is ready."""

import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from attrs import evolve, field, frozen

from runtime.settings import Settings, beneath, read_env_file
from tooling import INTERRUPTED
from tooling.cache import require_home
from tooling.ending import told
from tooling.keeper import Orders, Prepare
from tooling.push import check as check_push
from tooling.refusal import PUSH_FAILED, Refusal, joined
from tooling.run.announce import as_json, banner, refused, welcome
from tooling.run.facts import gather
from tooling.run.grammar import Command, parse
from tooling.run.interpreter import python_for
from tooling.run.launch import Launch, check, decide
from tooling.run.machine import require_gpu, require_trt
from tooling.run.making import PUSH
from tooling.run.plan import Plan, plan
from tooling.run.preparation import Ensure, Preparation
from tooling.run.requested import Requested
from tooling.run.usage import RUN
from tooling.running import State

KEY_BYTES = 24
SERVER = ("-m", "runtime")
HALF_WAY = "interrupted: the server was told to stop and nothing took its place; just restart starts it again"
Say = Callable[[str], None]


class Keeping(Protocol):
    """What a launch needs of a keeper (`tooling.keeper.Keeper`)."""

    @property
    def log(self) -> Path: ...
    def follow_runner(self) -> None: ...
    def keep(self, command: Sequence[str], prepare: Prepare) -> int: ...
    def detach(self, command: Sequence[str], prepare: Prepare) -> int: ...


@frozen(kw_only=True)
class Ways:
    """How a launch reaches out. `ensure`: makes demo models; `keeper`: claims port and log; `follow`: shows a log until
    Ctrl+C; `become`: goes on in the interpreter of another environment, with the same command line.
    """

    ensure: Ensure
    keeper: Callable[[Orders], Keeping]
    follow: Callable[[Path], int]
    become: Callable[[Path], int]


@frozen(kw_only=True)
class Before:
    """The launch that a new one takes the place of. `state`: of a server that runs, which `stop` ends when all else is
    decided; `notes`: what to tell about it.
    """

    requested: Requested
    state: State | None = None
    stop: Callable[[Say], None] = field(default=lambda say: None)
    notes: tuple[str, ...] = ()


def run(argv: Sequence[str], environ: Mapping[str, str], ways: Ways) -> int:
    """Do what the words say and return an exit code."""
    return from_words("run", RUN, argv, lambda command: launch(command, with_file(command, environ), ways))


def from_words(name: str, usage: str, argv: Sequence[str], work: Callable[[Command], int]) -> int:
    """Do the work of a command line; what ends it is told in sentences, and is an exit code."""

    def whole() -> int:
        command = parse(argv)
        if command.help:
            print(usage)
            return 0
        return work(command)

    return told(name, whole)


def with_file(command: Command, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, and beneath it what an `--env-file` says."""
    return beneath(environ, read_env_file(command.env_file) if command.env_file else {})


def launch(command: Command, environ: Mapping[str, str], ways: Ways, before: Before | None = None) -> int:
    """Launch what is asked for, in the place of what was there `before`."""
    made_key = "made-up-at-start" if command.plan else secrets.token_urlsafe(KEY_BYTES)
    asked = decide(command, environ, made_key, before.requested if before else None)
    if not command.plan and asked.requested.engine != "scripted":
        if asked.target == "vllm":
            require_gpu()  # rather than an environment that is of no use here
        if (python := python_for(asked.target)) is not None:
            return ways.become(python)
        if asked.target == "trt":
            require_trt()  # nothing else matters without it, and only this one sentence helps
    asked = evolve(asked, notes=(*(before.notes if before else ()), *asked.notes))
    decided = decide_all(asked, check(asked), before.state if before else None, is_planning=command.plan)
    if command.plan:
        lines = [as_json(decided)] if command.as_json else [*banner(decided), *welcome(decided), *refused(decided)]
        print("\n".join(lines))
        return 0
    if refusals := (*decided.refusals, *_of_the_hub(decided)):
        raise joined(refusals)
    return _start(command, decided, ways, before)


def decide_all(asked: Launch, settings: Settings, own: State | None, *, is_planning: bool) -> Plan:
    """Look at the machine and the models, and decide. Raises `Refusal` for a home that is not ours to fill."""
    home = require_home(settings.deployment.yap_home)
    facts = gather(asked, settings, home, say, own=own, is_planning=is_planning)
    return plan(asked, settings, facts, home, Path.cwd())


def _of_the_hub(decided: Plan) -> tuple[Refusal, ...]:
    """Why the Hub would not take what is to be pushed: asked before anything long begins."""
    try:
        for step in decided.steps:
            if step.name == PUSH and (note := check_push(step, decided.launch.environ, say)):
                say(note)
    except Refusal as refusal:
        return (refusal,)
    return ()


def _start(command: Command, decided: Plan, ways: Ways, before: Before | None) -> int:
    preparation = Preparation(decided, ways.ensure)
    if before is not None:
        preparation = preparation.beside(say)
        try:
            before.stop(say)
        except KeyboardInterrupt:
            raise Refusal(HALF_WAY, INTERRUPTED) from None
    keeper = ways.keeper(
        Orders(
            settings=decided.settings,
            home=decided.home,
            log=decided.log,
            requested=decided.launch.requested.written(),
            resolved=dict(decided.resolved),
            banner=banner(decided),
            extra=welcome(decided),
        )
    )
    server = (sys.executable, *SERVER)
    if not command.detach:
        keeper.follow_runner()
        print("\n".join((*banner(decided), *welcome(decided))), flush=True)
        return keeper.keep(server, preparation)
    print("\n".join(banner(decided)), flush=True)
    code = keeper.detach(server, preparation)
    if command.follow and code in (0, PUSH_FAILED):
        return ways.follow(keeper.log) or code
    return code


def say(text: str) -> None:
    """A line for whoever waits, on stderr."""
    print(text, file=sys.stderr, flush=True)


__all__ = ["Before", "Keeping", "Ways", "from_words", "launch", "run", "say", "with_file"]
