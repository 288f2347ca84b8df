"""A text that the model's chat template does not take: told as such, forgotten, and no fault of the engine."""

import shutil
from pathlib import Path

import pytest
from attrs import evolve

from actors.session.deployment import Deployment
from engines.prompts.chat import ChatText
from engines.prompts.loading import load_chat_text
from tests.e2e.client import kinds_of, text_of
from tests.runtime.serving import Serving, says
from tests.toy import TEMPLATE, toy_directory

PARTICULAR = "{% for m in messages if 'boo' in m.content %}{{ raise_exception('not ' + m.content) }}{% endfor %}"


@pytest.fixture(scope="module")
def particular(tmp_path_factory: pytest.TempPathFactory) -> ChatText:
    """The toy model with a template that does not take one word."""
    model = Path(shutil.copytree(toy_directory(), tmp_path_factory.mktemp("particular") / "model"))
    (model / "chat_template.jinja").write_text(PARTICULAR + TEMPLATE)
    return load_chat_text(str(model))


async def test_a_refused_utterance_ends_its_turn_and_nothing_else(serving: Serving, particular: ChatText) -> None:
    def site(usual: Deployment) -> Deployment:
        return evolve(usual, text=particular)

    async with serving(says("Hello", "."), site) as place, place.connected() as client:
        await client.start("r-1", "boo, a secret")
        await client.expect("ack", "r-1")
        code, reason_code, frame = await client.refusal()
        assert (code, reason_code) == ("invalid_payload", "invalid_user_utterance")
        assert "user_utterance" in frame["payload"]["message"]
        assert "usage" in frame["payload"]
        assert "secret" not in str(frame)
        await client.message("r-2", "hi")
        frames = await client.rest()
        assert (kinds_of(frames)[-1], text_of(frames)) == ("done", "Hello.")
        assert "boo" not in place.prompt()
        await client.say("followup", "r-3", {"analysis_text": "boo"})
        await client.expect("ack", "r-3")
        assert (await client.refusal())[:2] == ("invalid_payload", "invalid_analysis_text")
        await client.answers_pings()
        assert len(place.engine.submitted) == 1
        assert not place.server.health.reason()


async def test_a_refused_chat_prompt_is_told_before_the_session_begins(serving: Serving, particular: ChatText) -> None:
    async with serving(says("Hello."), lambda usual: evolve(usual, text=particular)) as place:
        async with place.connected() as client:
            await client.start("r-1", "hi", chat_prompt="boo")
            assert (await client.refusal())[:2] == ("invalid_settings", "invalid_chat_prompt")
            assert (await client.closed())[0] == 1008


async def test_a_refused_text_of_the_history_is_left_out(serving: Serving, particular: ChatText) -> None:
    history = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "boo"},
        {"role": "user", "content": "two"},
        {"role": "assistant", "content": "three"},
    ]
    async with serving(says("Hello."), lambda usual: evolve(usual, text=particular)) as place:
        async with place.connected() as client:
            await client.start("r-1", "hi", history=history)
            assert kinds_of(await client.rest())[-1] == "done"
            assert "boo" not in place.prompt()
            assert "three" in place.prompt()
