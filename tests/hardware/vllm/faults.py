"""`python -m tests.hardware.vllm.faults --model M [--dummy]`: cancels, barge-ins and deaths on a real engine, timed.

Starts a server of its own, does to its engine what production does, and prints one line per check: what was seen,
and in how many milliseconds. Exit status 1 if any check failed. Starts that fail have their own program, `starts`.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import trio
from trio_websocket import open_websocket_url

from engines import processes
from runtime.gpus import visible_gpus
from tests.e2e.program import yield_processor
from tests.hardware.conversation import Failed, Talk, since
from tests.hardware.server import PROGRAMS, Watched, child_environment, grammar, rays_workers, settings
from tooling.benchmarks.serving.processes import free_port, running

STORY = "Tell me the longest story that you can."
PATIENCE_S = 280
KILLS = (("EngineCore", signal.SIGKILL), ("EngineCore", signal.SIGTERM), ("Worker", signal.SIGKILL))


class Checks:
    """Runs checks against one server, collects verdicts."""

    def __init__(self, server: Watched, replicas: int, *, on_ray: bool) -> None:
        self.server, self.replicas, self.on_ray, self.failed = server, replicas, on_ray, 0

    async def all(self, deaths: str) -> None:
        """Every check, in an order in which each leaves a working server; the last one kills it."""
        async with open_websocket_url(self.server.url, message_queue_size=4096) as ws:
            talk = Talk(ws)
            await talk.start()
            await self.check("a cancel frees the engine", lambda: self.cancel(talk))
            await self.check("a barge-in frees the engine and the next turn speaks", lambda: self.barge_in(talk))
            await self.check("64 cancels in a row leave nothing running", lambda: self.storm(talk))
            if deaths == "all":
                await self.stops(talk)
            if deaths != "none":
                await self.kills(
                    talk, KILLS if deaths == "all" else [kill for kill in KILLS if kill[1] == signal.SIGKILL]
                )
            if deaths == "all":
                await self.check("core stopped for good: the hang is ended", lambda: self.hang(talk))
                await self.check("    it comes back, the session goes on", lambda: self.recover(talk))
            await self.check("the server is killed: nothing of it stays", self.nothing_stays)

    async def stops(self, talk: Talk) -> None:
        """Stopped for a moment."""
        await self.check("idle core stopped, then continued", self.stop_and_go)
        await self.check("core stopped in a turn, then continued: the turn goes on", lambda: self.pause(talk))

    async def kills(self, talk: Talk, kills: Sequence[tuple[str, signal.Signals]]) -> None:
        """Ended, one after the other; each time the session goes on."""
        for name, number in kills:
            what = f"{name} {number.name} in a turn"
            if self.server.find(name) is None:
                print(f"none   {what}: there is no such process, the core is the worker", flush=True)
                continue
            await self.check(what, partial(self.kill, talk, name, number))
            await self.check("    it comes back, the session goes on", lambda: self.recover(talk))

    async def check(self, name: str, what: Callable[[], Awaitable[str]]) -> None:
        """Run one check, print its verdict."""
        started = time.perf_counter()
        try:
            with trio.fail_after(PATIENCE_S):
                seen = await what()
            verdict = "ok    "
        except (Failed, trio.TooSlowError) as problem:
            seen, verdict = repr(problem), "FAILED"
            self.failed += 1
        print(f"{verdict} {name}: {seen}  [{since(started)}]", flush=True)

    async def cancel(self, talk: Talk) -> str:
        await talk.until_speaking(STORY)
        sent = time.perf_counter()
        await talk.send("cancel")
        await talk.until("cancelled")
        answered = time.perf_counter()
        await self.server.until_free()
        return f"answered after {(answered - sent) * 1e3:.1f} ms, engine idle after {since(sent)}"

    async def barge_in(self, talk: Talk) -> str:
        await talk.until_speaking(STORY)
        sent = time.perf_counter()
        await talk.until_speaking("Stop. What is your name?")
        heard = since(sent)
        await talk.until("done")
        await self.server.until_free()
        return f"first new text after {heard}"

    async def storm(self, talk: Talk) -> str:
        for _ in range(64):
            await talk.send("message", user_utterance=STORY)
            await talk.until("ack")
            await talk.send("cancel")
            await talk.until("cancelled")
        sent = time.perf_counter()
        await self.server.until_free()
        return f"engine idle after {since(sent)}"

    async def stop_and_go(self) -> str:
        core = self.server.signal("EngineCore", signal.SIGSTOP)
        sent = time.perf_counter()
        try:
            await self.server.until_ready(False)
            noticed = since(sent)
        finally:
            os.kill(core, signal.SIGCONT)
        sent = time.perf_counter()
        await self.server.until_ready(True)
        return f"not ready after {noticed}, ready again after {since(sent)}"

    async def pause(self, talk: Talk) -> str:
        await talk.until_speaking(STORY)
        core = self.server.signal("EngineCore", signal.SIGSTOP)
        try:
            await self.server.until_ready(False)
            await trio.sleep(1)
        finally:
            os.kill(core, signal.SIGCONT)
        usage = (await talk.until("done"))["payload"]["usage"]
        await self.server.until_ready(True)
        return f"done with {usage['completion_tokens']} tokens"

    async def kill(self, talk: Talk, name: str, number: signal.Signals) -> str:
        await talk.until_speaking(STORY)
        sent = time.perf_counter()
        self.server.signal(name, number)
        return await self._told(talk, sent, may_finish=number == signal.SIGTERM)

    async def hang(self, talk: Talk) -> str:
        await talk.until_speaking(STORY)
        sent = time.perf_counter()
        self.server.signal("EngineCore", signal.SIGSTOP)
        await self.server.until_ready(False)
        noticed = since(sent)
        # The newest core may be the replica that does not speak: then the turn is done and the next ones are not.
        return f"not ready after {noticed}; {await self._told(talk, sent, may_finish=self.replicas > 1)}"

    async def _told(self, talk: Talk, sent: float, *, may_finish: bool = False) -> str:
        end = await talk.end()
        told = since(sent)
        # A terminated core may let a quick turn come to its own end before it goes.
        if not (may_finish and end["type"] == "done"):
            reason = end["payload"].get("details", {}).get("reason_code")
            if reason != "engine_error":
                raise Failed(end)
        await self.server.until_ready(False)
        return f"{end['type']} frame after {told}, not ready by {since(sent)}"

    async def recover(self, talk: Talk) -> str:
        started = time.perf_counter()
        await self.server.until_ready(True)
        back = since(started)
        await talk.until_speaking("Hello again.")
        await talk.until("done")
        return f"ready after {back}, next turn done"

    async def nothing_stays(self) -> str:
        family = self.server.family()
        started = time.perf_counter()
        os.kill(self.server.pid, signal.SIGKILL)
        while left := [*(one for one in family if processes.is_alive(one)), *(rays_workers() if self.on_ray else ())]:
            if time.perf_counter() - started > 15:
                raise Failed(f"still there: {left}")
            await trio.sleep(0.05)
        gone = since(started)
        free = ", ".join(f"{gpu.free_gib:.1f} of {gpu.total_gib:.1f}" for gpu in visible_gpus(os.environ))  # noqa: TID251
        return f"{len(family)} processes gone after {gone}" + (f"; GiB free now: {free}" if free else "")


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Start the server, run the checks."""
    parser: argparse.ArgumentParser = grammar("python -m tests.hardware.vllm.faults", main.__doc__ or "")
    parser.add_argument(
        "--deaths", choices=("all", "kills", "none"), default="all", help="kills: SIGKILL of core and worker alone"
    )
    options = parser.parse_args(argv)
    port = free_port()
    child = child_environment(environ, settings(options, port))
    with running(["-m", PROGRAMS[options.dummy]], child, f"http://127.0.0.1:{port}/readyz") as pid:
        yield_processor(pid)  # or on few cores the client hears of a reply when it is over
        checks = Checks(Watched(port, pid), options.data_parallel, on_ray=options.backend == "ray")
        trio.run(lambda: checks.all(options.deaths))
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
