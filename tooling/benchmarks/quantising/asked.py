"""Asks a server of ours the same questions greedily, over many connections at once: what it says, and how fast."""

import time

import trio
from attrs import frozen

from tooling.benchmarks.serving.streams import Socket, websocket

PROMPT = "Be kind and brief."
QUESTIONS = (
    "Hello, how are you today?",
    "What is your name?",
    "Tell me a story about the sea.",
    "Do you like music?",
    "What can I cook with two eggs and some rice?",
    "It rains here all day, and I am bored.",
    "Why does ice float on water?",
    "Say goodbye to my friend, please.",
)
SAMPLING = {"temperature": 0, "repetition_penalty": 1.0, "sanitize_output": False}


@frozen
class Answers:
    """`texts`: by question; `tokens`: of all replies on all connections, within `seconds`; `ttft_ms`: each reply's."""

    texts: tuple[str, ...]
    tokens: int
    seconds: float
    ttft_ms: tuple[float, ...]

    @property
    def tokens_a_second(self) -> float:
        """Of all connections together."""
        return self.tokens / self.seconds


async def ask(port: int, key: str, connections: int) -> Answers:
    """Every connection asks every question in a session of its own. Raises `ValueError` for a turn that failed."""
    texts: dict[int, str] = {}
    tokens: list[int] = []
    first: list[float] = []

    async def one(number: int) -> None:
        for index in range(len(QUESTIONS)):
            question = (index + number) % len(QUESTIONS)  # or all would wait for the same prompt
            async with websocket(port, key) as socket:
                text, count, ttft = await _turn(socket, f"{number}-{question}", QUESTIONS[question])
            if number == 0:
                texts[question] = text
            tokens.append(count)
            first.append(ttft)

    began = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for number in range(connections):
            nursery.start_soon(one, number)
    took = time.perf_counter() - began
    return Answers(tuple(texts[index] for index in range(len(QUESTIONS))), sum(tokens), took, tuple(first))


async def _turn(socket: Socket, name: str, question: str) -> tuple[str, int, float]:
    payload = {"chat_prompt": PROMPT, "user_utterance": question, "sampling": SAMPLING}
    sent = time.perf_counter()
    await socket.send({"type": "start", "session_id": name, "request_id": "r", "payload": payload})
    said, ttft = "", 0.0
    while True:
        frame = await socket.receive()
        if frame["type"] == "token":
            ttft = ttft or (time.perf_counter() - sent) * 1000
            said += frame["payload"]["text"]
        elif frame["type"] == "done":
            return said, int(frame["payload"]["usage"]["completion_tokens"]), ttft
        elif frame["type"] in ("error", "cancelled"):
            raise ValueError(f"the server answered {question!r} with {frame}")


def agreement(one: Answers, other: Answers) -> float:
    """Share of the words, from the beginning of each reply on, that are the same until the first one that is not."""
    same = total = 0
    for first, second in zip(one.texts, other.texts, strict=True):
        words, others = first.split(), second.split()
        differs = next((at for at, pair in enumerate(zip(words, others, strict=False)) if pair[0] != pair[1]), None)
        same += min(len(words), len(others)) if differs is None else differs
        total += max(len(words), len(others))
    return same / max(1, total)


__all__ = ["QUESTIONS", "Answers", "agreement", "ask"]
