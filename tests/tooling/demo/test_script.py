"""The scripts and their slots."""

import random

import pytest

from tooling.demo.chat.script import ScriptError, parse_topics
from tooling.demo.slots import Slots, parse_slots

SCRIPT = """
# a comment
== pets gives=pet weight=3
> I have a {pet}
> my [small|big] {pet}
< A {pet}! {pet:cap}s are nice.
> yes
< Good.
== recall needs=pet
> what do I have
< A {pet}.
"""


def test_a_script_reads_as_topics_with_their_turns_and_facts() -> None:
    pets, recall = parse_topics(SCRIPT)
    assert (pets.name, pets.weight) == ("pets", 3.0)
    assert pets.gives == {"pet"}
    assert [len(exchange.asks) for exchange in pets.exchanges] == [2, 1]
    assert recall.needs == {"pet"}


def test_a_topic_comes_only_when_its_facts_are_told() -> None:
    pets, recall = parse_topics(SCRIPT)
    assert pets.fits({})
    assert not pets.fits({"pet": "dog"})
    assert recall.fits({"pet": "dog"})
    assert not recall.fits({})


@pytest.mark.parametrize("text", ["> hello", "== x\nhello", "hello"])
def test_a_line_out_of_place_is_named(text: str) -> None:
    with pytest.raises(ScriptError, match="hello"):
        parse_topics(text)


def test_a_slot_keeps_its_value_and_choices_are_made() -> None:
    slots = parse_slots("pet: dog | cat\nfriend: =pet", "")
    chosen: dict[str, str] = {}
    text = slots.fill("[my|your] {pet}, {pet:cap}", chosen, random.Random(1))
    pet = chosen["pet"]
    assert text in {f"my {pet}, {pet.capitalize()}", f"your {pet}, {pet.capitalize()}"}
    assert slots.values["friend"] == ["dog", "cat"]


def test_invented_names_take_the_place_of_listed_ones_as_often_as_asked() -> None:
    slots = Slots({"name": ["Tom"]}, [], {"name": 1.0})
    drawn = {slots.draw("name", random.Random(seed)) for seed in range(50)}
    assert "Tom" not in drawn
    assert len(drawn) > 40
