"""The personas as they are shipped, and what is said of files that cannot be used."""

import os
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tooling.clients.data.personas import FOLDER, Alias, Persona, load_personas, persona_by_key, read_persona, resolve
from tooling.clients.failures import UsageProblem
from tooling.demo.chat import dialogues, vocabulary
from tooling.demo.chat.recipe import Recipe
from tooling.demo.files import read_all

NAMES = {"anna": "female", "mark": "male"}
PERSONALITIES = ("wholesome", "flirty", "savage", "warm", "zoomer", "bookish", "sporty", "deadpan")
CAST = {f"{name}_{personality}": (name, personality) for name in NAMES for personality in PERSONALITIES}
BASE = ("female", "male")
# For models of some million parameters, which lose their way behind a long prompt: its whole point is to be short.
SHORT = "demo"
LENGTHS, MOST_TOKENS = range(1500, 6001), 1500
TYPOGRAPHIC, TYPEWRITTEN = "“”’—", "\"'"
SHARED_WORDS = 6
"""As many words in a row are a phrase of one persona only."""
GOOD = 'gender = "woman"\npersonality = "Calm"\nprompt = """\nYou are calm.\n"""\n'


@pytest.fixture(scope="module")
def personas() -> dict[str, Persona]:
    """The personas that are shipped."""
    return load_personas()


@pytest.fixture(scope="module")
def long(personas: dict[str, Persona]) -> dict[str, str]:
    """The prompts to which the rules of length and writing apply, by key."""
    return {persona.key: persona.prompt for persona in personas.values() if persona.key != SHORT}


@pytest.fixture(scope="module")
def demo_tokenizer() -> Any:
    """The demo chat model's, which has the smallest vocabulary of all that we serve: no other needs more tokens."""
    texts = read_all("chat")
    return vocabulary.train(dialogues.load(texts), texts, Recipe())


def words(prompt: str) -> list[str]:
    """The words of a prompt without case and punctuation."""
    return re.findall(r"[\w’]+", prompt.lower())


def test_anna_and_mark_have_every_personality(personas: dict[str, Persona]) -> None:
    for key, (name, personality) in CAST.items():
        assert (personas[key].gender, personas[key].personality) == (NAMES[name], personality), key
        assert personas[key].prompt.startswith(("You are", "You’re")), key
        assert name.capitalize() in personas[key].prompt.split(",")[0], key


def test_each_gender_has_a_base_prompt_and_live_has_somebody_to_talk_to(personas: dict[str, Persona]) -> None:
    assert [personas[key].gender for key in BASE] == list(BASE)
    assert personas["default_live_persona"] is personas["anna_flirty"]


def test_no_other_personas_are_shipped_and_all_are_toml(personas: dict[str, Persona]) -> None:
    assert set(personas) == {*CAST, *BASE, SHORT, "default_live_persona"}
    assert {path.name for path in FOLDER.iterdir()} == {f"{key}.toml" for key in personas}


def test_prompts_are_as_long_as_a_companion_needs(long: dict[str, str]) -> None:
    assert [key for key, prompt in long.items() if len(prompt) not in LENGTHS] == []


def test_prompts_fit_the_prompt_budget_of_the_demo_model(long: dict[str, str], demo_tokenizer: Any) -> None:
    counts = {key: len(demo_tokenizer.encode(prompt).ids) for key, prompt in long.items()}
    assert [key for key, count in counts.items() if count >= MOST_TOKENS] == []


def test_each_prompt_has_typographic_quotes_and_dashes_and_no_typewritten_ones(long: dict[str, str]) -> None:
    for key, prompt in long.items():
        assert [mark for mark in TYPOGRAPHIC if mark not in prompt] == [], key
        assert [mark for mark in TYPEWRITTEN if mark in prompt] == [], key


def test_prompts_are_written_as_they_ask_to_be_answered(long: dict[str, str]) -> None:
    """Models copy the form of their prompt: one with lists, headings or emoji in it gets them back."""
    for key, prompt in long.items():
        assert re.search(r"^\s*([-*•#]|\d+[.)])", prompt, re.MULTILINE) is None, key
        assert re.search(r"[*_`\U0001f000-\U0001faff]", prompt) is None, key


def test_no_two_personas_share_a_phrase(long: dict[str, str]) -> None:
    users = defaultdict(set)
    for key, prompt in long.items():
        said = words(prompt)
        for begin in range(len(said) - SHARED_WORDS + 1):
            users[" ".join(said[begin : begin + SHARED_WORDS])].add(key)
    assert {phrase: keys for phrase, keys in users.items() if len(keys) > 1} == {}


def test_each_prompt_says_what_the_voice_needs(long: dict[str, str]) -> None:
    """In words of its own, so only the subjects are looked for: speech, interruptions, being an AI."""
    subjects = {
        "spoken": r"\b(voice|phone|telephone|spoken|hear|heard|speech|ear|audio|aloud|line)\b",
        "interrupted": r"interrupt|cut (off|in)|talk(s|ed|ing)? over|speak across|jumps in|breaks in|while you are",
        "honest": r"\b(AI|artificial)\b",
    }
    for key, prompt in long.items():
        said = " ".join(prompt.split())
        missing = [name for name, pattern in subjects.items() if re.search(pattern, said, re.IGNORECASE) is None]
        assert missing == [], key


def test_a_folder_of_ones_own_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("\ufeff" + GOOD, "utf-8")  # as editors on Windows save it
    (tmp_path / "other.toml").write_text('alias = "mine"\n', "utf-8")
    (tmp_path / "notes.txt").write_text("not a persona", "utf-8")
    found = load_personas(tmp_path)
    assert found == {key: Persona("mine", "female", "calm", "You are calm.") for key in ("mine", "other")}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"gender = female\n", "is not TOML: Invalid value"),
        (b"\xff\xfe", "is not UTF-8 at byte 0; save it as UTF-8"),
        (b"prompt = " + b"[" * 9999, "nested too deeply"),
        (b"size = " + b"9" * 9999, "is not TOML"),
        (b"", 'gender must be a text: gender = "..."'),
        (GOOD.replace("woman", "robot").encode(), "gender must be one of female, woman, male, man"),
        (GOOD.replace("Calm", "calm 2").encode(), "personality must be one word of letters"),
        (GOOD.replace("You are calm.", " ").encode(), "prompt is empty"),
        (b'alias = ""', "alias is empty"),
        (f'alias = "demo"\n{GOOD}'.encode(), "take out gender, personality, prompt, or alias"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_what_to_mend(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(UsageProblem, match=f"^.*{re.escape('broken.toml: ')}") as raised:
        read_persona(path)
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_named_and_not_waited_for(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "odd.toml")
    with pytest.raises(UsageProblem, match=r"^odd\.toml: is no file$"):
        load_personas(tmp_path)


def test_folders_without_personas_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a persona", "utf-8")
    with pytest.raises(UsageProblem, match=r"no personas in .*: it has no \*\.toml file"):
        load_personas(tmp_path)
    with pytest.raises(UsageProblem, match=r"no personas in .*nowhere: No such file or directory"):
        load_personas(tmp_path / "nowhere")
    with pytest.raises(UsageProblem, match=r"no personas in .*notes\.txt: Not a directory"):
        load_personas(tmp_path / "notes.txt")


@pytest.mark.parametrize("of", ["missing", "again", "self"])
def test_an_alias_of_no_persona_is_refused(of: str) -> None:
    one = Persona("one", "male", "calm", "You are calm.")
    with pytest.raises(UsageProblem, match=rf"persona self is an alias of '{of}', and no persona; known: one"):
        resolve({"self": Alias("self", of), "one": one, "again": Alias("again", "one")})


def test_an_unknown_key_lists_the_known_ones() -> None:
    with pytest.raises(UsageProblem, match=r"unknown persona 'x'; known: anna_bookish, .*, mark_zoomer$"):
        persona_by_key(load_personas(), "x")


def test_prompts_stay_out_of_what_is_printed(personas: dict[str, Persona]) -> None:
    assert all(persona.prompt not in repr(persona) for persona in personas.values())
