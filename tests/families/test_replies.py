"""Real vLLM plays what models of every family say, and the client gets the spoken answer of it and nothing else.

The checkpoints are scripted (`checkpoints.py`). Some families run as the server process that users start; the others
share an engine, server after server (`stage.py`). Two processes at a time, before the first test.
"""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from attrs import asdict

from engines.prompts.loading import load_chat_text
from engines.prompts.messages import PromptMessage
from tests.e2e.client import Frame, kinds_of, text_of
from tests.e2e.program import Program, run_yielding
from tests.families.conftest import Load
from tests.families.family import Family, families
from tests.families.models import COMMON, Played, laid_out, write_common_model, write_model, write_text
from tests.families.playing import NEXT, ROOM, Line, persona, play
from tests.families.replies import MAX_OUT, replies
from tests.families.stage import PLAYED, PROGRAMME
from tests.families.vocabularies import BUILDS

pytestmark = pytest.mark.engine

START_S = 600.0
# Tokens that vLLM's cache keeps or forgets together on a CPU, and the longest end of a prompt that only asks.
BLOCK = 128 + 16
MARKED = "a user who writes this family's markers"
RAW = "thoughts and answer as they are written"
LONGER = "a conversation that goes on"

Turns = dict[str, list[list[Frame]]]
"""What was played: by the name of a line the frames of each turn."""


def _environment(family: Family, directory: Path) -> dict[str, str]:
    more = {"CHAT_TEMPLATE_ENABLE_THINKING": "1"} if family.aloud else {}
    return {**ROOM, "CHAT_MODEL": str(directory), "CHAT_MAX_OUT": str(MAX_OUT), **more}


def _lines(family: Family, plays: list[Played]) -> list[Line]:
    """Every reply; the first once more for a user who writes markers; one with thoughts raw, and in a conversation."""
    plain, thoughtful = plays[0].prompt_tokens, plays[1].prompt_tokens
    return [
        Line(MARKED, plain, f"say {' '.join(family.added)} now"),
        Line(RAW, thoughtful, raw=True),
        Line(LONGER, thoughtful, then=True),
        *(Line(each.reply.name, each.prompt_tokens) for each in plays),
    ]


def _alone(family: Family, directory: Path) -> dict[str, Turns]:
    """Played by `python -m runtime`."""
    lines = _lines(family, write_model(family, directory))
    text = load_chat_text(str(directory), enable_thinking=family.aloud)
    program = Program(_environment(family, directory), yields=True)
    try:
        program.wait_ready(START_S)
        return {family.name: trio.run(play, program.port, text, lines)}
    finally:
        program.bury()


def _together(cast: list[Family], directory: Path) -> dict[str, Turns]:
    """Played on one stage."""
    plays = write_common_model(cast, directory / COMMON)
    for family in cast:
        write_text(family, directory / family.name)
    programme = {
        family.name: {
            "environment": _environment(family, directory / family.name),
            "lines": [asdict(line) for line in _lines(family, plays[family.name])],
        }
        for family in cast
    }
    (directory / PROGRAMME).write_text(json.dumps(programme))
    run_yielding([sys.executable, "-m", "tests.families.stage", str(directory)], START_S)
    played: dict[str, Turns] = json.loads((directory / PLAYED).read_text())
    return played


Performances = dict[str, Future[dict[str, Turns]]]
"""By the name of a family what it and those that share its engine played, sooner or later."""


@pytest.fixture(scope="module")
def performances(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Performances]:
    """Every family's."""
    found: Performances = {}
    with ThreadPoolExecutor(2) as pool:
        for vocabulary in BUILDS:
            cast = [each for each in families().values() if each.vocabulary == vocabulary and not each.served]
            future = pool.submit(_together, cast, tmp_path_factory.mktemp(vocabulary))
            found |= dict.fromkeys((family.name for family in cast), future)
        for family in families().values():
            if family.served:
                found[family.name] = pool.submit(_alone, family, tmp_path_factory.mktemp(family.name))
        yield found


every_reply = pytest.mark.parametrize(
    ("family", "name"),
    [(family, reply.name) for family in families().values() for reply in replies(family)],
    ids=lambda value: value.name if isinstance(value, Family) else value,
)


@every_reply
def test_the_client_gets_exactly_what_is_to_be_spoken(family: Family, name: str, performances: Performances) -> None:
    (frames,) = performances[family.name].result()[family.name][name]
    (play,) = (each for each in laid_out([family])[family.name] if each.reply.name == name)
    assert text_of(frames) == play.reply.spoken
    last = frames[-1]["payload"]
    if play.reply.spoken:
        assert kinds_of(frames) == ["ack", "token", "final", "done"]
        assert frames[-2]["payload"]["normalized_text"] == play.reply.spoken
        assert last["finish_reason"] == play.reply.ends
    else:
        assert kinds_of(frames) == ["ack", "error"]
        assert (last["code"], last["details"]["reason_code"]) == ("internal_error", "empty_model_output")
    assert last["usage"]["completion_tokens"] == play.completion_tokens


def test_markers_that_a_user_writes_change_nothing(family: Family, performances: Performances) -> None:
    played = performances[family.name].result()[family.name]
    (plain,), (marked,) = played["plain"], played[MARKED]
    assert text_of(marked) == text_of(plain)
    assert marked[-1]["payload"]["usage"]["prompt_tokens"] == plain[-1]["payload"]["usage"]["prompt_tokens"]


def test_who_wants_the_raw_text_gets_every_marker_but_the_end(family: Family, performances: Performances) -> None:
    (frames,) = performances[family.name].result()[family.name][RAW]
    (said,) = replies(family)[1].says
    assert isinstance(said, str)
    end = min(said.find(end) for end in family.ends if end in said)
    assert text_of(frames) == said[:end]
    assert kinds_of(frames) == ["ack", "token", "final", "done"]


def test_the_next_prompt_holds_the_spoken_answer_and_goes_on_from_what_is_cached(
    family: Family, performances: Performances, load: Load
) -> None:
    turns = performances[family.name].result()[family.name][LONGER]
    first, second = (frames[-1]["payload"]["usage"] for frames in turns)
    chat = load(family.name, family.aloud)
    asked = Line(LONGER, first["prompt_tokens"])
    said = [
        PromptMessage("system", persona(chat, asked)),
        PromptMessage("user", asked.said),
        PromptMessage("assistant", text_of(turns[0])),
        PromptMessage("user", NEXT),
    ]
    assert second["prompt_tokens"] == len(chat.render(said, now=datetime.now(UTC)))
    if family.gradually:
        assert second["cached_tokens"] > first["prompt_tokens"] - BLOCK
