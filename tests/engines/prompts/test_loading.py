"""From a model's directory: what a template takes is found out, and what cannot work is said at start-up."""

import json
import shutil
from pathlib import Path

import pytest

from engines.errors import EngineStartFailed, TextRefused
from engines.prompts.chat import ChatText
from engines.prompts.loading import load_chat_text
from engines.prompts.messages import Accepts, PromptMessage

HI = [PromptMessage("user", "hi")]


@pytest.fixture
def model(model_dirs: dict[str, Path], tmp_path: Path) -> Path:
    """A model directory of the test's own, ChatML unless its template is written over."""
    return Path(shutil.copytree(model_dirs["chatml"], tmp_path / "model"))


def with_template(model: Path, template: str) -> str:
    (model / "chat_template.jinja").write_text(template)
    return str(model)


@pytest.mark.parametrize(
    ("name", "accepts"),
    [
        ("chatml", Accepts()),
        ("llama", Accepts()),
        ("gemma", Accepts(system=False, assistant_first=False)),
        ("bare", Accepts()),
    ],
)
def test_what_a_template_takes_is_probed(name: str, accepts: Accepts, chats: dict[str, ChatText]) -> None:
    assert chats[name].template.accepts == accepts


def test_a_template_that_leaves_the_system_text_out_has_no_system_role(model: Path) -> None:
    template = (
        "{% for m in messages if m.role != 'system' %}<|im_start|>{{ m.role }}: {{ m.content }}<|im_end|>{% endfor %}"
    )
    chat = load_chat_text(with_template(model, template))
    assert not chat.template.accepts.system
    assert chat.text([PromptMessage("system", "be kind"), *HI]) == "<|im_start|>user: be kind\n\nhi<|im_end|>"


def test_a_template_that_wants_parts_gets_parts(model: Path) -> None:
    said = "{% for p in m.content %}{{ p['text'] }}{% endfor %}"
    template = f"{{% for m in messages %}}<|im_start|>{{{{ m.role }}}} {said}<|im_end|>{{% endfor %}}"
    chat = load_chat_text(with_template(model, template))
    assert chat.template.accepts == Accepts(parts=True)
    assert chat.text(HI) == "<|im_start|>user hi<|im_end|>"


@pytest.mark.parametrize(("thinking", "opens"), [(True, True), (False, False)])
def test_a_generation_prompt_can_end_inside_reasoning(thinking: bool, opens: bool, model_dirs: dict[str, Path]) -> None:
    chat = load_chat_text(str(model_dirs["bos"]), enable_thinking=thinking)
    assert chat.format.opening == (("<think>", "\n") if opens else ())
    assert chat.warnings == ()


def test_a_single_eos_of_the_generation_config_counts(model: Path) -> None:
    (model / "generation_config.json").write_text('{"eos_token_id": 7}')
    assert 7 in load_chat_text(str(model)).stop_token_ids


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "llama", "eos_token_id": [7, 8]},
        {"model_type": "llava", "text_config": {"model_type": "llama", "eos_token_id": 7}},
    ],
)
def test_without_a_generation_config_the_eos_of_the_config_counts(model: Path, config: dict[str, object]) -> None:
    (model / "config.json").write_text(json.dumps(config))
    assert 7 in load_chat_text(str(model)).stop_token_ids
    (model / "generation_config.json").write_text("{}")
    assert 7 not in load_chat_text(str(model)).stop_token_ids


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_a_broken_generation_config_is_named(model: Path, content: str) -> None:
    (model / "generation_config.json").write_text(content)
    with pytest.raises(EngineStartFailed, match=r"generation_config\.json"):
        load_chat_text(str(model))


def test_a_template_that_leaves_the_last_word_to_the_user_is_used(model: Path) -> None:
    whole = load_chat_text(str(model))
    refusal = "{% if messages[-1].role != 'user' %}{{ raise_exception('a question is needed') }}{% endif %}"
    chat = load_chat_text(with_template(model, refusal + (model / "chat_template.jinja").read_text()))
    assert chat.text(HI) == whole.text(HI)
    assert chat.per_message == whole.per_message
    assert chat.stop_token_ids == whole.stop_token_ids


def test_a_mistral_with_two_tokenizers_is_read_by_the_one_that_templates_go_with(model: Path) -> None:
    """mistral-common is installed where vLLM is, and a `tekken.json` would be enough for the library to turn to it."""
    text = load_chat_text(str(model)).text(HI)
    (model / "config.json").write_text(json.dumps({"model_type": "mistral"}))
    (model / "tekken.json").write_text("{}")
    assert load_chat_text(str(model)).text(HI) == text


def test_a_character_that_nobody_knows_stays_where_the_token_for_it_is_not_declared(
    model_dirs: dict[str, Path], tmp_path: Path
) -> None:
    path = Path(shutil.copytree(model_dirs["instruct"], tmp_path / "model"))
    config = json.loads((path / "tokenizer_config.json").read_text())
    assert config.pop("unk_token") == "<unk>"
    (path / "tokenizer_config.json").write_text(json.dumps(config))
    declared, undeclared = load_chat_text(str(model_dirs["instruct"])), load_chat_text(str(path))
    assert "日" in undeclared.text([PromptMessage("user", "say 日 now")])
    assert undeclared.control_ids == declared.control_ids


def test_a_template_that_renders_nothing_of_a_user_is_refused(model: Path) -> None:
    with pytest.raises(EngineStartFailed, match="single user message: it leaves the text out"):
        load_chat_text(with_template(model, "hello"))


def test_a_template_with_a_mistake_is_refused_with_its_words(model: Path) -> None:
    with pytest.raises(EngineStartFailed, match="not today"):
        load_chat_text(with_template(model, "{{ raise_exception('not today') }}"))


def test_a_template_that_puts_control_tokens_together_is_refused(model: Path) -> None:
    template = "{% for m in messages %}<|im_start|>{{ m.role }}{{ m.content | replace(' ', '') }}<|im_end|>{% endfor %}"
    with pytest.raises(EngineStartFailed, match=r"control tokens in a message .*'<\|im_end\|>'"):
        load_chat_text(with_template(model, template))


def test_a_template_that_fails_later_fails_the_turn_without_its_text(model: Path) -> None:
    template = (
        "{% for m in messages %}{{ m.role }}: {{ raise_exception(m.content) if 'boo' in m.content else m.content }}\n"
        "{% endfor %}"
    )
    chat = load_chat_text(with_template(model, template))
    with pytest.raises(TextRefused) as caught:
        chat.render([PromptMessage("user", "boo, a secret")])
    assert "secret" not in str(caught.value)


def test_a_directory_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineStartFailed, match="cannot be loaded"):
        load_chat_text(str(tmp_path))


def test_code_of_the_models_own_needs_a_yes(model: Path) -> None:
    path = model / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config |= {"tokenizer_class": "OwnTokenizer", "auto_map": {"AutoTokenizer": ["own.OwnTokenizer", None]}}
    path.write_text(json.dumps(config))
    (model / "tokenizer.json").unlink()
    (model / "config.json").write_text('{"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig"}}')
    (model / "own.py").write_text("raise SystemExit('this must not run')\n")
    with pytest.raises(EngineStartFailed, match="CHAT_TRUST_REMOTE_CODE=1"):
        load_chat_text(str(model))
