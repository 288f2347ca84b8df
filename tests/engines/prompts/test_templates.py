"""Where a template is found, what it is given, and what is said of one that cannot work."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engines.errors import EngineStartFailed
from engines.prompts.loading import load_chat_text
from engines.prompts.messages import PromptMessage

HI = [PromptMessage("user", "hi")]


def said(name: str) -> str:
    """A template whose prompts show which one it is."""
    return f"{{% for m in messages %}}{name} {{{{ m.role }}}}: {{{{ m.content }}}}\n{{% endfor %}}"


@pytest.fixture
def model(model_dirs: dict[str, Path], tmp_path: Path) -> Path:
    """A model directory without a template."""
    path = Path(shutil.copytree(model_dirs["chatml"], tmp_path / "model"))
    (path / "chat_template.jinja").unlink()
    return path


def in_config(model: Path, template: object) -> None:
    path = model / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"chat_template": template}))


def named(model: Path, **templates: str) -> None:
    (model / "additional_chat_templates").mkdir(exist_ok=True)
    for name, template in templates.items():
        (model / "additional_chat_templates" / f"{name}.jinja").write_text(template)


# --- where it is found


def test_the_places_of_a_template_have_an_order(model: Path) -> None:
    in_config(model, said("config"))
    assert load_chat_text(str(model)).text(HI) == "config user: hi\n"
    (model / "chat_template.json").write_text(json.dumps({"chat_template": said("json")}))
    assert load_chat_text(str(model)).text(HI) == "json user: hi\n"
    (model / "chat_template.jinja").write_text(said("jinja"))
    assert load_chat_text(str(model)).text(HI) == "jinja user: hi\n"
    (model / "own.jinja").write_text(said("own"))
    assert load_chat_text(str(model), template=str(model / "own.jinja")).text(HI) == "own user: hi\n"


@pytest.mark.parametrize("shape", ["list", "object"])
def test_a_json_file_may_hold_several_templates(model: Path, shape: str) -> None:
    listed = [{"name": "default", "template": said("one")}, {"name": "rag", "template": said("two")}]
    content = listed if shape == "list" else {each["name"]: each["template"] for each in listed}
    (model / "chat_template.json").write_text(json.dumps({"chat_template": content}))
    assert load_chat_text(str(model)).text(HI) == "one user: hi\n"
    assert load_chat_text(str(model), template="rag").text(HI) == "two user: hi\n"


@pytest.mark.parametrize("content", ['{"chat_template": 7}', '{"template": "x"}', '{"chat_template": [{"name": "x"}]}'])
def test_a_json_file_that_holds_no_template_is_told(model: Path, content: str) -> None:
    (model / "chat_template.json").write_text(content)
    with pytest.raises(EngineStartFailed, match=r"chat_template\.json .*CHAT_TEMPLATE"):
        load_chat_text(str(model))


def test_of_several_in_the_config_the_default_is_used(model: Path) -> None:
    in_config(model, [{"name": "default", "template": said("one")}, {"name": "rag", "template": said("two")}])
    assert load_chat_text(str(model)).text(HI) == "one user: hi\n"
    assert load_chat_text(str(model), template="rag").text(HI) == "two user: hi\n"


def test_several_without_a_default_need_a_word(model: Path) -> None:
    named(model, rag=said("rag"), tool_use=said("tools"))
    with pytest.raises(EngineStartFailed, match=r"templates rag, tool_use, none .* set CHAT_TEMPLATE"):
        load_chat_text(str(model))
    assert load_chat_text(str(model), template="rag").text(HI) == "rag user: hi\n"


def test_a_name_that_the_model_does_not_know_is_told_with_those_it_does(model: Path) -> None:
    named(model, rag=said("rag"))
    with pytest.raises(EngineStartFailed, match=r"CHAT_TEMPLATE: there is no file 'rga'.* templates rag"):
        load_chat_text(str(model), template="rga")


@pytest.mark.parametrize(("content", "words"), [(None, "No such file"), (b"\xff", "utf-8"), (b" \n", "is empty")])
def test_a_file_that_cannot_be_used_is_told(model: Path, content: bytes | None, words: str) -> None:
    path = model / "own.jinja"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EngineStartFailed, match=rf"CHAT_TEMPLATE .*own\.jinja .*{words}"):
        load_chat_text(str(model), template=str(path))


def test_a_byte_order_mark_is_no_part_of_a_template(model: Path) -> None:
    path = model / "own.jinja"
    path.write_text(said("own"), encoding="utf-8-sig")
    assert load_chat_text(str(model), template=str(path)).text(HI) == "own user: hi\n"


def test_without_any_it_is_chatml_and_one_warning(model: Path) -> None:
    chat = load_chat_text(str(model))
    assert chat.text(HI) == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    assert [warning.partition(";")[0] for warning in chat.warnings] == [
        "the model has no chat template: prompts are ChatML"
    ]


# --- the thinking switch


@pytest.mark.parametrize(
    "switch",
    ["enable_thinking", "thinking", "use_thinking", "reasoning", "think_mode"],
)
def test_the_thinking_switch_goes_by_the_name_that_the_template_uses(model: Path, switch: str) -> None:
    (model / "chat_template.jinja").write_text(
        said("x") + f"{{% if add_generation_prompt and {switch} %}}<think>{{% endif %}}"
    )
    on, off = (load_chat_text(str(model), enable_thinking=thinking) for thinking in (True, False))
    assert on.text(HI) == "x user: hi\n<think>"
    assert off.text(HI) == "x user: hi\n"
    assert (on.warnings, off.warnings) == ((), ())
    assert on.template.switches == (switch,)


@pytest.mark.parametrize("switch", ["disable_thinking", "no_think", "skip_reasoning"])
def test_a_switch_named_after_the_opposite_is_set_the_other_way(model: Path, switch: str) -> None:
    (model / "chat_template.jinja").write_text(
        said("x") + f"{{% if add_generation_prompt and not {switch} %}}<think>{{% endif %}}"
    )
    on, off = (load_chat_text(str(model), enable_thinking=thinking) for thinking in (True, False))
    assert on.text(HI) == "x user: hi\n<think>"
    assert off.text(HI) == "x user: hi\n"


@pytest.mark.parametrize(
    "variable",
    [
        "{{ reasoning_effort or 'medium' }}",
        "{{ 'short' if thinking_budget == 3 else 'long' }}",
        "{% set thinking = messages[0].thinking or '' %}{{ thinking }}",
        "{% macro told(enable_thinking) %}{{ enable_thinking }}{% endmacro %}{{ told('') }}",
        "",
    ],
)
def test_a_template_without_a_switch_gets_none_and_one_warning_if_it_was_asked_for(model: Path, variable: str) -> None:
    (model / "chat_template.jinja").write_text(variable + said("x"))
    on, off = (load_chat_text(str(model), enable_thinking=thinking) for thinking in (True, False))
    assert on.text(HI) == off.text(HI)
    assert on.template.switches == ()
    assert off.warnings == ()
    assert len(on.warnings) == 1
    assert "CHAT_TEMPLATE_ENABLE_THINKING" in on.warnings[0]


def test_a_switch_with_a_default_in_the_template_is_still_one(model: Path) -> None:
    (model / "chat_template.jinja").write_text(
        "{% if enable_thinking is not defined %}{% set enable_thinking = true %}{% endif %}"
        + said("x")
        + "{{ '/think' if enable_thinking else '/no_think' }}"
    )
    assert load_chat_text(str(model)).text(HI).endswith("/no_think")


# --- what templates use


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("{{ strftime_now('%d %B %Y') }}", "03 February 2031"),
        ("{{ date_string }}", "03 Feb 2031"),
        ("{{ current_date }}", "2031-02-03"),
        ("{{ today if today is defined else 'never' }}", "2031-02-03"),
        ("{{ {'a': 'é'} | tojson }}", '{"a": "é"}'),
        ("{% generation %}said{% endgeneration %}", "said"),
        ("{% for n in [1, 2] %}{% if n == 2 %}{% break %}{% endif %}{{ n }}{% endfor %}", "1"),
        ("{{ tools | length if tools else 'none' }}", "none"),
    ],
)
def test_what_templates_use_is_there(model: Path, expression: str, shown: str) -> None:
    (model / "chat_template.jinja").write_text(said("x") + expression)
    now = datetime(2031, 2, 3, 23, 59, tzinfo=UTC)
    assert load_chat_text(str(model)).text(HI, now=now) == f"x user: hi\n{shown}"


# --- what cannot work


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{% for m in messages %}{{ m.content }}", "no valid Jinja: line 1"),
        ("{{ messages | unheard_of }}", "no valid Jinja: line 1: No filter named 'unheard_of'"),
        ("{{ persona.name }}" + said("x"), "single user message: UndefinedError.*persona"),
        ("{{ raise_exception('a user id is needed') }}", "a user id is needed"),
        ("{% for m in messages %}{{ m.content }}\n{% endfor %}", "ignores roles"),
        ("user: {{ messages[0].content }}", "a reply between two user messages: it leaves the text out"),
        (
            "{% if messages | length > 1 %}{{ raise_exception('one only') }}{% endif %}" + said("x"),
            "a reply between two user messages: TemplateError: one only",
        ),
    ],
)
def test_a_template_that_cannot_work_is_refused_with_what_to_change(model: Path, template: str, words: str) -> None:
    (model / "chat_template.jinja").write_text(template)
    with pytest.raises(EngineStartFailed, match=rf"(?s){words}.*CHAT_TEMPLATE"):
        load_chat_text(str(model))


def test_a_template_that_rewrites_what_was_said_is_warned_of(model: Path) -> None:
    (model / "chat_template.jinja").write_text(
        "{% for m in messages %}{% if loop.last and m.role == 'user' %}Now: {% endif %}{{ m.role }}: {{ m.content }}\n"
        "{% endfor %}"
    )
    assert len(load_chat_text(str(model)).warnings) == 1
    assert "rewrites earlier messages" in load_chat_text(str(model)).warnings[0]


def test_a_template_that_prints_the_time_rewrites_nothing(model: Path) -> None:
    (model / "chat_template.jinja").write_text("{{ strftime_now('%f') }}" + said("x"))
    assert load_chat_text(str(model)).warnings == ()
