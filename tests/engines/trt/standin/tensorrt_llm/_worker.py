"""Stand-in: the worker, a process of its own. Makes up tokens at a steady pace for up to `batch` requests at once.

Standard library only. What it does with a request depends on the first token of the prompt:
2 echoes the rest of the prompt token by token; 3 fails after two tokens; 4 shuts the process down ("serious").
It outlives the process that started it, as the library's workers do.
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
    serve(start["batch"], start.get("step_s", 0.002), start.get("ignores_aborts", False))


def say(line: str) -> None:
    """One line out; nobody there is no reason to end."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError:
        return


def serve(batch: int, step_s: float, ignores_aborts: bool) -> None:
    """Steps: take commands, then one token for each of the first `batch` requests."""
    waiting: dict[int, dict[str, Any]] = {}
    rest = b""
    while True:
        ready = select.select([0], [], [], step_s if waiting else 0.2)[0]
        chunk = os.read(0, 65536) if ready else b""
        if ready and not chunk:
            time.sleep(step_s)  # noqa: TID251 - as above
        *lines, rest = (rest + chunk).split(b"\n")
        answers: list[dict[str, Any]] = []
        for line in lines:
            message = json.loads(line)
            if message["do"] == "quit":
                return
            if message["do"] == "new":
                waiting[message["id"]] = {**message, "made": []}
            elif not ignores_aborts and waiting.pop(message["id"], None) is not None:
                answers.append({"id": message["id"], "tokens": [], "reason": "cancelled"})
        for request in list(waiting.values())[:batch]:
            answer = step(request)
            answers.append(answer)
            if "reason" in answer or "error" in answer:
                del waiting[request["id"]]
        if answers:
            say(json.dumps(answers))


def step(request: dict[str, Any]) -> dict[str, Any]:
    """The next token of a request."""
    kind, made = request["prompt"][0], request["made"]
    if kind == QUIT:
        sys.exit(1)
    if kind == FAIL and len(made) == 2:
        return {"id": request["id"], "error": "CUDA error: an illegal memory access was encountered"}
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
