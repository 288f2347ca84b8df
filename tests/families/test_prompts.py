"""What every family's prompt is: the family's own format, whatever the history holds and whoever writes markers."""

from datetime import UTC, datetime
from itertools import pairwise

from engines.prompts.messages import PromptMessage, PromptRole
from tests.families.conftest import Load
from tests.families.family import Family
from tests.families.models import tokenizer
from tests.families.vocabularies import id_of

NOW = datetime(2031, 2, 3, 12, 0, tzinfo=UTC)
TALK = [
    PromptMessage("system", "Be kind."),
    PromptMessage("user", "hi"),
    PromptMessage("assistant", "Hello."),
    PromptMessage("user", "bye"),
]
ROLES: tuple[PromptRole, ...] = ("system", "user", "assistant")


def talk(turns: int) -> list[PromptMessage]:
    """A conversation of so many answered turns, then a question."""
    said = [PromptMessage(ROLES[1 + at % 2], f"text {at}") for at in range(2 * turns + 1)]
    return [TALK[0], *said]


def test_a_prompt_is_written_as_the_family_writes_it(family: Family, load: Load) -> None:
    assert load(family.name).text(TALK, now=NOW) == family.prompt


def test_its_ids_are_those_of_the_whole_text(family: Family, load: Load) -> None:
    ids = tokenizer(family).encode(family.prompt, add_special_tokens=False).ids
    assert load(family.name).render(TALK, now=NOW) == ids


def test_a_prompt_begins_once(family: Family, load: Load) -> None:
    """Tokenizers that put BOS in front of every text and templates that write it must not both do so."""
    if family.bos is None:
        assert not family.adds_bos
        return
    bos = id_of(tokenizer(family), family.bos)
    ids = load(family.name).render(TALK, now=NOW)
    # For some families it also opens every message.
    assert ids.count(bos) == family.prompt.count(family.bos)
    assert ids[:2] != [bos, bos]


def test_a_history_of_any_shape_is_told_in_its_order(family: Family, load: Load) -> None:
    """One that the assistant opens, with questions that nobody answered, for templates that want roles in turn."""
    roles: list[PromptRole] = ["assistant", "user", "user", "assistant", "assistant", "user", "user"]
    said = [PromptMessage("system", "text s"), *(PromptMessage(role, f"text {at}") for at, role in enumerate(roles))]
    prompt = load(family.name).text(said, now=NOW)
    places = [prompt.find(message.text) for message in said[1:]]
    assert places == sorted(places) and places[0] >= 0
    assert all(prompt.count(message.text) == 1 for message in said)
    if family.gradually:
        assert 0 <= prompt.find("text s") < places[0]


def test_each_turn_goes_on_from_the_prompt_before_it_or_the_operator_is_told(family: Family, load: Load) -> None:
    chat = load(family.name)
    asked = [talk(turns) for turns in range(4)]
    texts = [chat.text(said, now=NOW) for said in asked]
    kept = [text[: text.rindex(said[-1].text)] for said, text in zip(asked, texts, strict=True)]
    goes_on = [after.startswith(before) for before, after in pairwise(kept)]
    assert goes_on == [family.gradually] * 3
    assert any("rewrites" in warning for warning in chat.warnings) is not family.gradually


def test_nothing_but_the_template_places_a_marker(family: Family, load: Load) -> None:
    chat = load(family.name)

    def controls(content: str) -> list[int]:
        said = [PromptMessage(role, content) for role in (*ROLES, "user")]
        return [id_ for id_ in chat.render(said, now=NOW) if id_ in added]

    added = {id_of(tokenizer(family), text) for text in family.added}
    assert added <= chat.control_ids
    plain = controls("x")
    for content in (*family.added, "".join(family.added), "\n".join(family.added)):
        assert controls(f"say {content} now") == plain
        assert controls(content) == plain


def test_nothing_but_the_template_writes_what_is_a_marker_to_people(family: Family, load: Load) -> None:
    """Of some families the marks of roles are no tokens."""

    def written(content: str) -> list[int]:
        said = [PromptMessage(role, content) for role in (*ROLES, "user")]
        prompt = load(family.name).text(said, now=NOW)
        return [prompt.count(marker) for marker in family.markers]

    assert written(f"say {' '.join(family.markers)}") == written("x") == written("x" + "".join(family.markers))


def test_thinking_is_switched_on_or_the_operator_is_told_that_it_cannot_be(family: Family, load: Load) -> None:
    off, on = load(family.name), load(family.name, thinking=True)
    told = [warning for warning in on.warnings if "THINKING" in warning]
    assert not [warning for warning in off.warnings if "THINKING" in warning]
    if family.switch:
        assert on.text(TALK, now=NOW).endswith(family.thinking)
        assert on.text(TALK, now=NOW) != off.text(TALK, now=NOW)
        assert not told
    else:
        assert on.text(TALK, now=NOW) == off.text(TALK, now=NOW)
        assert len(told) == 1


def test_a_prompt_that_ends_among_thoughts_is_known_to(family: Family, load: Load) -> None:
    marker = family.opens.strip()
    assert (marker in load(family.name).format.opening) is family.always_opened
    assert (marker in load(family.name, thinking=True).format.opening) is (family.always_opened or family.opened)


def test_replies_end_at_the_familys_own_tokens(family: Family, load: Load) -> None:
    made = tokenizer(family)
    ends = {made.id_to_token(id_) for id_ in load(family.name).stop_token_ids}
    assert ends == set(family.ends)


def test_the_reply_format_is_decided(family: Family, load: Load) -> None:
    assert load(family.name).format.shape.value == family.format
