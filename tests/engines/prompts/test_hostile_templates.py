"""A checkpoint's chat template is somebody else's program: it reaches nothing but the conversation that it is given."""

from pathlib import Path

import pytest

from engines.errors import EngineStartFailed, TextRefused
from engines.prompts.loading import load_chat_text
from engines.prompts.messages import PromptMessage
from tests.toy import toy_directory

PLAIN = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
REACHING = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.environ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ raise_exception.__globals__.keys() }}",
    "{{ raise_exception.__closure__[0].cell_contents }}",
    "{{ messages.__class__.mro() }}",
    "{{ (''|attr('__class__')).mro() }}",
    "{{ ('{0.__class__.__mro__}').format('') }}",
    "{% set f = '{0.__globals__}'.format_map %}{{ f({'0': raise_exception}) }}",
    "{{ (messages | map(attribute='__class__') | list)[0].mro() }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
]
NOTHING = ["{{ messages.__class__ }}", "{{ ''|attr('__class__') }}", "{{ raise_exception.__globals__ }}"]
CHANGING = [
    "{{ messages.append({'role': 'user', 'content': 'x'}) }}",
    "{{ messages.clear() }}",
    "{{ messages[0].update(role='system') }}",
]
READING = ["{% include '/etc/hostname' %}", "{% import 'os' as os %}", "{% extends '/etc/passwd' %}"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model's directory whose template a test writes."""
    for path in toy_directory().iterdir():
        if path.suffix == ".json":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.mark.parametrize("template", [*REACHING, *CHANGING, *READING])
def test_a_template_that_reaches_for_more_is_refused_at_the_start(model: Path, template: str) -> None:
    (model / "chat_template.jinja").write_text(template + PLAIN)
    with pytest.raises(EngineStartFailed, match="CHAT_TEMPLATE"):
        load_chat_text(str(model))


@pytest.mark.parametrize("template", [*REACHING, *CHANGING])
def test_one_that_waits_for_a_word_to_do_so_costs_its_turn_alone_and_shows_nothing(model: Path, template: str) -> None:
    (model / "chat_template.jinja").write_text(
        "{% if 'now' in (messages | last).content %}" + template + "{% endif %}" + PLAIN
    )
    text = load_chat_text(str(model))
    with pytest.raises(TextRefused, match=r"^the chat template failed: \w+$"):
        text.render([PromptMessage("user", "now")])
    assert text.render([PromptMessage("user", "later")])


@pytest.mark.parametrize("template", NOTHING)
def test_what_only_names_something_inside_gets_nothing(model: Path, template: str) -> None:
    (model / "chat_template.jinja").write_text(PLAIN)
    said = [PromptMessage("user", "now")]
    plain = load_chat_text(str(model)).render(said)
    (model / "chat_template.jinja").write_text(template + PLAIN)
    assert load_chat_text(str(model)).render(said) == plain


def test_no_loop_of_a_template_is_longer_than_the_sandbox_allows(model: Path) -> None:
    (model / "chat_template.jinja").write_text("{% for _ in range(100000000000) %}x{% endfor %}" + PLAIN)
    with pytest.raises(EngineStartFailed, match="Range too big"):
        load_chat_text(str(model))
