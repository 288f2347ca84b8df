"""`python -m tooling.benchmarks.speculation`: what routing costs a plain question, with and without speculation.

Three servers in one run, one after the other: mode chat; mode both; mode both without speculation. The same plain
questions to each, one at a time. The cost of routing is how much later the first token comes than in mode chat, as a
share of the router's own latency (`route_ms`): 0 % is free, 100 % is waiting for the router. Then the same with
requests to look at the screen: tokens that were generated and thrown away per yes.
"""

import argparse
import json
import os
import secrets
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import trio
from attrs import define, field
from trio_websocket import open_websocket_url

from tooling.benchmarks.serving.processes import free_port, running
from tooling.demo import chat, tool

PLAIN = ("How was your weekend?", "Tell me something nice about rain.", "What do you like to eat?", "I am a bit tired.")
LOOK = ("Look at this, what do you think?", "What does it say on my screen?", "Can you see this picture?")
QUEUE = 4096


@define
class Server:
    """One contender's measurements, milliseconds."""

    name: str
    ttft_ms: list[float] = field(factory=list)
    route_ms: list[float] = field(factory=list)
    decisions: dict[str, int] = field(factory=dict)
    discarded_tokens: float = 0.0
    discarded: float = 0.0


async def _ask(url: str, server: Server, texts: Sequence[str], turns: int) -> None:
    """Conversations of one turn each, so that every prompt is about as long."""
    for number in range(turns):
        async with open_websocket_url(url, message_queue_size=QUEUE) as socket:
            payload = {"chat_prompt": "You are a kind companion.", "user_utterance": texts[number % len(texts)]}
            frame = {"type": "start", "session_id": "s", "request_id": f"r{number}", "payload": payload}
            await socket.send_message(json.dumps(frame))
            await _until_done(socket, server)


async def _until_done(socket: Any, server: Server) -> None:
    while True:
        frame = json.loads(await socket.get_message())
        match frame["type"]:
            case "toolcall":
                status = frame["payload"]["status"]
                server.decisions[status] = server.decisions.get(status, 0) + 1
            case "done":
                timings = frame["payload"]["timings"]
                server.ttft_ms.append(timings["ttft_ms"])
                if timings["route_ms"] is not None:
                    server.route_ms.append(timings["route_ms"])
                return
            case "error":
                return


def _measure(name: str, settings: Mapping[str, str], environ: Mapping[str, str], turns: int) -> tuple[Server, Server]:
    """Plain questions, then requests to look, against one server of its own."""
    port, key = free_port(), secrets.token_hex(8)
    child = {
        **environ,
        "TEXT_API_KEY": key,
        "MAX_CONCURRENT_CONNECTIONS": "4",
        "INFERENCE_ENGINE": "vllm",
        "SERVER_BIND_HOST": "127.0.0.1",
        "SERVER_PORT": str(port),
        "METRICS_ENABLED": "1",
        "ENFORCE_EAGER": "1",
        **settings,
    }
    plain, look = Server(name), Server(name)
    with running(["-m", "runtime"], child, f"http://127.0.0.1:{port}/readyz"):
        url = f"ws://127.0.0.1:{port}/ws?api_key={key}"
        trio.run(_ask, url, Server("warm-up"), PLAIN, 8)
        trio.run(_ask, url, plain, PLAIN, turns)
        if settings["DEPLOY_MODE"] == "both":
            trio.run(_ask, url, look, LOOK, max(8, turns // 4))
            look.discarded, look.discarded_tokens = _discarded(port)
    return plain, look


def _discarded(port: int) -> tuple[float, float]:
    """Speculative generations thrown away, and the tokens they had, by the server's own count."""
    page = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    values = dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    aborts = float(values.get('text_inference_aborts_total{cause="speculation"}', 0))
    return aborts, float(values.get("text_inference_discarded_tokens_total", 0))


def _rows(base: Server, others: Sequence[tuple[Server, Server]]) -> Iterator[dict[str, object]]:
    chat_ms = statistics.median(base.ttft_ms)
    yield {"contender": base.name, "turns": len(base.ttft_ms), "ttft_p50_ms": round(chat_ms, 1)}
    for plain, look in others:
        ttft, route = statistics.median(plain.ttft_ms), statistics.median(plain.route_ms)
        yield {
            "contender": plain.name,
            "turns": len(plain.ttft_ms),
            "ttft_p50_ms": round(ttft, 1),
            "route_p50_ms": round(route, 1),
            "cost_of_routing": f"{(ttft - chat_ms) / route:.0%}",
            "decisions": f"plain {plain.decisions}, look {look.decisions}",
            "discarded_tokens_per_yes": round(look.discarded_tokens / look.discarded, 1) if look.discarded else 0.0,
        }


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Measure the three, print a table or JSON."""
    parser = argparse.ArgumentParser(prog="python -m tooling.benchmarks.speculation", description=main.__doc__)
    parser.add_argument("-n", "--turns", type=int, default=60, help="plain questions to each server")
    parser.add_argument("--chat-model", help="default: the demo chat checkpoint")
    parser.add_argument("--tool-model", help="default: the demo tool checkpoint")
    parser.add_argument("--json", action="store_true", help="rows as JSON on stdout")
    options = parser.parse_args(argv)
    home = Path(environ.get("YAP_HOME") or "~/.cache/yap").expanduser()
    chat_model = options.chat_model or str(chat.ensure(home, _say))
    tool_model = options.tool_model or str(tool.ensure(home, _say))
    both = {"DEPLOY_MODE": "both", "CHAT_MODEL": chat_model, "TOOL_MODEL": tool_model}
    base, _ = _measure("chat", {"DEPLOY_MODE": "chat", "CHAT_MODEL": chat_model}, environ, options.turns)
    others = [
        _measure("both", both, environ, options.turns),
        _measure("both, ROUTING_SPECULATION=0", {**both, "ROUTING_SPECULATION": "0"}, environ, options.turns),
    ]
    rows = list(_rows(base, others))
    print(json.dumps(rows, indent=1) if options.json else "\n".join(_table(rows)))
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _table(rows: Sequence[Mapping[str, object]]) -> Iterator[str]:
    columns = list(rows[-1])
    yield f"| {' | '.join(columns)} |"
    yield "| --- " * len(columns) + "|"
    for figures in rows:
        yield f"| {' | '.join(str(figures.get(column, '')) for column in columns)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
