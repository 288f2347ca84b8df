"""Models in the shape of today's families: the markers of each, as tokens, and a template in its style."""

import json
from pathlib import Path

from attrs import frozen
from tokenizers import AddedToken
from transformers import PreTrainedTokenizerFast

from tests.engines.prompts.conftest import Build, byte_level


@frozen(kw_only=True)
class Shape:
    """`special`, `plain`: added tokens, marked special or not. `template`: in the family's style."""

    special: tuple[str, ...]
    template: str
    eos: str
    plain: tuple[str, ...] = ()
    generation_eos: tuple[str, ...] = ()


_CHATML_TURNS = """{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}
{%- if m.role == 'assistant' and m.reasoning_content is defined and loop.last %}
{{- '<think>\\n' + m.reasoning_content + '\\n</think>\\n\\n' }}{% endif %}
{{- m.content.split('</think>')[-1] if m.role == 'assistant' else m.content }}{{ '<|im_end|>\\n' }}{% endfor %}"""

QWEN = Shape(
    special=("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    plain=("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"),
    eos="<|im_end|>",
    template=_CHATML_TURNS
    + """{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and not enable_thinking %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}
{%- endif %}""",
)

QWEN_35 = Shape(
    special=QWEN.special,
    plain=QWEN.plain,
    eos="<|im_end|>",
    template="""{%- set ns = namespace(query=false) %}{%- for m in messages[::-1] %}
{%- if m.role == 'user' and not (m.content.startswith('<tool_response>') and m.content.endswith('</tool_response>')) %}
{%- set ns.query = true %}{% endif %}{% endfor %}
{%- if not ns.query %}{{ raise_exception('No user query found in messages.') }}{% endif %}"""
    + _CHATML_TURNS
    + "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}{% endif %}",
)

GPT_OSS = Shape(
    special=(
        *("<|startoftext|>", "<|endoftext|>", "<|return|>", "<|constrain|>", "<|channel|>", "<|start|>", "<|end|>"),
        *("<|message|>", "<|call|>"),
    ),
    eos="<|return|>",
    generation_eos=("<|return|>", "<|endoftext|>", "<|call|>"),
    template="""<|start|>system<|message|>Knowledge cutoff: 2024-06
Current date: {{ strftime_now("%Y-%m-%d") }}

Reasoning: {{ reasoning_effort or 'medium' }}<|end|>
{%- for m in messages %}{%- if m.role == 'system' %}<|start|>developer<|message|># Instructions

{{ m.content }}<|end|>
{%- elif m.role == 'assistant' %}
{%- if '<|channel|>' in m.content %}{{ raise_exception('no channels in content') }}{% endif %}
{%- if loop.last and not add_generation_prompt and m.thinking %}<|start|>assistant<|channel|>analysis<|message|>
{{- m.thinking }}<|end|>{% endif %}<|start|>assistant<|channel|>final<|message|>{{ m.content }}
{{- '<|return|>' if loop.last and not add_generation_prompt else '<|end|>' }}
{%- else %}<|start|>user<|message|>{{ m.content }}<|end|>{% endif %}{% endfor %}
{%- if add_generation_prompt %}<|start|>assistant{% endif %}""",
)

GEMMA_4 = Shape(
    special=(
        "<pad>",
        "<eos>",
        "<bos>",
        "<|turn>",
        "<turn|>",
        "<|channel>",
        "<channel|>",
        "<|tool_call>",
        "<tool_call|>",
    ),
    eos="<eos>",
    generation_eos=("<eos>",),
    template="""{{ bos_token }}{% for m in messages %}
{{- '<|turn>' + ('model' if m.role == 'assistant' else m.role) + '\\n' + m.content | trim + '<turn|>\\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|turn>model\\n' }}
{%- if not enable_thinking %}{{ '<|channel>thought\\n<channel|>' }}{% endif %}{% endif %}""",
)

MAGISTRAL = Shape(
    special=(
        "<unk>",
        "<s>",
        "</s>",
        "[INST]",
        "[/INST]",
        "[SYSTEM_PROMPT]",
        "[/SYSTEM_PROMPT]",
        "[TOOL_CALLS]",
        "[IMG]",
    ),
    plain=("[THINK]", "[/THINK]"),
    eos="</s>",
    template="""{{ '<s>' }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST]' + m.content + '[/INST]' }}
{%- elif m.role == 'system' %}{{ '[SYSTEM_PROMPT]' + m.content + '[/SYSTEM_PROMPT]' }}
{%- else %}{{ m.content + '</s>' }}{% endif %}{% endfor %}""",
)

DEEPSEEK = Shape(
    special=("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"),
    plain=(
        *("<｜User｜>", "<｜Assistant｜>", "<think>", "</think>", "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"),
        *("<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"),
    ),
    eos="<｜end▁of▁sentence｜>",
    template="""{%- if thinking is not defined %}{% set thinking = false %}{% endif %}{{ '<｜begin▁of▁sentence｜>' }}
{%- for m in messages %}{% if m.role == 'system' %}{{ m.content }}
{%- elif m.role == 'user' %}{{ '<｜User｜>' + m.content }}
{%- else %}{{ '<｜Assistant｜></think>' + m.content + '<｜end▁of▁sentence｜>' }}{% endif %}{% endfor %}
{%- if add_generation_prompt %}{{ '<｜Assistant｜>' }}{{ '<think>' if thinking else '</think>' }}{% endif %}""",
)

COMMAND = Shape(
    special=(
        *("<PAD>", "<BOS_TOKEN>", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|USER_TOKEN|>"),
        *("<|CHATBOT_TOKEN|>", "<|SYSTEM_TOKEN|>"),
    ),
    plain=("<|START_THINKING|>", "<|END_THINKING|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>"),
    eos="<|END_OF_TURN_TOKEN|>",
    template="""{{ '<BOS_TOKEN>' }}{% for m in messages %}<|START_OF_TURN_TOKEN|>
{%- if m.role == 'user' %}<|USER_TOKEN|>{{ m.content }}{% elif m.role == 'system' %}<|SYSTEM_TOKEN|>{{ m.content }}
{%- else %}<|CHATBOT_TOKEN|><|START_RESPONSE|>{{ m.content }}<|END_RESPONSE|>{% endif %}<|END_OF_TURN_TOKEN|>
{%- endfor %}{% if add_generation_prompt %}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>
{%- if reasoning is defined and not reasoning %}<|START_THINKING|><|END_THINKING|>{% endif %}{% endif %}""",
)

SEED = Shape(
    special=("<seed:bos>", "<seed:eos>", "<seed:pad>", "<seed:think>", "</seed:think>"),
    eos="<seed:eos>",
    template="""{%- if thinking_budget is not defined %}{% set thinking_budget = -1 %}{% endif %}
{%- for m in messages %}{{ '<seed:bos>' + m.role + '\\n' + m.content + '<seed:eos>' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<seed:bos>assistant\\n' }}
{%- if thinking_budget > 0 %}{{ '<seed:think>I have ' ~ thinking_budget ~ ' tokens.' }}{% endif %}{% endif %}""",
)

# Nobody's, on purpose: markers that overlap, hold one another, hold blanks, are one character, or what another becomes
# once it is made plain.
AWKWARD = Shape(
    special=(
        "<a>",
        "<a>>",
        "<<a>",
        "<a><b>",
        "<b><a>",
        "< <a>",
        "☃",
        "<x y>",
        "[A]",
        "[[A]",
        "[ A]",
        "[A]]",
        "<|",
        "|>",
    ),
    plain=("<", ">", "<>", "[]", "< a>", "<|a|>", "<|a|", "a|>", "word", "\n\n", "user", "<a>user", "§"),
    eos="<a>",
    template="""{% for m in messages %}{{ '<a><b>' + m.role + '\\n\\n' + m.content + '[[A]§<a>' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<a><b>assistant\\n\\n' }}{% endif %}""",
)

SHAPES = {
    "awkward": AWKWARD,
    "qwen": QWEN,
    "qwen 3.5": QWEN_35,
    "gpt-oss": GPT_OSS,
    "gemma 4": GEMMA_4,
    "magistral": MAGISTRAL,
    "deepseek": DEEPSEEK,
    "command": COMMAND,
    "seed": SEED,
}


def write(shape: Shape, path: Path) -> Path:
    """A model directory of this shape."""
    tokenizer = byte_level(Build(byte_level, shape.special, None))
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in shape.plain])
    bos = next((text for text in shape.special if text.strip("<>|").startswith(("bos", "BOS", "s"))), None)
    saved = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=shape.eos, **({"bos_token": bos} if bos else {})
    )
    saved.chat_template = shape.template
    saved.save_pretrained(path)
    eos = [tokenizer.token_to_id(text) for text in shape.generation_eos or (shape.eos,)]
    (path / "generation_config.json").write_text(json.dumps({"eos_token_id": eos}))
    return path


__all__ = ["SHAPES", "Shape", "write"]
