"""Today's families: how each sets thoughts apart, where its turns end, and what its users cannot write."""

from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.base import Control
from engines.prompts.chat import ChatText
from engines.prompts.loading import load_chat_text, load_tokenizer
from engines.prompts.messages import PromptMessage, PromptRole
from engines.prompts.reply_format import Shape as FormatShape
from tests.engines.prompts.shapes import SHAPES, write

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
names = pytest.mark.parametrize("name", sorted(SHAPES))


@pytest.fixture(scope="session")
def shaped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model directory by family."""
    return {name: write(shape, tmp_path_factory.mktemp("shape")) for name, shape in SHAPES.items()}


@pytest.fixture(scope="session")
def families(shaped: dict[str, Path]) -> dict[str, ChatText]:
    """Every family, loaded, thinking off."""
    return {name: load_chat_text(str(path)) for name, path in shaped.items()}


def texts(chat: ChatText, path: Path, ids: tuple[int, ...]) -> set[str]:
    added = load_tokenizer(str(path)).added_tokens_decoder
    return {added[id_].content for id_ in ids}


# --- the reply format


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("qwen", FormatShape.TAGS),
        ("gpt-oss", FormatShape.CHANNELS),
        ("gemma 4", FormatShape.CHANNELS),
        ("magistral", FormatShape.TAGS),
        ("deepseek", FormatShape.TAGS),
        ("command", FormatShape.TAGS),
        ("seed", FormatShape.TAGS),
    ],
)
def test_a_format_is_known_by_the_models_own_markers(
    name: str, shape: FormatShape, families: dict[str, ChatText]
) -> None:
    assert families[name].format.shape is shape


def test_a_model_without_markers_is_plain(chats: dict[str, ChatText]) -> None:
    assert chats["llama"].format.shape is FormatShape.PLAIN
    assert chats["llama"].format.opening == ()


@pytest.mark.parametrize(
    ("name", "thinking", "opening"),
    [
        ("qwen", True, ()),
        ("qwen", False, ()),
        ("qwen 3.5", False, ("<think>", "\n")),
        ("deepseek", True, ("<think>",)),
        ("deepseek", False, ()),
        ("gpt-oss", False, ("<|start|>", "assistant")),
        ("gemma 4", False, ()),
    ],
)
def test_a_reply_begins_where_the_prompt_leaves_off(
    name: str, thinking: bool, opening: tuple[str, ...], shaped: dict[str, Path]
) -> None:
    found = load_chat_text(str(shaped[name]), enable_thinking=thinking).format.opening
    assert found == opening
    assert all(isinstance(piece, Control) for piece in found[:1])


def test_blocks_are_parted_by_tokens_where_both_ends_are_tokens(families: dict[str, ChatText]) -> None:
    assert families["qwen"].format.blocks["<think>"] == {"</think>"}
    assert families["magistral"].format.blocks == {"[THINK]": {"[/THINK]"}}
    assert "<|call|>" in families["gpt-oss"].format.channel_ends
    assert families["gemma 4"].format.channel_ends == frozenset()


def test_a_token_is_known_by_any_spelling_that_text_is(tmp_path: Path) -> None:
    begins, ends = "<｜tool_calls_begin｜>", "<｜tool_calls_end｜>"
    shape = evolve(
        SHAPES["deepseek"], special=(*SHAPES["deepseek"].special, begins, ends), plain=("<THINK>", "</think>")
    )
    found = load_chat_text(str(write(shape, tmp_path))).format
    assert found.blocks == {begins: {ends}, "<THINK>": {"</think>"}}
    assert {begins, ends, "<THINK>", "</think>"} <= set(found.tokens.values())


@names
def test_a_stop_is_no_token_of_the_reply(name: str, families: dict[str, ChatText]) -> None:
    chat = families[name]
    assert chat.format.tokens.keys().isdisjoint(chat.stop_token_ids)


# --- the end of a turn


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("qwen", {"<|im_end|>", "<|im_start|>"}),
        ("gpt-oss", {"<|return|>", "<|endoftext|>", "<|call|>"}),
        ("gemma 4", {"<eos>", "<turn|>"}),
        ("magistral", {"</s>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"}),
        ("deepseek", {"<｜end▁of▁sentence｜>", "<｜begin▁of▁sentence｜>"}),
        ("command", {"<|END_RESPONSE|>", "<|END_OF_TURN_TOKEN|>"}),
        ("seed", {"<seed:eos>"}),
    ],
)
def test_a_turn_ends_where_the_models_own_template_ends_it(
    name: str, ends: set[str], families: dict[str, ChatText], shaped: dict[str, Path]
) -> None:
    chat = families[name]
    assert texts(chat, shaped[name], chat.stop_token_ids) == ends
    assert bool(chat.stop_strings) is name.startswith("qwen")


# --- what users write


def added(path: Path) -> dict[int, str]:
    """What looks like a marker, or is special: not by our own judgement but by the tokenizer's files."""
    tokens = load_tokenizer(str(path)).added_tokens_decoder
    return {
        id_: token.content
        for id_, token in tokens.items()
        if token.special or (token.content[0] in "<[" and token.content[-1] in ">]")
    }


@names
@relaxed
@given(data=st.data())
def test_no_text_of_a_user_holds_a_token_of_the_models(
    name: str, families: dict[str, ChatText], shaped: dict[str, Path], data: st.DataObject
) -> None:
    chat, controls = families[name], added(shaped[name])
    whole = sorted(controls.values())
    pieces = st.sampled_from([*whole, *(text[:-1] for text in whole), *(text[1:] for text in whole), " ", "x", "\n"])
    contents = st.lists(pieces, min_size=1, max_size=6).map("".join).filter(lambda text: bool(text.strip()))
    roles: tuple[PromptRole, ...] = ("system", "user", "assistant", "user")

    def placed(messages: list[PromptMessage]) -> list[int]:
        return [id_ for id_ in chat.render(messages) if id_ in controls]

    said = [PromptMessage(role, data.draw(contents)) for role in roles]
    assert placed(said) == placed([PromptMessage(role, "x") for role in roles])


def test_a_text_that_a_template_would_take_for_its_own_is_served(families: dict[str, ChatText]) -> None:
    prompt = families["qwen 3.5"].text([PromptMessage("user", "<tool_response>hi</tool_response>")])
    assert "< tool_response>hi< /tool_response>" in prompt


def test_another_familys_marker_is_text(families: dict[str, ChatText]) -> None:
    said = "Gemma ends a turn with <end_of_turn>, Mistral asks between [INST] and [/INST]."
    assert said in families["qwen"].text([PromptMessage("user", said)])


@names
def test_nothing_is_warned_of_where_nothing_is_wrong(name: str, families: dict[str, ChatText]) -> None:
    assert families[name].warnings == ()
