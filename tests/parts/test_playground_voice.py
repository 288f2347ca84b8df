"""The playground speaks: sentences as they complete, silence at once, and what was heard told to the character.

Headless Chromium has speech and no voice, so `speech.js` stands in for the voice alone, at the browser's own interface.
"""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, WebSocketRoute, expect

from tests.parts.house import House
from tests.parts.visitor import Visitor, visiting

RAIN = ["I", " like", " the", " rain", ".", " It", " is", " 😀", " and", " wet", ".", *[" More"] * 300]
HEARD = "I like the rain. It is 😀 "


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A server that chats."""
    with House() as house:
        yield house


@pytest.fixture
def visitor(house: House, browser: Browser) -> Iterator[Visitor]:
    """Somebody who listens to a reply that says RAIN."""
    house.words.tokens = RAIN
    with visiting(browser, house.url, speech=True) as visitor:
        visitor.page.get_by_label("Speak as it would be heard").check()
        visitor.page.get_by_label("Text", exact=True).select_option("no")
        visitor.connect()
        visitor.is_connected()
        visitor.say("Do you like the rain?")
        yield visitor


def spoken(visitor: Visitor, count: int) -> list[str]:
    """The first so many sentences, once they were given to the voice."""
    for _ in range(1000):
        if len(said := visitor.page.evaluate("window.voice.said")) >= count:
            return list(said[:count])
        visitor.page.wait_for_timeout(20)
    raise AssertionError("it did not speak")


def voice(visitor: Visitor, what: str) -> None:
    visitor.page.evaluate(f"window.voice.{what}")


def test_sentences_are_spoken_while_the_reply_goes_on(visitor: Visitor) -> None:
    assert spoken(visitor, 2) == ["I like the rain.", " It is 😀 and wet."]
    assert not visitor.frames("done", "got")


def test_a_barge_in_is_silent_at_once_and_tells_what_was_heard_in_code_points(house: House, visitor: Visitor) -> None:
    spoken(visitor, 2)
    voice(visitor, "end()")
    voice(visitor, "word('and')")
    house.words.tokens = ["Fine", "."]
    visitor.say("No, wait!")
    assert visitor.page.evaluate("window.voice.waiting()") <= 1, "what was left of the old reply is not spoken"
    ack = visitor.wait_frame("ack", 2)
    assert ack["payload"]["played"] == "applied"
    told = visitor.frames("message")[0]["payload"]["played"]
    assert told == {"request_id": visitor.frames("start")[0]["request_id"], "chars": len(HEARD)}
    assert told["chars"] == 25, "an emoji is one character here and two in the browser"
    visitor.wait_frame("done")
    assert HEARD.rstrip() in house.prompts()[-1]
    assert "wet" not in house.prompts()[-1]
    expect(visitor.page.locator(".unheard").first).to_contain_text("and wet.")
    expect(visitor.facts.first).to_contain_text("heard 25 characters")


def test_escape_tells_with_the_cancel(house: House, visitor: Visitor) -> None:
    spoken(visitor, 2)
    voice(visitor, "word('like')")
    visitor.page.keyboard.press("Escape")
    cancelled = visitor.wait_frame("cancelled")
    assert cancelled["payload"]["played"] == "applied"
    assert visitor.frames("cancel")[0]["payload"]["played"]["chars"] == len("I ")
    house.words.tokens = ["Fine", "."]
    visitor.say("Go on.")
    visitor.wait_frame("done")
    assert "played" not in visitor.frames("message")[0]["payload"], "it was told already"


def test_a_voice_that_is_behind_can_be_interrupted_when_the_reply_is_long_over(house: House, visitor: Visitor) -> None:
    visitor.wait_frame("done")
    voice(visitor, "word('rain')")
    expect(visitor.page.get_by_role("button", name="Stop")).to_be_visible()
    visitor.page.keyboard.press("Escape")
    assert not visitor.frames("cancel"), "no turn is running"
    house.words.tokens = ["Fine", "."]
    visitor.say("Go on.")
    visitor.wait_frame("done", 2)
    assert visitor.frames("message")[0]["payload"]["played"]["chars"] == len("I like the ")
    assert "like the<|" in house.prompts()[-1].replace("\n", "") or "I like the" in house.prompts()[-1]
    assert "rain." not in house.prompts()[-1].split("I like the")[-1]


def test_after_a_restart_the_history_holds_what_was_heard(house: House, visitor: Visitor) -> None:
    spoken(visitor, 2)
    voice(visitor, "end()")
    voice(visitor, "word('and')")
    house.drain()
    visitor.notice.get_by_role("button", name="Reconnect").click()
    visitor.is_connected()
    house.words.tokens = ["Fine", "."]
    visitor.say("Where were we?")
    visitor.wait_frame("done")
    start = visitor.frames("start")[1]["payload"]
    assert start["history"][1] == {"role": "assistant", "content": HEARD.rstrip()}
    assert "played" not in start, "the new session knows nothing of that turn"


def test_a_token_that_was_on_its_way_when_the_reply_was_stopped_is_not_spoken(house: House, browser: Browser) -> None:
    house.words.tokens = RAIN

    def between(ws: WebSocketRoute) -> None:
        server = ws.connect_to_server()

        def forward(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame["type"] == "cancel":
                ws.send(json.dumps({**frame, "type": "token", "payload": {"text": " Too late. Much too late. "}}))
            server.send(text)

        ws.on_message(forward)
        server.on_message(ws.send)

    with visiting(browser, house.url, speech=True) as visitor:
        visitor.page.route_web_socket("**/ws*", between)
        visitor.page.reload()
        visitor.page.get_by_label("Speak as it would be heard").check()
        visitor.connect()
        visitor.is_connected()
        visitor.say("Do you like the rain?")
        spoken(visitor, 1)
        visitor.page.keyboard.press("Escape")
        expect(visitor.facts).to_contain_text("stopped")
        expect(visitor.replies).to_contain_text("Too late.")
        assert "late" not in " ".join(visitor.page.evaluate("window.voice.said"))
        assert visitor.page.evaluate("window.voice.waiting()") == 0


def test_a_follow_up_has_no_place_for_it_so_a_cancel_goes_first(house: House, visitor: Visitor) -> None:
    spoken(visitor, 2)
    voice(visitor, "word('like')")
    house.words.tokens = ["Fine", "."]
    visitor.page.get_by_label("What is on the screen").fill("A picture of a lighthouse.")
    visitor.page.get_by_role("button", name="Send follow-up").click()
    visitor.wait_frame("done")
    assert [frame["type"] for frame in visitor.sent] == ["ping", "start", "cancel", "followup"]
    assert visitor.frames("cancelled", "got")[0]["payload"]["played"] == "applied"
    assert "lighthouse" in house.prompts()[-1]


def test_what_was_heard_to_its_end_is_no_interruption(house: House, browser: Browser) -> None:
    house.words.tokens = ["I", " like", " the", " rain", "."]
    with visiting(browser, house.url, speech=True) as visitor:
        visitor.page.get_by_label("Speak as it would be heard").check()
        visitor.connect()
        visitor.is_connected()
        visitor.say("Do you like the rain?")
        visitor.wait_frame("done")
        spoken(visitor, 1)
        voice(visitor, "end()")
        expect(visitor.page.get_by_role("button", name="Stop")).to_be_hidden()
        visitor.say("And snow?")
        visitor.wait_frame("done", 2)
        assert "played" not in visitor.frames("message")[0]["payload"]


def test_without_the_choice_nothing_is_spoken_and_nothing_told(house: House, browser: Browser) -> None:
    house.words.tokens = RAIN
    with visiting(browser, house.url, speech=True) as visitor:
        visitor.connect()
        visitor.is_connected()
        visitor.say("Do you like the rain?")
        visitor.wait_frame("token", 3)
        visitor.say("No, wait!")
        visitor.wait_frame("cancelled")
        assert visitor.page.evaluate("window.voice.said") == []
        assert "played" not in visitor.frames("message")[0]["payload"]


def test_a_browser_without_speech_says_so(house: House, browser: Browser) -> None:
    with visiting(browser, house.url) as visitor:
        visitor.page.add_init_script("Object.defineProperty(window, 'speechSynthesis', {value: undefined})")
        visitor.page.reload()
        expect(visitor.page.get_by_label("Speak as it would be heard")).to_be_disabled()
        expect(visitor.page.locator("#speak-hint")).to_contain_text("no speech")
