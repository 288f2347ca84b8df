"""Tries mutations, several at a time: seeds one after the other until one breaks an invariant."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing import connection, get_context
from multiprocessing.context import ForkProcess

from attrs import define, evolve, field

from tests.simulation.mutations.finding import Finding
from tests.simulation.mutations.mutation import Mutation
from tests.simulation.mutations.tree import Stale, Tree, copied
from tests.simulation.mutations.trial import trial

_FORK = get_context("fork")  # a child starts with all that is slow to import, torch and transformers


@define(eq=False)
class _Run:
    """A mutation that is being tried. `until`: restores its tree."""

    mutation: Mutation
    tree: Tree
    process: ForkProcess
    results: connection.Connection
    until: contextlib.ExitStack
    finding: Finding
    began: float = field(factory=time.monotonic)


def self_test(
    mutations: Sequence[Mutation], seeds: Sequence[int], jobs: int, told: Callable[[Finding], None]
) -> list[Finding]:
    """What became of each, in their order. `told`: each as soon as it is known."""
    found: dict[str, Finding] = {}
    waiting = deque(mutations)
    with contextlib.ExitStack() as stack:
        trees = [stack.enter_context(copied()) for _ in range(min(jobs, len(mutations)))]
        running: dict[connection.Connection, _Run] = {}
        stack.callback(_end_all, running)
        while waiting or running:
            while waiting and trees:
                begun = _begin(waiting.popleft(), trees.pop(), seeds)
                if isinstance(begun, _Run):
                    running[begun.results] = begun
                else:
                    finding, tree = begun
                    found[finding.mutation] = finding
                    trees.append(tree)
                    told(finding)
            for results in connection.wait(list(running)):
                assert isinstance(results, connection.Connection)
                if (run := _heard(running[results])) is not None:
                    del running[results]
                    trees.append(run.tree)
                    found[run.mutation.name] = run.finding
                    told(run.finding)
    return [found[mutation.name] for mutation in mutations]


def control(seeds: Sequence[int]) -> Finding:
    """The unchanged tree with these seeds: one that breaks something there shows nothing of a mutation."""
    finding = Finding(mutation="none", file="")
    if not seeds:
        return finding
    with copied() as tree:
        process, results = _start(tree, (), seeds)
        try:
            while not finding.invariant:
                seed, invariant, detail = results.recv()
                finding = evolve(finding, seeds=finding.seeds + 1, seed=seed, invariant=invariant, detail=detail)
        except EOFError:
            return finding
        finally:
            process.kill()
            process.join()
    return finding


def _start(tree: Tree, changed: Sequence[str], seeds: Sequence[int]) -> tuple[ForkProcess, connection.Connection]:
    results, theirs = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=trial, args=(tree.directory, changed, seeds, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, results


def _begin(mutation: Mutation, tree: Tree, seeds: Sequence[int]) -> "_Run | tuple[Finding, Tree]":
    finding = Finding(mutation=mutation.name, file=mutation.files[0], sentence=mutation.sentence)
    until = contextlib.ExitStack()
    try:
        until.enter_context(tree.changed(mutation))
    except Stale as error:
        return evolve(finding, stale=str(error)), tree
    process, results = _start(tree, mutation.files, seeds)
    return _Run(mutation, tree, process, results, until, finding)


def _heard(run: _Run) -> _Run | None:
    """Take note of what it says; the run itself if that was its last word."""
    try:
        seed, invariant, detail = run.results.recv()
    except EOFError:
        _end(run)
        return run
    seconds = time.monotonic() - run.began
    run.finding = evolve(
        run.finding,
        seeds=run.finding.seeds + 1,
        seed=seed,
        invariant=invariant,
        detail=detail,
        seconds=round(seconds, 1),
    )
    if not invariant:
        return None
    _end(run)
    return run


def _end(run: _Run) -> None:
    run.process.kill()
    run.process.join()
    run.results.close()
    run.until.close()


def _end_all(running: dict[connection.Connection, _Run]) -> None:
    for run in running.values():
        _end(run)


__all__ = ["control", "self_test"]
