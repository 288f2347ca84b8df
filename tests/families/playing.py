"""A client that has a server play its model's replies, each to a prompt of the length that chooses it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from attrs import frozen

from engines.prompts.chat import ChatText
from engines.prompts.messages import PromptMessage
from tests.e2e.client import Frame, connected
from tests.families.vocabularies import FILLER

PERSONA = "Be kind."
QUESTION = "How is it going?"
NEXT = "And then?"

# What a server needs so that persona and reply fit, whichever reply it is.
ROOM = {
    "DEPLOY_MODE": "chat",
    "INFERENCE_ENGINE": "vllm",
    "TEXT_API_KEY": "k-1",
    "MAX_CONCURRENT_CONNECTIONS": "4",
    "CHAT_MAX_LEN": "12288",
    "CHAT_PROMPT_MAX_TOKENS": "11000",
    "CHAT_MAX_NUM_SEQS": "4",
    "CHAT_KV_CACHE_BYTES": str(64 << 20),
    "ENFORCE_EAGER": "1",
}


@frozen
class Line:
    """A reply asked for: its name, the length of its prompt in tokens, and what the user says.

    `raw`: as the model writes it. `then`: the conversation goes on with `NEXT`, to which no reply is written down.
    """

    name: str
    prompt_tokens: int
    said: str = QUESTION
    raw: bool = False
    then: bool = False


async def play(port: int, text: ChatText, lines: Sequence[Line]) -> dict[str, list[list[Frame]]]:
    """By a line's name the frames of each of its turns, in a session of its own."""
    turns = {}
    for line in lines:
        async with connected(port) as client:
            sampling = {"sanitize_output": not line.raw}
            await client.start("r-1", line.said, chat_prompt=persona(text, line), sampling=sampling)
            turns[line.name] = [await client.rest()]
            if line.then:
                await client.message("r-2", NEXT)
                turns[line.name].append(await client.rest())
    return turns


def persona(text: ChatText, line: Line) -> str:
    """A persona that makes the prompt as long as the line wants it."""

    def tokens(chat_prompt: str) -> int:
        said = [PromptMessage("system", chat_prompt), PromptMessage("user", line.said)]
        return len(text.render(said, now=datetime.now(UTC)))

    chat_prompt = PERSONA + FILLER * (line.prompt_tokens - tokens(PERSONA))
    assert tokens(chat_prompt) == line.prompt_tokens, "a filler is not one token here"
    return chat_prompt


__all__ = ["NEXT", "QUESTION", "ROOM", "Line", "persona", "play"]
