"""Stand-in: the worker, a process of its own. Makes up tokens at a steady pace for up to `batch` requests at once.

Standard library only. What it does with a request that brings no words of its own depends on the first token of the
prompt: 2 echoes the rest of the prompt token by token; 3 fails after two tokens; 4 shuts the process down ("serious").
Told to hang it takes commands and obeys none until it is told to go on. It outlives the process that started it, as the
library's workers do.
"""

import json
import os
import random
import select
import sys
import time
from typing import Any

ECHO, FAIL, QUIT = 2, 3, 4
FIRST, LAST = 10, 511


def main() -> None:
    """Load, say ready, serve until told to quit."""
    start = json.loads(sys.argv[1])
    if "complaint" in start:
        sys.stdout.write(start["complaint"] + "\n")
        sys.exit(1)
    time.sleep(start.get("load_s", 0.0))  # noqa: TID251 - a process of its own, without any loop
    say("ready")
    worker = Worker(start["batch"], start.get("step_s", 0.002), start.get("ignores_aborts", False))
    worker.counts_first = start.get("counts_first", False)
    worker.serve()


def say(line: str) -> None:
    """One line out; nobody there is no reason to end."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError:
        return


class Worker:
    """Takes commands, and gives one token a step to each of the first `batch` requests.

    `counts_first`: looks at the number of tokens before it looks for stop tokens, as the PyTorch backend does.
    """

    def __init__(self, batch: int, step_s: float, ignores_aborts: bool) -> None:
        self.batch, self.step_s, self.ignores_aborts = batch, step_s, ignores_aborts
        self.waiting: dict[int, dict[str, Any]] = {}
        self.unread: list[dict[str, Any]] = []
        self.hangs = self.counts_first = False
        self.next_step = 0.0
        self.rest = b""

    def serve(self) -> None:
        """Until told to quit."""
        while True:
            self.listen()
            if self.hangs:
                continue
            if any(message["do"] == "quit" for message in self.unread):
                return
            answers = self.obey()
            if time.monotonic() >= self.next_step:
                self.next_step = time.monotonic() + self.step_s
                answers += self.advance()
            if answers:
                say(json.dumps(answers))

    def listen(self) -> None:
        """Read commands; while there is work, no longer than until the next step."""
        patience_s = max(0.0, self.next_step - time.monotonic()) if self.waiting and not self.hangs else 0.2
        ready = select.select([0], [], [], patience_s)[0]
        chunk = os.read(0, 65536) if ready else b""
        if ready and not chunk:
            time.sleep(0.002)  # noqa: TID251 - a process of its own, without any loop
        *lines, self.rest = (self.rest + chunk).split(b"\n")
        for message in map(json.loads, lines):
            if message["do"] in ("hang", "go on"):
                self.hangs = message["do"] == "hang"
            else:
                self.unread.append(message)

    def obey(self) -> list[dict[str, Any]]:
        """Take requests in and out; the answers to those that are out."""
        answers = []
        for message in self.unread:
            if message["do"] == "new":
                self.waiting[message["id"]] = {**message, "made": []}
            elif not self.ignores_aborts and self.waiting.pop(message["id"], None) is not None:
                answers.append({"id": message["id"], "tokens": [], "reason": "cancelled"})
        self.unread.clear()
        return answers

    def advance(self) -> list[dict[str, Any]]:
        """One step."""
        answers = []
        for request in list(self.waiting.values())[: self.batch]:
            answer = step(request)
            if self.counts_first and answer.get("reason") == "stop" and len(request["made"]) == request["max_tokens"]:
                answer["reason"] = "length"
            answers.append(answer)
            if "reason" in answer or "error" in answer:
                del self.waiting[request["id"]]
        return answers


def step(request: dict[str, Any]) -> dict[str, Any]:
    """The next token of a request."""
    kind, made, words = request["prompt"][0], request["made"], request.get("words")
    if words is not None:
        kind = None
    if kind == QUIT:
        sys.exit(1)
    if len(made) == (2 if kind == FAIL else request.get("fails_after")):
        return {"id": request["id"], "error": "CUDA error: an illegal memory access was encountered"}
    if words is not None:
        token = words[len(made)] if len(made) < len(words) else request["end_id"]
    else:
        token = request["prompt"][1 + len(made)] if kind == ECHO else invent(request, len(made))
    made.append(token)
    answer = {"id": request["id"], "tokens": [token]}
    if token in request.get("stop_token_ids", ()):
        answer["reason"] = "stop"
    elif token == request.get("end_id"):
        answer["reason"] = "end"
    elif len(made) == request["max_tokens"] or (kind == ECHO and len(made) == len(request["prompt"]) - 1):
        answer["reason"] = "length"
    return answer


def invent(request: dict[str, Any], number: int) -> int:
    """A token made of prompt, position and, unless greedy, the seed; never a banned one."""
    seed = 0 if request.get("temperature") == 0 else request.get("seed", 0)
    banned = {words[0] for words in request.get("bad_words", ()) if len(words) == 1}
    penalty = request.get("repetition_penalty", 1.0)
    source = random.Random(f"{sum(request['prompt'])}-{number}-{seed}-{penalty}")
    while True:
        token = source.randint(FIRST, LAST)
        if token not in banned:
            return token


if __name__ == "__main__":
    main()
