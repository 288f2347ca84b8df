"""`python -m tooling.benchmarks.speculation`: what routing costs a plain question, with and without speculation.

One server in mode both, and three doors to it: as in mode chat; mode both; mode both without speculation. The same
plain questions at each, one at a time, in every order; at the first door twice, which says how much is noise. The cost
of asking the router is how much later the first token comes than at the door of mode chat, as a share of the router's
own latency (`route_ms`): 0 % is free, 100 % is waiting for it. What a tool model costs by being there (memory, a lower
switch interval) is on both sides. Then requests to look at the screen: tokens that were generated and thrown away per
yes.
"""

import argparse
import contextlib
import itertools
import json
import math
import os
import secrets
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import trio
from attrs import define, evolve, field
from tqdm import tqdm
from trio_websocket import open_websocket_url

from tooling import usage
from tooling.benchmarks.serving.processes import free_port, running
from tooling.benchmarks.speculation import doors
from tooling.demo import chat, tool

PLAIN = ("How was your weekend?", "Tell me something nice about rain.", "What do you like to eat?", "I am a bit tired.")
LOOK = ("Look at this, what do you think?", "What does it say on my screen?", "Can you see this picture?")
PROMPT = "You are a kind companion who speaks in short and plain sentences. " * 6
QUEUE = 4096
# Greedy: all three give the same reply, and its first token is text for all of them or for none.
SAMPLING = {"temperature": 0.0}
COLUMNS = (
    "contender",
    "turns",
    "ttft_p50_ms",
    "later_p50_ms",
    "route_p50_ms",
    "cost_of_routing",
    "decisions",
    "discarded_tokens_per_yes",
)
BOTH = "both"
ORDERS = math.factorial(4)
"""Of four contenders; so many rounds, or a multiple, give each of them every place as often."""


@define
class Asked:
    """What a server's answers to one kind of question took, milliseconds, and how it decided."""

    ttft_ms: list[float] = field(factory=list)
    route_ms: list[float] = field(factory=list)
    decisions: dict[str, int] = field(factory=dict)

    def note(self, frame: Mapping[str, Any]) -> bool:
        """Take a frame in; whether the turn is over."""
        if frame["type"] == "toolcall":
            status = frame["payload"]["status"]
            self.decisions[status] = self.decisions.get(status, 0) + 1
        elif frame["type"] == "done":
            timings = frame["payload"]["timings"]
            self.ttft_ms.append(timings["ttft_ms"])
            if timings["route_ms"] is not None:
                self.route_ms.append(timings["route_ms"])
        elif frame["type"] == "error":
            raise SystemExit(f"a turn failed: {frame['payload']['message']}")
        return bool(frame["type"] == "done")


@define
class Contender:
    """A door of the running server."""

    name: str
    port: int
    key: str
    plain: Asked = field(factory=Asked)
    look: Asked = field(factory=Asked)

    async def ask(self, text: str, asked: Asked) -> None:
        """A conversation of one turn, so that every prompt is about as long."""
        url = f"ws://127.0.0.1:{self.port}/ws?api_key={self.key}"
        async with open_websocket_url(url, message_queue_size=QUEUE) as socket:
            payload = {"chat_prompt": PROMPT, "user_utterance": text, "sampling": SAMPLING}
            frame = {"type": "start", "session_id": "s", "request_id": "r", "payload": payload}
            await socket.send_message(json.dumps(frame))
            while not asked.note(json.loads(await socket.get_message())):
                pass

    def discarded(self) -> float:
        """Tokens of a speculative generation that was thrown away, on average, by the server's own count."""
        page = httpx.get(f"http://{doors.HOST}:{self.port}/metrics", timeout=10).raise_for_status().text
        values = dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
        aborts = float(values.get('text_inference_aborts_total{cause="speculation"}', 0))
        if not aborts:
            raise SystemExit("no generation was thrown away: the tool model said no to every request to look")
        return float(values["text_inference_discarded_tokens_total"]) / aborts


async def _measure(contenders: Sequence[Contender], turns: int, settle_s: float) -> None:
    for text, contender in itertools.product(PLAIN * 3, contenders):
        await contender.ask(text, Asked())  # warm: kernels, prefix caches, the client's own code
    orders = itertools.cycle(itertools.permutations(contenders))
    for number in tqdm(range(turns), desc="plain questions", disable=None):
        for contender in next(orders):
            await trio.sleep(settle_s)
            await contender.ask(PLAIN[number % len(PLAIN)], contender.plain)


async def _look(contender: Contender, turns: int) -> None:
    for number in range(8 + turns):
        await contender.ask(LOOK[number % len(LOOK)], contender.look if number >= 8 else Asked())


@contextlib.contextmanager
def _serving(options: argparse.Namespace, environ: Mapping[str, str]) -> Iterator[dict[str, Contender]]:
    """Every door of a running server, by name."""
    ports, key = {name: free_port() for name in (BOTH, doors.CHAT, doors.WAITING, doors.YES)}, secrets.token_hex(8)
    child = {
        **environ,
        "DEPLOY_MODE": "both",
        "TEXT_API_KEY": key,
        "MAX_CONCURRENT_CONNECTIONS": "4",
        "INFERENCE_ENGINE": "vllm",
        "SERVER_BIND_HOST": doors.HOST,
        "SERVER_PORT": str(ports[BOTH]),
        "METRICS_ENABLED": "1",
        "ENFORCE_EAGER": "0" if options.compiled else "1",
        "CHAT_QUANTIZATION": "fp8" if options.fp8 else "",
        "CHAT_MAX_OUT": "8",
        "CHAT_MAX_NUM_SEQS": "8",
        "CHAT_MODEL": options.chat_model,
        "TOOL_MODEL": options.tool_model,
        **({"TOOL_DECISION_THRESHOLD": "1"} if options.random_tool else {}),
    }
    others = [f"{name}:{port}" for name, port in ports.items() if name != BOTH]
    argv = ["-m", "tooling.benchmarks.speculation.doors", *others, *(["--dummy"] if options.dummy else [])]
    _say("starting the server")
    with running(argv, child, f"http://{doors.HOST}:{ports[BOTH]}/readyz"):
        yield {name: Contender(name, port, key) for name, port in ports.items()}


def _plain_rows(contenders: Sequence[Contender]) -> Iterator[dict[str, object]]:
    chat_ms = contenders[0].plain.ttft_ms
    for contender in contenders:
        asked = contender.plain
        later = statistics.median(ours - its for ours, its in zip(asked.ttft_ms, chat_ms, strict=True))
        figures = {
            "contender": contender.name,
            "turns": len(asked.ttft_ms),
            "ttft_p50_ms": round(statistics.median(asked.ttft_ms), 2),
            "later_p50_ms": round(later, 2),
        }
        if asked.route_ms:
            route = statistics.median(asked.route_ms)
            figures["route_p50_ms"] = round(route, 2)
            figures["cost_of_routing"] = f"{later / route:.0%}"
            figures["decisions"] = _decisions(asked)
        yield figures


def _look_row(looked: Contender, discarded: float) -> dict[str, object]:
    return {
        "contender": f"{looked.name}: look at this",
        "turns": len(looked.look.ttft_ms),
        "ttft_p50_ms": round(statistics.median(looked.look.ttft_ms), 2),
        "route_p50_ms": round(statistics.median(looked.look.route_ms), 2),
        "decisions": _decisions(looked.look),
        "discarded_tokens_per_yes": round(discarded, 2),
    }


def _decisions(asked: Asked) -> str:
    return ", ".join(f"{count} {status}" for status, count in sorted(asked.decisions.items()))


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Measure the three, print a table or JSON."""
    options = _grammar().parse_args(argv)
    home = Path(environ.get("YAP_HOME") or "~/.cache/yap").expanduser()
    options.chat_model = options.chat_model or str(chat.ensure(home, _say))
    options.tool_model = options.tool_model or str(tool.ensure(home, _say))
    with _serving(options, environ) as served:
        again = evolve(served[doors.CHAT], name="chat, again", plain=Asked())
        contenders = [served[doors.CHAT], again, served[BOTH], served[doors.WAITING]]
        trio.run(_measure, contenders, options.turns + -options.turns % ORDERS, options.settle)
        looked = served[doors.YES if options.random_tool else BOTH]
        trio.run(_look, looked, max(8, options.turns // 4))
        rows = [*_plain_rows(contenders), _look_row(looked, served[BOTH].discarded())]
    print(json.dumps(rows, indent=1) if options.json else "\n".join(_table(rows)))
    return 0


def _grammar() -> argparse.ArgumentParser:
    parser = usage.parser("python -m tooling.benchmarks.speculation", main.__doc__)
    parser.add_argument("-n", "--turns", type=int, default=60, help=f"questions a door, up to a multiple of {ORDERS}")
    parser.add_argument("--chat-model", help="default: the demo chat checkpoint")
    parser.add_argument("--tool-model", help="default: the demo tool checkpoint")
    parser.add_argument("--dummy", action="store_true", help="random weights for the chat model")
    parser.add_argument("--random-tool", action="store_true", help="it has random weights: decisions are made for it")
    parser.add_argument("--fp8", action="store_true", help="the chat model's weights made fp8 while loading")
    parser.add_argument("--compiled", action="store_true", help="not ENFORCE_EAGER: both models compiled or as graphs")
    parser.add_argument("--settle", type=float, default=0.2, help="seconds before a question")
    parser.add_argument("--json", action="store_true", help="rows as JSON on stdout")
    return parser


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _table(rows: Sequence[Mapping[str, object]]) -> Iterator[str]:
    yield f"| {' | '.join(COLUMNS)} |"
    yield "| --- " * len(COLUMNS) + "|"
    for figures in rows:
        yield f"| {' | '.join(str(figures.get(column, '')) for column in COLUMNS)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
