"""`python -m tests.hardware.vllm_faults --model M [--dummy]`: cancels, barge-ins and deaths on a real engine, timed.

Starts a server of its own, does to its engine what production does, and prints one line per check: what was seen,
and in how many milliseconds. Exit status 1 if any check failed.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from tooling.benchmarks.serving.processes import free_port, running

KEY = "hardware-key"
STORY = "Tell me the longest story that you can."


class Failed(Exception):
    """A check saw something else than it should."""


class Checks:
    """Runs checks against one server, collects verdicts."""

    def __init__(self, port: int, pid: int) -> None:
        self.http, self.pid = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10), pid
        self.url = f"ws://127.0.0.1:{port}/ws?api_key={KEY}"
        self.failed = 0

    async def all(self) -> None:
        """Every check, in an order in which each leaves a working server."""
        async with open_websocket_url(self.url, message_queue_size=4096) as ws:
            talk = Talk(ws)
            await talk.start()
            await self.check("a cancel frees the engine", lambda: self.cancel(talk))
            await self.check("a barge-in frees the engine and the next turn speaks", lambda: self.barge_in(talk))
            await self.check("64 cancels in a row leave nothing running", lambda: self.storm(talk))
            await self.check("EngineCore SIGSTOP: not ready, SIGCONT: ready", self.stop_and_go)
            await self.check("EngineCore SIGKILL mid-turn: error frame", lambda: self.kill(talk, "EngineCore"))
            await self.check("the engine comes back, the session goes on", lambda: self.recover(talk))
            await self.check("EngineCore SIGTERM mid-turn: error frame", lambda: self.terminate(talk))
            await self.check("the engine comes back again", lambda: self.recover(talk))

    async def check(self, name: str, what: Callable[[], Awaitable[str]]) -> None:
        """Run one check, print its verdict."""
        started = time.perf_counter()
        try:
            with trio.fail_after(240):
                seen = await what()
            verdict = "ok    "
        except (Failed, trio.TooSlowError) as problem:
            seen, verdict = repr(problem), "FAILED"
            self.failed += 1
        print(f"{verdict} {name}: {seen}  [{(time.perf_counter() - started) * 1000:.0f} ms]", flush=True)

    async def cancel(self, talk: "Talk") -> str:
        await talk.until_speaking(STORY)
        sent = time.perf_counter()
        await talk.send("cancel")
        await talk.until("cancelled")
        answered = time.perf_counter()
        await self.until_free()
        return f"answered after {(answered - sent) * 1e3:.1f} ms, engine idle after {_ms(sent)}"

    async def barge_in(self, talk: "Talk") -> str:
        await talk.until_speaking(STORY)
        sent = time.perf_counter()
        await talk.until_speaking("Stop. What is your name?")
        heard = _ms(sent)
        await talk.until("done")
        await self.until_free()
        return f"first new text after {heard}"

    async def storm(self, talk: "Talk") -> str:
        for _ in range(64):
            await talk.send("message", user_utterance=STORY)
            await talk.until("ack")
            await talk.send("cancel")
            await talk.until("cancelled")
        sent = time.perf_counter()
        await self.until_free()
        return f"engine idle after {_ms(sent)}"

    async def stop_and_go(self) -> str:
        core = self.process("EngineCore")
        os.kill(core, signal.SIGSTOP)
        sent = time.perf_counter()
        try:
            await self.until_ready(False)
            noticed = _ms(sent)
        finally:
            os.kill(core, signal.SIGCONT)
        sent = time.perf_counter()
        await self.until_ready(True)
        return f"not ready after {noticed}, ready again after {_ms(sent)}"

    async def kill(self, talk: "Talk", name: str, number: int = signal.SIGKILL) -> str:
        await talk.until_speaking(STORY)
        sent = time.perf_counter()
        os.kill(self.process(name), number)
        error = await talk.until("error")
        if error["payload"]["details"]["reason_code"] != "engine_error":
            raise Failed(error)
        told = _ms(sent)
        await self.until_ready(False)
        return f"error frame after {told}, not ready after {_ms(sent)}"

    async def terminate(self, talk: "Talk") -> str:
        return await self.kill(talk, "EngineCore", signal.SIGTERM)

    async def recover(self, talk: "Talk") -> str:
        started = time.perf_counter()
        await self.until_ready(True)
        back = _ms(started)
        await talk.until_speaking("Hello again.")
        await talk.until("done")
        return f"ready after {back}, next turn done"

    async def until_free(self) -> None:
        while await self.metric("engine_unfinished_requests") or await self.metric("unconfirmed_aborts"):
            await trio.sleep(0.001)

    async def until_ready(self, wanted: bool) -> None:
        while ((await self.http.get("/readyz")).status_code == httpx.codes.OK) is not wanted:
            await trio.sleep(0.02)

    async def metric(self, name: str) -> float:
        for line in (await self.http.get("/metrics")).text.splitlines():
            if line.startswith(f"text_inference_{name} "):
                return float(line.split()[1])
        return 1.0  # the engine did not say: not known to be free

    def process(self, name: str) -> int:
        """The newest descendant of the server whose title holds `name`."""
        parents: dict[int, int] = {}
        titles: dict[int, str] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                    titles[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
                except OSError:
                    continue
        found = [pid for pid in parents if name in titles.get(pid, "") and self._is_ours(pid, parents)]
        if not found:
            raise Failed(f"no process called {name}")
        return max(found)

    def _is_ours(self, pid: int, parents: Mapping[int, int]) -> bool:
        while pid in parents:
            if pid == self.pid:
                return True
            pid = parents[pid]
        return False


class Talk:
    """One conversation."""

    def __init__(self, socket: WebSocketConnection) -> None:
        self._socket, self._count = socket, 0

    async def send(self, kind: str, **payload: object) -> str:
        self._count += 1
        request_id = f"r{self._count}"
        frame = {"type": kind, "session_id": "hardware", "request_id": request_id, "payload": payload}
        await self._socket.send_message(json.dumps(frame))
        return request_id

    async def start(self) -> None:
        await self.send(
            "start", chat_prompt="You are brief.", user_utterance="Hi.", sampling={"sanitize_output": False}
        )
        await self.until("done")

    async def until_speaking(self, text: str) -> None:
        request_id = await self.send("message", user_utterance=text)
        while (frame := await self.frame())["type"] != "token" or frame["request_id"] != request_id:
            if frame["type"] == "error":
                raise Failed(frame)

    async def until(self, kind: str) -> dict[str, Any]:
        while (frame := await self.frame())["type"] != kind:
            if frame["type"] == "error" and kind != "error":
                raise Failed(frame)
        return frame

    async def frame(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self._socket.get_message())
        return found


def _ms(since: float) -> str:
    return f"{(time.perf_counter() - since) * 1000:.0f} ms"


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Start the server, run the checks."""
    parser = argparse.ArgumentParser(prog="python -m tests.hardware.vllm_faults", description=main.__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--dummy", action="store_true", help="random weights")
    options = parser.parse_args(argv)
    port = free_port()
    settings = {
        "TEXT_API_KEY": KEY,
        "MAX_CONCURRENT_CONNECTIONS": "4",
        "INFERENCE_ENGINE": "vllm",
        "CHAT_MODEL": options.model,
        "SERVER_BIND_HOST": "127.0.0.1",
        "SERVER_PORT": str(port),
        "METRICS_ENABLED": "1",
        "CHAT_MAX_OUT": "1000",
        "WS_MAX_MESSAGES_PER_WINDOW": "0",
    }
    module = "tooling.benchmarks.serving.dummy_weights" if options.dummy else "runtime"
    with running(["-m", module], {**environ, **settings}, f"http://127.0.0.1:{port}/readyz") as pid:
        checks = Checks(port, pid)
        trio.run(checks.all)
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
