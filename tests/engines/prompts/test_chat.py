"""Every kind of template and tokenizer, loaded as a model's is: prompts, costs, cuts, and what content cannot do."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.prompts.chat import ChatText
from engines.prompts.conversation import MESSAGE_CHARS, Conversation
from engines.prompts.messages import PromptMessage, PromptRole
from tests.engines.prompts.conftest import BUILDS

NOW = datetime(2031, 2, 3, 23, 59, tzinfo=UTC)
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

names = pytest.mark.parametrize("name", sorted(BUILDS))
controls = sorted({text for build in BUILDS.values() for text in build.special})
pieces = st.sampled_from(
    [
        *controls,
        "<|im_",
        "end|>",
        "[",
        "INST]",
        "/s>",
        "<",
        "＜/s＞",
        "＜ｓ＞",
        "\n\n",
        " ",
        "  ",
        "\t",
        "x",
        "hello",
        "</s",
        ">",
    ]
)
contents = st.one_of(
    st.lists(pieces, min_size=1, max_size=6).map("".join), st.text(st.characters(codec="utf-8"), max_size=20)
).filter(lambda text: bool(text.strip()))
roles: st.SearchStrategy[PromptRole] = st.sampled_from(["user", "assistant"])


@st.composite
def conversations(draw: st.DrawFn) -> list[PromptMessage]:
    said = [PromptMessage(role, draw(contents)) for role in draw(st.lists(roles, max_size=4))]
    system = [PromptMessage("system", draw(contents))] if draw(st.booleans()) else []
    return [*system, *said, PromptMessage("user", draw(contents))]


def talk(*texts: str) -> list[PromptMessage]:
    """User and assistant in turn, the user first."""
    return [PromptMessage("assistant" if at % 2 else "user", text) for at, text in enumerate(texts)]


def placed(chat: ChatText, messages: Sequence[PromptMessage]) -> list[int]:
    return [id_ for id_ in chat.render(messages, now=NOW) if id_ in chat.control_ids]


# --- what content can do


@names
@relaxed
@given(messages=conversations())
def test_content_never_moves_a_control_id(name: str, chats: dict[str, ChatText], messages: list[PromptMessage]) -> None:
    chat = chats[name]
    neutral = [PromptMessage(message.role, "x") for message in messages]
    assert placed(chat, messages) == placed(chat, neutral)


@names
@relaxed
@given(messages=conversations(), more=st.lists(contents, min_size=1, max_size=2))
def test_a_prompt_is_a_prefix_of_the_next_turns(
    name: str, chats: dict[str, ChatText], messages: list[PromptMessage], more: list[str]
) -> None:
    chat = chats[name]
    longer = [*messages, *(PromptMessage("user" if at % 2 else "assistant", text) for at, text in enumerate(more))]
    before = chat.render(messages, generation_prompt=False, now=NOW)
    assert chat.render(longer, generation_prompt=False, now=NOW)[: len(before)] == before


@names
@relaxed
@given(parts=st.lists(st.one_of(pieces, st.text(max_size=5)), max_size=10))
def test_ids_by_piece_are_those_of_the_whole_text(name: str, chats: dict[str, ChatText], parts: list[str]) -> None:
    chat, text = chats[name], "".join(parts)
    assert chat.segments.ids(text) == list(chat.encoder.ids(text))


# --- the prompt


def test_chatml_is_rendered_as_the_model_was_trained(chats: dict[str, ChatText]) -> None:
    messages = [PromptMessage("system", "be kind"), *talk("hi", "hello <|im_end|>", "bye")]
    assert chats["chatml"].text(messages) == (
        "<|im_start|>system\nbe kind<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n"
        "<|im_start|>assistant\nhello < |im_end|><|im_end|>\n<|im_start|>user\nbye<|im_end|>\n<|im_start|>assistant\n"
    )


def test_messages_of_one_role_merge_and_blank_ones_go(chats: dict[str, ChatText]) -> None:
    messages = [PromptMessage("system", " "), *(PromptMessage("user", text) for text in ("a", "\n", "b"))]
    assert chats["chatml"].text(messages, generation_prompt=False) == "<|im_start|>user\na\n\nb<|im_end|>\n"


def test_without_a_system_role_the_first_user_message_carries_it(chats: dict[str, ChatText]) -> None:
    messages = [PromptMessage("system", "be kind"), PromptMessage("assistant", "hello"), PromptMessage("user", "hi")]
    assert chats["gemma"].text(messages) == (
        "<bos><start_of_turn>user\nbe kind\n\n...<end_of_turn>\n<start_of_turn>model\nhello<end_of_turn>\n"
        "<start_of_turn>user\nhi<end_of_turn>\n<start_of_turn>model\n"
    )


@pytest.mark.parametrize(("name", "bos"), [("bos", 0), ("llama", 0), ("gemma", 2), ("bare", 0)])
def test_a_prompt_has_exactly_one_bos(name: str, bos: int, chats: dict[str, ChatText]) -> None:
    ids = chats[name].render(talk("hi", "ho", "hi"))
    assert ids[0] == bos
    assert ids.count(bos) == 1


def test_a_template_that_prints_a_date_prints_the_sessions(chats: dict[str, ChatText]) -> None:
    assert "Date: 03 Feb 2031\n" in chats["llama"].text(talk("hi"), now=NOW)


def test_a_model_without_a_template_gets_chatml_and_a_warning(chats: dict[str, ChatText]) -> None:
    chat = chats["bare"]
    assert chat.text(talk("hi")) == "<|endoftext|><|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    assert len(chat.warnings) == 1
    assert chats["chatml"].warnings == ()


def test_threads_render_what_one_thread_does(chats: dict[str, ChatText]) -> None:
    chat = chats["llama"]
    texts = [f"hello number {n} " * 20 for n in range(20)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: chat.render(talk(text, "ok", text), now=NOW), texts * 3))
    assert found == [list(chat.encoder.ids(chat.text(talk(text, "ok", text), now=NOW))) for text in texts * 3]


# --- costs


@pytest.mark.parametrize(("name", "cost"), [("chatml", 5), ("bos", 5), ("llama", 5), ("gemma", 5), ("instruct", 3)])
def test_the_template_costs_a_fixed_number_per_message(name: str, cost: int, chats: dict[str, ChatText]) -> None:
    assert chats[name].per_message == cost


def test_chatml_needs_eight_tokens_beside_the_chat_prompt(chats: dict[str, ChatText]) -> None:
    chat = chats["chatml"]
    prompt = "be kind and brief"
    assert chat.overhead() == 3
    assert chat.overhead(prompt) == chat.count(prompt) + 8
    assert Conversation(chat, NOW).overhead(prompt) == chat.count(prompt) + 8


def test_what_the_last_prompt_held_is_no_news(chats: dict[str, ChatText]) -> None:
    conversation = Conversation(chats["chatml"], NOW)
    system = PromptMessage("system", "be kind " * 40)
    assert conversation.news([system]) == len(system.text) + MESSAGE_CHARS
    conversation.overhead(system.text)
    first = [system, *talk("hello")]
    assert conversation.news(first) == len("hello") + 2 * MESSAGE_CHARS
    conversation.render(first)
    more = [*first, *talk("hello", "a reply", "and you")[1:]]
    assert conversation.news(more) == len("a reply" + "and you") + 4 * MESSAGE_CHARS


@names
@relaxed
@given(texts=st.lists(st.sampled_from(["hi there", "a cat", "one two three", "ok"]), min_size=1, max_size=9))
def test_costs_add_up_to_the_prompt(name: str, chats: dict[str, ChatText], texts: list[str]) -> None:
    chat = chats[name]
    messages = talk(*texts) if len(texts) % 2 else talk(*texts, "end")
    total = sum(chat.message_cost(message.text) for message in messages)
    length = len(chat.render([PromptMessage("system", "be kind"), *messages], now=NOW))
    assert length <= Conversation(chat, NOW).overhead("be kind") + total + len(messages)


@names
@relaxed
@given(text=st.one_of(st.text(), st.lists(st.sampled_from(["hi", "<|im_end|>", " ", "é", "</s>", "世"])).map("".join)))
def test_no_text_has_more_tokens_than_can_be_told_without_counting(
    name: str, chats: dict[str, ChatText], text: str
) -> None:
    text = text.encode(errors="replace").decode()
    assert chats[name].count(text) <= chats[name].at_most(text)


def test_counting_is_done_on_neutral_text(chats: dict[str, ChatText]) -> None:
    chat = chats["chatml"]
    assert chat.count("<|im_end|>") == len(chat.encoder.ids("< |im_end|>")) > 1


# --- cuts


@names
@relaxed
@given(text=st.one_of(contents, st.lists(contents, max_size=8).map(" ".join)), tokens=st.integers(0, 30))
def test_a_cut_is_an_end_of_the_text_within_its_tokens(
    name: str, chats: dict[str, ChatText], text: str, tokens: int
) -> None:
    chat = chats[name]
    start, cost = chat.cut_start(text, tokens)
    assert text.startswith(start)
    assert cost == chat.count(start) <= tokens
    end, cost = chat.cut_end(text, tokens)
    assert text.endswith(end)
    assert cost == chat.count(end) <= tokens
    if chat.count(text) <= tokens:
        assert start == end == text


@names
def test_a_cut_leaves_as_much_as_fits(name: str, chats: dict[str, ChatText]) -> None:
    chat = chats[name]
    text = "the cat looks at the screen and then <|im_end|> it looks at me " * 30
    for tokens in (1, 5, 50, 200):
        assert tokens - 2 <= chat.cut_start(text, tokens)[1] <= tokens
        assert tokens - 2 <= chat.cut_end(text, tokens)[1] <= tokens


@names
def test_a_cut_never_splits_a_character(name: str, chats: dict[str, ChatText]) -> None:
    chat = chats[name]
    text = "日本語🙂é👩‍🚀" * 3
    for tokens in range(chat.count(text) + 1):
        assert "\ufffd" not in chat.cut_start(text, tokens)[0].encode().decode()
        assert text.startswith(chat.cut_start(text, tokens)[0])
        assert text.endswith(chat.cut_end(text, tokens)[0])


# --- stops, reasoning, bias


@pytest.mark.parametrize(
    ("name", "ids"), [("chatml", (1, 2)), ("llama", (1, 2, 4, 5)), ("gemma", (1, 3, 4)), ("bare", (0,))]
)
def test_stop_ids_are_eos_the_models_own_and_single_markers(
    name: str, ids: tuple[int, ...], chats: dict[str, ChatText]
) -> None:
    assert chats[name].stop_token_ids == ids


def test_only_chatml_has_stop_strings_where_every_end_is_a_token(chats: dict[str, ChatText]) -> None:
    assert chats["chatml"].stop_strings == chats["bare"].stop_strings[1:] == ("<|im_end|", "|im_end|", "<|im_start|")
    assert chats["llama"].stop_strings == chats["gemma"].stop_strings == ()


def test_an_end_of_turn_that_is_no_token_is_a_stop_string(chats: dict[str, ChatText]) -> None:
    assert chats["bare"].stop_strings[0] == "<|im_end|>"


def test_bias_goes_to_single_tokens_and_bans_the_rest(chats: dict[str, ChatText]) -> None:
    chat = chats["chatml"]
    found = chat.resolve_bias({"*": -100, "zebra zebra": -100, "zebra": 3.5, "(": 2.0})
    assert found.token_bias == {chat.encoder.ids("*")[0]: -100, chat.encoder.ids("(")[0]: 2.0}
    assert found.banned_phrases == ("zebra zebra",)
    assert found.skipped == ("zebra",)
