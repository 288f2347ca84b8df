"""Families that no table knows: their thoughts and calls are told by what their templates write around them."""

from pathlib import Path

from attrs import evolve

from engines.base import Control
from engines.prompts.loading import load_chat_text, load_tokenizer
from engines.prompts.reply_format import Shape as FormatShape
from tests.engines.prompts.shapes import Shape, write

OWN = Shape(
    special=("<|im_start|>", "<|im_end|>", "<|muse|>", "<|/muse|>", "<|say|>", "<|do|>", "<|with|>", "<|done|>"),
    eos="<|im_end|>",
    template="""{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}
{%- if m.reasoning_content %}{{ '<|muse|>' + m.reasoning_content + '<|/muse|><|say|>' }}{% endif %}
{{- m.content }}{% for call in m.tool_calls or [] %}{{ '<|do|>' + call.function.name + '<|with|>' }}
{{- call.function.arguments | tojson + '<|done|>' }}{% endfor %}{{ '<|im_end|>\\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}
{%- if enable_thinking %}{{ '<|muse|>' }}{% endif %}{% endif %}""",
)


def test_tokens_that_stand_around_thoughts_and_calls_alone_part_them_in_replies(tmp_path: Path) -> None:
    path = str(write(OWN, tmp_path))
    found = load_chat_text(path).format
    assert found.blocks == {"<|muse|>": {"<|/muse|>"}, "<|do|>": {"<|done|>"}}
    assert (found.shape, found.opening) == (FormatShape.TAGS, ())
    assert load_chat_text(path, enable_thinking=True).format.opening == (Control("<|muse|>"),)


def test_thoughts_in_a_message_of_their_own_go_with_the_header_of_the_next(tmp_path: Path) -> None:
    """Solar: `<|end|>` ends every message, and so no turn."""
    shape = Shape(
        special=("<|begin|>", "<|end|>", "<|think|>", "<|content|>", "<|flush|>"),
        eos="<|flush|>",
        template="""{%- for m in messages %}{{ '<|begin|>' + m.role }}{% if m.reasoning_content %}
{{- '<|think|>' + m.reasoning_content + '<|end|><|begin|>assistant' }}{% endif %}
{{- '<|content|>' + m.content + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}<|begin|>assistant{% endif %}""",
    )
    path = str(write(shape, tmp_path))
    chat, added = load_chat_text(path), load_tokenizer(path).added_tokens_decoder
    assert chat.format.blocks == {"<|think|>": {"<|content|>"}}
    assert {added[id_].content for id_ in chat.stop_token_ids} == {"<|flush|>"}


def test_what_every_answer_has_around_it_parts_nothing(tmp_path: Path) -> None:
    said = "{{ m.role + '<|muse|>' + (m.reasoning_content or '') + '<|/muse|>' + m.content + '<|im_end|>' }}"
    shape = evolve(OWN, template=f"{{% for m in messages %}}{said}{{% endfor %}}")
    found = load_chat_text(str(write(shape, tmp_path))).format
    assert (found.shape, found.blocks) == (FormatShape.PLAIN, {})


def test_the_end_of_thoughts_ends_no_turn_whether_the_template_writes_thoughts_or_not(tmp_path: Path) -> None:
    """Inkling: every message of a turn ends alike."""
    shape = Shape(
        special=("<|content_user|>", "<|content_text|>", "<|content_thinking|>", "<|end_message|>", "<|done|>"),
        eos="<|done|>",
        template="""{%- for m in messages %}{{ '<|content_text|>' if m.role == 'assistant' else '<|content_user|>' }}
{{- m.content + '<|end_message|>' }}{% endfor %}""",
    )
    path = str(write(shape, tmp_path))
    chat, added = load_chat_text(path), load_tokenizer(path).added_tokens_decoder
    assert {added[id_].content for id_ in chat.stop_token_ids} == {"<|done|>"}
