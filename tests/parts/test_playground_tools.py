"""The playground with a tool model: decisions, their scores and times, follow-ups, a server that only decides."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.parts.house import House
from tests.parts.visitor import Visitor, visiting


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A server that decides before it chats."""
    with House(routes=True) as house:
        yield house


@pytest.fixture
def visitor(house: House, browser: Browser) -> Iterator[Visitor]:
    """Somebody who is connected."""
    with visiting(browser, house.url) as visitor:
        visitor.connect()
        visitor.is_connected()
        yield visitor


def test_a_yes_is_shown_with_its_score_and_the_analysis_goes_out_as_a_follow_up(house: House, visitor: Visitor) -> None:
    page = visitor.page
    house.router.yes = True
    expect(page.get_by_role("button", name="Send follow-up")).to_be_disabled()
    visitor.say("What does my screen show?")
    visitor.wait_frame("done")
    expect(page.locator("#decision-word")).to_have_text("yes")
    expect(page.locator("#decision-more")).to_contain_text("score 0.930, after")
    expect(page.get_by_role("meter", name="Probability of yes")).to_be_visible()
    expect(visitor.facts).to_contain_text("tool yes")
    page.get_by_label("What is on the screen").fill("A picture of a lighthouse.")
    page.get_by_role("button", name="Send follow-up").click()
    visitor.wait_frame("done", 2)
    assert visitor.frames("followup")[0]["payload"] == {"analysis_text": "A picture of a lighthouse."}
    expect(page.locator(".said").nth(1)).to_have_text("A picture of a lighthouse.")
    expect(visitor.replies.nth(1)).to_have_text("Well the rain will stop.")
    expect(page.get_by_label("What is on the screen")).to_have_value("")


def test_a_no_and_a_decision_that_failed_are_told_apart(house: House, visitor: Visitor) -> None:
    house.router.yes, house.router.score = False, 0.07
    visitor.say("Do you like the rain?")
    visitor.wait_frame("done")
    expect(visitor.page.locator("#decision")).to_contain_text("no score 0.070")
    house.router.score = None
    visitor.say("Really?")
    visitor.wait_frame("done", 2)
    expect(visitor.page.locator("#decision")).to_contain_text("no no score")
    expect(visitor.page.get_by_role("meter", name="Probability of yes")).to_be_hidden()
    house.router.score = 0.93


def test_the_machine_stands_in_routing_until_the_decision(house: House, visitor: Visitor) -> None:
    house.router.delay_s = 0.3
    visitor.say("Do you like the rain?")
    visitor.phase("opening")
    visitor.wait_frame("done")
    visitor.say("And snow?")
    visitor.phase("routing")
    visitor.wait_frame("toolcall", 2)
    visitor.phase("idle")
    house.router.delay_s = 0.05


def test_a_turn_in_routing_can_be_stopped(house: House, visitor: Visitor) -> None:
    house.router.delay_s = 5.0
    visitor.say("Do you like the rain?")
    visitor.wait_frame("ack")
    visitor.page.keyboard.press("Escape")
    visitor.wait_frame("cancelled")
    visitor.phase("idle")
    house.router.delay_s = 0.05


def test_a_server_that_only_decides_has_decisions_and_says_that_it_does_not_chat(browser: Browser) -> None:
    with House(routes=True, chats=False) as house, visiting(browser, house.url) as visitor:
        house.router.yes = True
        visitor.connect()
        visitor.is_connected()
        visitor.say("What does my screen show?")
        visitor.wait_frame("done")
        expect(visitor.page.locator("#decision-word")).to_have_text("yes")
        expect(visitor.replies).to_have_text("")
        visitor.page.get_by_label("What is on the screen").fill("A picture.")
        visitor.page.get_by_role("button", name="Send follow-up").click()
        expect(visitor.notice).to_contain_text("does not chat")
        visitor.phase("idle")
