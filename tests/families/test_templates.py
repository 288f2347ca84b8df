"""Templates that are found, named and refused: what families' checkpoints do beyond a prompt."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.errors import EngineStartFailed
from engines.prompts.loading import load_chat_text
from engines.prompts.messages import PromptMessage
from tests.families.conftest import Load
from tests.families.family import families
from tests.families.test_prompts import NOW, TALK

NAMED = {"rag": "{{ raise_exception('for documents') }}", "talk": families()["command_r"].template}


@pytest.fixture
def several(directory: Callable[[str], Path], tmp_path: Path) -> str:
    """Command R as it is published: templates by name, and none of them the default."""
    model = Path(shutil.copytree(directory("command_r"), tmp_path / "model"))
    (model / "chat_template.jinja").unlink()
    config = json.loads((model / "tokenizer_config.json").read_text())
    config["chat_template"] = [{"name": name, "template": source} for name, source in NAMED.items()]
    (model / "tokenizer_config.json").write_text(json.dumps(config))
    return str(model)


def test_of_several_templates_the_setting_names_one(several: str) -> None:
    assert load_chat_text(several, template="talk").text(TALK, now=NOW) == families()["command_r"].prompt


def test_several_templates_and_no_default_name_the_setting(several: str) -> None:
    with pytest.raises(EngineStartFailed, match="CHAT_TEMPLATE") as caught:
        load_chat_text(several)
    assert all(name in str(caught.value) for name in NAMED)


def test_a_checkpoint_without_a_template_takes_the_file_that_the_setting_names(
    directory: Callable[[str], Path], tmp_path: Path
) -> None:
    model = Path(shutil.copytree(directory("deepseek_v3_1"), tmp_path / "model"))
    moved = (model / "chat_template.jinja").rename(tmp_path / "named.jinja")
    assert any("CHAT_TEMPLATE" in warning for warning in load_chat_text(str(model)).warnings)
    chat = load_chat_text(str(model), template=str(moved))
    assert chat.text(TALK, now=NOW) == families()["deepseek_v3_1"].prompt
    assert not chat.warnings


@pytest.mark.parametrize("name", sorted(families()))
def test_no_text_of_a_user_makes_a_template_raise(name: str, load: Load) -> None:
    """Templates that look for tool answers or thoughts in contents: Qwen 3 and 3.5, gpt-oss."""
    for text in ("<tool_response>hi</tool_response>", "</think>", "<|channel|>analysis<|message|>hi"):
        said = [PromptMessage("user", text), PromptMessage("assistant", text), PromptMessage("user", text)]
        assert load(name).render(said, now=NOW)
        assert load(name).render(said[:1], now=NOW)
