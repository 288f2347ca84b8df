"""The markers by which chat models set thoughts and tool calls apart from the answer. Data, and how it is compared.

Spelled as the models' tokenizers and templates spell them (model cards and chat templates of the families named). Who
compares a text with them compares what `folded` makes of both: models borrow each other's habits inexactly.
"""

import enum
import re
from string import ascii_lowercase, ascii_uppercase

from attrs import frozen

_FOLDED = str.maketrans(ascii_uppercase + "▁｜", ascii_lowercase + "_|")


def folded(text: str) -> str:
    """For comparing, no longer or shorter: ASCII letters in lower case (the Kelvin sign is no `k`), plain marks."""
    return text.translate(_FOLDED)


class Kind(enum.Enum):
    """What stands between the markers. None of it is ever part of the answer."""

    REASONING = "reasoning"
    CHANNEL = "channel"
    TOOL_CALL = "tool call"


@frozen
class Block:
    """Text from `opener` to the first of `closers`, none of which is part of the answer.

    Without `closers` the block ends with the bracket that closes the JSON value behind `opener`. An opener that does
    not end in a bracket of its own is followed by a name (`<function=get_weather>`).
    """

    kind: Kind
    opener: str
    closers: tuple[str, ...]
    families: str


@frozen
class Channels:
    """The format of gpt-oss: `start role channel name message text end`.

    Everything from `start` or `channel` to the next `message` is a header. Only the text of the channel `answer` is for
    the user; a text ends at any of `ends`, or where the next header begins. `end` ends a message and not the turn.
    """

    start: str = "<|start|>"
    channel: str = "<|channel|>"
    message: str = "<|message|>"
    end: str = "<|end|>"
    ends: tuple[str, ...] = ("<|end|>", "<|call|>", "<|return|>")
    answer: str = "final"


HARMONY = Channels()

_NAME = re.compile(r"\s*([\w.-]*)")


def name_in(header: str) -> str:
    """The name with which a part of a header begins, a role's or a channel's, in lower case; empty for none."""
    found = _NAME.match(header)
    return found[1].lower() if found else ""


_R, _C, _T = Kind.REASONING, Kind.CHANNEL, Kind.TOOL_CALL

BLOCKS = (
    Block(_R, "<think>", ("</think>",), "Qwen 3, DeepSeek R1 and V3.1, SmolLM 3, Phi 4 reasoning, GLM, MiniMax, many"),
    Block(_R, "<thinking>", ("</thinking>",), "prompted models"),
    Block(_R, "<thought>", ("</thought>",), "EXAONE Deep, Gemini's habit"),
    Block(_R, "<thoughts>", ("</thoughts>",), "prompted models"),
    Block(_R, "<reasoning>", ("</reasoning>",), "prompted models, GRPO recipes"),
    Block(_R, "<reflection>", ("</reflection>",), "Reflection, prompted models"),
    Block(_R, "<scratchpad>", ("</scratchpad>",), "prompted models"),
    Block(_R, "<scratch_pad>", ("</scratch_pad>",), "Hermes 3"),
    Block(_R, "<seed:think>", ("</seed:think>",), "Seed-OSS"),
    Block(_R, "<longcat_think>", ("</longcat_think>",), "LongCat"),
    Block(_R, "<mm:think>", ("</mm:think>",), "MiniMax M3"),
    Block(_R, "<ifm|think>", ("</ifm|think>",), "K2 Horizon"),
    Block(_R, "<ifm|think_fast>", ("</ifm|think_fast>",), "K2 Horizon"),
    Block(_R, "<ifm|think_faster>", ("</ifm|think_faster>",), "K2 Horizon"),
    Block(_R, "[THINK]", ("[/THINK]",), "Magistral"),
    Block(_R, "<|START_THINKING|>", ("<|END_THINKING|>",), "Command A, Command R"),
    Block(_R, "<|begin_of_thought|>", ("<|end_of_thought|>",), "OpenThinker, Sky-T1"),
    Block(_R, "<|inner_prefix|>", ("<|inner_suffix|>",), "Apertus"),
    Block(_R, "<|plamo:begin_think:plamo|>", ("<|plamo:end_think:plamo|>",), "PLaMo 3"),
    Block(_R, "<|content_thinking|>", ("<|end_message|>",), "Inkling"),
    Block(_R, "<|think|>", ("<|content|>",), "Solar Open, whose next message begins between the two"),
    Block(_R, "◁think▷", ("◁/think▷",), "Kimi-VL"),
    Block(_C, "<|channel>", ("<channel|>",), "Gemma 4"),
    Block(_T, "<tool_call>", ("</tool_call>",), "Qwen, Hermes, GLM, SmolLM 3"),
    Block(_T, "<tool_calls>", ("</tool_calls>",), "Hunyuan, Jamba"),
    Block(_T, "<function_call>", ("</function_call>",), "prompted models"),
    Block(_T, "<function_calls>", ("</function_calls>",), "prompted models"),
    Block(_T, "<functioncall>", ("</functioncall>",), "Glaive's data"),
    Block(_T, "<function=", ("</function>",), "Llama 3.1, Qwen 3 Coder without its outer tag"),
    Block(_T, "<function name=", ("</function>",), "MiniCPM 5"),
    Block(_T, "<dots_function_call>", ("</dots_function_call>",), "dots"),
    Block(_T, "<invoke name=", ("</invoke>",), "MiniMax M2 and DeepSeek V3.2 without their outer tag, Claude's habit"),
    Block(_T, "<tool_code>", ("</tool_code>",), "Gemini's habit"),
    Block(_T, "<tool_use>", ("</tool_use>",), "prompted models"),
    Block(_T, "<tool_response>", ("</tool_response>",), "Qwen, Hermes"),
    Block(_T, "<seed:tool_call>", ("</seed:tool_call>",), "Seed-OSS"),
    Block(_T, "<minimax:tool_call>", ("</minimax:tool_call>",), "MiniMax M2"),
    Block(_T, "<longcat_tool_call>", ("</longcat_tool_call>",), "LongCat"),
    Block(_T, "<ifm|tool_calls>", ("</ifm|tool_calls>",), "K2 Horizon"),
    Block(_T, "<ifm|tool_call>", ("</ifm|tool_call>",), "K2 Horizon without its outer marker"),
    Block(_T, "<atem:function_calls>", ("</atem:function_calls>",), "Muse Glimmer"),
    Block(_T, "<start_function_call>", ("<end_function_call>",), "FunctionGemma"),
    Block(_T, "<|tool_call>", ("<tool_call|>",), "Gemma 4"),
    Block(_T, "<|tool_response>", ("<tool_response|>",), "Gemma 4"),
    Block(_T, "<|START_ACTION|>", ("<|END_ACTION|>",), "Command A, Command R"),
    Block(_T, "<|action_start|>", ("<|action_end|>",), "InternLM"),
    Block(_T, "<|tool_call_start|>", ("<|tool_call_end|>",), "LFM 2"),
    Block(_T, "<|content_invoke_tool_json|>", ("<|end_message|>",), "Inkling"),
    Block(_T, "<|content_invoke_tool_text|>", ("<|end_message|>",), "Inkling"),
    Block(_T, "<|plamo:begin_tool_requests:plamo|>", ("<|plamo:end_tool_requests:plamo|>",), "PLaMo 3"),
    Block(_T, "<|tools_prefix|>", ("<|tools_suffix|>",), "Apertus"),
    Block(_T, "<|tool_calls_section_begin|>", ("<|tool_calls_section_end|>",), "Kimi K2"),
    Block(_T, "<|tool_call_begin|>", ("<|tool_call_end|>",), "Kimi K2 without its outer marker"),
    Block(_T, "<|python_tag|>", ("<|eom_id|>", "<|eot_id|>"), "Llama 3"),
    Block(_T, "<|python_start|>", ("<|python_end|>",), "Llama 4"),
    Block(_T, "<|FunctionCallBegin|>", ("<|FunctionCallEnd|>",), "Doubao"),
    Block(_T, "<|tool_call|>", (), "Granite, Phi 4 mini"),
    Block(_T, "<TOOLCALL>", ("</TOOLCALL>",), "Nemotron"),
    Block(_T, "[TOOL_CALLS]", (), "Mistral"),
    Block(_T, "[TOOL_RESULTS]", ("[/TOOL_RESULTS]",), "Mistral"),
    Block(_T, "[TOOL_REQUEST]", ("[END_TOOL_REQUEST]",), "models without a format of their own, in LM Studio"),
    Block(_T, "<｜tool▁calls▁begin｜>", ("<｜tool▁calls▁end｜>",), "DeepSeek V3, V3.1, R1; Step 3"),
    Block(_T, "<｜tool▁call▁begin｜>", ("<｜tool▁call▁end｜>",), "DeepSeek without its outer marker"),
    Block(_T, "<｜tool▁outputs▁begin｜>", ("<｜tool▁outputs▁end｜>",), "DeepSeek V3, R1"),
    Block(_T, "<｜DSML｜function_calls>", ("</｜DSML｜function_calls>",), "DeepSeek V3.2"),
    Block(_T, "<｜DSML｜tool_calls>", ("</｜DSML｜tool_calls>",), "DeepSeek V4"),
)

TAG_NAMES = frozenset(
    marker.strip("<>[]/|｜◁▷=").lower() for block in BLOCKS for marker in (block.opener, *block.closers)
)
"""The names that the markers would have as tags, lower case."""

__all__ = ["BLOCKS", "HARMONY", "TAG_NAMES", "Block", "Channels", "Kind", "folded", "name_in"]
