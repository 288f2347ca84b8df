"""A process of its own around a real `VllmEngine`: commands in on stdin, events out on stdout, one JSON line each.

Own process, because vLLM changes the one it is imported into, and because some tests kill it.
"""

import json
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import trio

from engines.base import Output
from engines.errors import EngineError
from engines.vllm import VllmConfig, VllmEngine, apply_library_env
from engines.vllm.choosing import public, quickest
from tests.contract.suite import CHECKS, Opened, Recorder
from tests.engines.vllm import checkpoint

CLIENTS = {"steps": quickest, "public": public}


def say(event: str, **values: Any) -> None:
    """One event for the test."""
    sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
    sys.stdout.flush()


class Host:
    """The engine, and what the test tells it."""

    def __init__(self, directory: Path, mark: str, client: str, overrides: dict[str, Any]) -> None:
        self._choose = CLIENTS[client]
        values: dict[str, Any] = {
            "model": str(directory),
            "max_model_len": checkpoint.MAX_LEN,
            "max_num_seqs": 8,
            "max_num_batched_tokens": 512,
            "kv_cache_bytes": 64 << 20,
            "load_format": "dummy",
            "dtype": "float32",
            "enforce_eager": True,
            "error_log": directory.parent / f"errors-{os.getpid()}.log",
            "mark": mark,
        }
        self._config = VllmConfig(**{**values, **overrides})
        self._commands, self._incoming = trio.open_memory_channel[dict[str, Any]](64)

    async def run(self) -> None:
        """Open, obey, close; `reopen` begins again."""
        token = trio.lowlevel.current_trio_token()
        threading.Thread(target=self._read, args=(token,), daemon=True).start()
        while await self._one_engine():
            pass
        say("closed")

    def _read(self, token: trio.lowlevel.TrioToken) -> None:
        for line in sys.stdin:
            token.run_sync_soon(self._commands.send_nowait, json.loads(line))
        token.run_sync_soon(self._commands.close)

    async def _one_engine(self) -> bool:
        recorder = Recorder()
        engine = VllmEngine(self._config, self._choose)

        def deliver(batch: Any) -> None:
            recorder.deliver(batch)
            for request_id, output in batch:
                say("output", id=request_id, kind=type(output).__name__, detail=_detail(output))

        try:
            info = await engine.open(deliver, lambda line: say("progress", line=line))
        except EngineError as error:
            say("failed", kind=type(error).__name__, text=str(error))
            return False
        opened = Opened(engine, info, recorder, range(10, 60), range(checkpoint.VOCABULARY))
        say("opened", pids=[process.pid for process in engine._family.vital], facts=dict(info.facts))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch, engine)
            again = await self._obey(opened)
            nursery.cancel_scope.cancel()
        began = trio.current_time()
        await engine.close()
        await engine.close()
        say("shut", took=trio.current_time() - began)
        return again

    async def _watch(self, engine: VllmEngine) -> None:
        try:
            await engine.watch()
        except EngineError as error:
            say("dead", kind=type(error).__name__, text=str(error))

    async def _obey(self, opened: Opened) -> bool:
        async for command in self._incoming:
            match command["do"]:
                case "check":
                    try:
                        await CHECKS[command["name"]](opened)
                    except (AssertionError, trio.TooSlowError, EngineError):
                        say("checked", error=traceback.format_exc())
                    else:
                        say("checked", error=None)
                case "submit":
                    say("submitted", id=opened.submit(command.get("tokens", opened.longest())))
                case "unfinished":
                    say("unfinished", count=await opened.engine.unfinished())
                case "reopen":
                    return True
                case "close":
                    return False
        return False


def _detail(output: Output) -> str:
    error = getattr(output, "error", None)
    return "" if error is None else f"{type(error).__name__}: {error}"


def main() -> None:
    """`python -m tests.engines.vllm.host DIRECTORY CLIENT OVERRIDES`."""
    directory, client, overrides = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    error_log = directory.parent / f"errors-{os.getpid()}.log"
    os.environ["HF_HUB_OFFLINE"] = "1"  # noqa: TID251 - an entry module
    mark = apply_library_env(os.environ, gpu=False, error_log=error_log)  # noqa: TID251 - an entry module
    trio.run(Host(directory, mark, client, overrides).run)


if __name__ == "__main__":
    main()
