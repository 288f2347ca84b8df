"""The playground in Chromium: keys, turns, barge-in, cancel, the machine, plots, two pages, big replies."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.parts.house import House
from tests.parts.visitor import KEY, Visitor, visiting

LONG = ["Word", *[" word"] * 400]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A server that chats."""
    with House() as house:
        yield house


@pytest.fixture
def visitor(house: House, browser: Browser) -> Iterator[Visitor]:
    """Somebody who is connected."""
    house.words.tokens = ["Well", " the", " rain", " will", " stop", "."]
    with visiting(browser, house.url) as visitor:
        visitor.connect()
        visitor.is_connected()
        yield visitor


def test_a_wrong_key_is_told_and_the_right_one_then_works(house: House, browser: Browser) -> None:
    with visiting(browser, house.url) as visitor:
        expect(visitor.page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
        visitor.connect("not the key")
        expect(visitor.notice).to_contain_text("The key was not accepted")
        expect(visitor.page.locator("#status-text")).to_have_text("not connected")
        visitor.connect()
        visitor.is_connected()
        expect(visitor.notice).to_be_hidden()


def test_the_key_is_in_the_socket_s_address_and_left_nowhere_else(house: House, browser: Browser) -> None:
    with visiting(browser, house.url) as visitor:
        visitor.connect()
        visitor.is_connected()
        visitor.say("Hello?")
        visitor.wait_frame("done")
        assert KEY in visitor.sockets[0]
        assert KEY not in visitor.hidden_words()
        expect(visitor.page.locator("#key")).to_be_hidden()
        visitor.page.reload()
        assert KEY not in visitor.hidden_words()


def test_a_reply_streams_and_its_figures_are_shown(visitor: Visitor) -> None:
    visitor.say("Do you like the rain?")
    done = visitor.wait_frame("done")
    expect(visitor.replies).to_have_text("Well the rain will stop.")
    expect(visitor.facts).to_contain_text("done")
    start = visitor.frames("start")[0]
    assert start["payload"]["user_utterance"] == "Do you like the rain?"
    assert "companion" in start["payload"]["chat_prompt"]
    figures = visitor.page.locator("#figures")
    expect(figures).to_contain_text(f"total{done['payload']['usage']['total_tokens']}")
    expect(visitor.page.locator("#ttft")).to_contain_text("ms")


def test_settings_go_out_with_the_turn_and_survive_a_reload(house: House, visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_label("Chat prompt").fill("You are a lighthouse.")
    page.get_by_label("Gender").select_option("female")
    page.get_by_label("Temperature").fill("0.3")
    visitor.say("Who are you?")
    visitor.wait_frame("done")
    payload = visitor.frames("start")[0]["payload"]
    assert (payload["chat_prompt"], payload["gender"]) == ("You are a lighthouse.", "female")
    assert payload["sampling"]["temperature"] == 0.3
    assert payload["sampling"]["top_p"] is None
    assert "lighthouse" in house.prompts()[-1]
    page.reload()
    expect(page.get_by_label("Chat prompt")).to_have_value("You are a lighthouse.")
    expect(page.get_by_label("Temperature")).to_have_value("0.3")
    expect(page.get_by_label("Key", exact=True)).to_have_value("")


def test_a_value_out_of_range_is_told_in_the_server_s_words_and_the_text_comes_back(visitor: Visitor) -> None:
    visitor.page.get_by_label("Temperature").fill("7")
    visitor.say("Do you like the rain?")
    expect(visitor.notice).to_contain_text("temperature must be between")
    expect(visitor.facts).to_contain_text("not taken")


def test_a_changed_persona_waits_for_a_session_that_takes_the_history_along(house: House, visitor: Visitor) -> None:
    visitor.say("Do you like the rain?")
    visitor.wait_frame("done")
    apply = visitor.page.get_by_role("button", name="Start a session with this one")
    expect(apply).to_be_hidden()
    visitor.page.get_by_label("Chat prompt").fill("You are a lighthouse.")
    apply.click()
    visitor.wait_frame("session_end")
    visitor.is_connected()
    expect(apply).to_be_hidden()
    visitor.say("And now?")
    visitor.wait_frame("done", 2)
    prompt = house.prompts()[-1]
    assert "lighthouse" in prompt
    assert "Well the rain will stop." in prompt
    assert [each["role"] for each in visitor.frames("start")[1]["payload"]["history"]] == ["user", "assistant"]


def test_what_is_typed_while_a_reply_streams_is_a_barge_in(house: House, visitor: Visitor) -> None:
    house.words.tokens = LONG
    visitor.say("Tell me a long story.")
    visitor.wait_frame("token", 3)
    visitor.phase("streaming")
    expect(visitor.page.get_by_role("button", name="Barge in")).to_be_visible()
    house.words.tokens = ["Fine", "."]
    visitor.say("No, wait!")
    visitor.wait_frame("done")
    expect(visitor.replies.nth(1)).to_have_text("Fine.")
    expect(visitor.facts.nth(0)).to_contain_text("stopped")
    shown = visitor.replies.nth(0).inner_text()
    assert "".join(each["payload"]["text"] for each in visitor.frames("token", "got")).startswith(shown.strip())
    assert [frame["type"] for frame in visitor.sent] == ["ping", "start", "message"]
    assert visitor.frames("cancelled", "got")[0]["payload"]["reason"] == "barge_in"


def test_escape_stops_the_reply_wherever_the_focus_is(house: House, visitor: Visitor) -> None:
    house.words.tokens = LONG
    visitor.say("Tell me a long story.")
    visitor.wait_frame("token", 3)
    visitor.page.get_by_label("Chat prompt").focus()
    visitor.page.keyboard.press("Escape")
    visitor.page.keyboard.press("Escape")
    cancelled = visitor.wait_frame("cancelled")
    assert cancelled["payload"]["turn"] == visitor.frames("start")[0]["request_id"]
    visitor.phase("idle")
    expect(visitor.page.get_by_role("button", name="Stop")).to_be_hidden()
    visitor.page.keyboard.press("Escape")
    assert len(visitor.frames("cancel")) == 1, "nothing is running and nothing is cancelled"


def test_the_machine_shows_every_state_that_the_session_was_in(house: House, visitor: Visitor) -> None:
    visitor.phase("idle")
    visitor.page.evaluate(
        """() => { window.seen = []; const machine = document.getElementById('machine');
        new MutationObserver(() => window.seen.push(machine.dataset.phase))
            .observe(machine, {attributeFilter: ['data-phase']}); }"""
    )
    house.words.tokens = LONG
    visitor.say("Tell me a long story.")
    visitor.wait_frame("token", 3)
    visitor.say("No, wait!")
    visitor.wait_frame("token", 30)
    visitor.page.keyboard.press("Escape")
    visitor.wait_frame("cancelled", 2)
    visitor.phase("idle")
    seen = visitor.page.evaluate("window.seen")
    # Between a turn that was stopped and its successor the machine is idle, for as long as the two frames are apart.
    without = [phase for number, phase in enumerate(seen) if phase != "idle" or number == len(seen) - 1]
    assert without == ["opening", "streaming", "cancelling", "streaming", "cancelling", "idle"]


def test_every_gap_is_in_the_plot_and_every_turn_on_the_strip(house: House, visitor: Visitor) -> None:
    for number in range(3):
        visitor.say(f"Hello for the {number + 1}th time.")
        visitor.wait_frame("done", number + 1)
    plot = visitor.page.locator("#plot")
    last = visitor.frames("message")[-1]["request_id"]
    gaps = sum(frame["request_id"] == last for frame in visitor.frames("token", "got")) - 1
    expect(plot).to_have_attribute("data-points", str(gaps))
    assert 1 <= plot.locator("rect.gap").count() <= gaps
    expect(visitor.page.locator("#plot-title")).to_have_text("Turn 3")
    strip = visitor.page.get_by_role("toolbar", name="Turns").get_by_role("button")
    expect(strip).to_have_count(3)
    strip.nth(0).click()
    expect(visitor.page.locator("#plot-title")).to_have_text("Turn 1")
    visitor.page.keyboard.press("ArrowRight")
    expect(visitor.page.locator("#plot-title")).to_have_text("Turn 2")
    expect(strip.nth(1)).to_have_attribute("aria-pressed", "true")


def test_two_pages_at_once_have_nothing_in_common(house: House, browser: Browser) -> None:
    with visiting(browser, house.url) as one, visiting(browser, house.url) as two:
        for each in (one, two):
            each.connect()
            each.is_connected()
        house.words.tokens = LONG
        one.say("Tell me a long story.")
        one.wait_frame("token", 3)
        house.words.tokens = ["Fine", "."]
        two.say("Hello?")
        two.wait_frame("done")
        expect(two.replies).to_have_text("Fine.")
        assert not one.frames("cancelled", "got")
        assert one.sent[0]["session_id"] != two.sent[0]["session_id"]


def test_text_of_a_model_is_never_markup(house: House, visitor: Visitor) -> None:
    house.words.tokens = ["<b>bold</b>", " &amp;", " <script>alert(1)</script>", " [x](javascript:alert(1))"]
    visitor.page.get_by_label("Text", exact=True).select_option("no")
    visitor.say("<i>Hello</i>")
    visitor.wait_frame("done")
    expect(visitor.replies).to_have_text("".join(house.words.tokens))
    expect(visitor.page.locator(".said")).to_have_text("<i>Hello</i>")
    assert visitor.page.locator("#turns b, #turns i, #turns script, #turns a").count() == 0


def test_pasted_control_characters_reach_the_server_as_text_and_break_nothing(house: House, visitor: Visitor) -> None:
    visitor.words.evaluate("(box) => { box.value = 'a\\u0007b\\u001b[31mc\\u202ed\\u0000e\\ud83d\\ude00' }")
    visitor.words.press("Enter")
    visitor.wait_frame("done")
    assert visitor.frames("start")[0]["payload"]["user_utterance"] == "a\x07b\x1b[31mc\u202ed\x00e\U0001f600"
    expect(visitor.replies).to_have_text("Well the rain will stop.")


def test_a_big_reply_is_shown_whole_in_few_redraws(browser: Browser) -> None:
    with House(step_s=0.001, CHAT_MAX_OUT="1000") as house, visiting(browser, house.url) as visitor:
        house.words.tokens = ["Word", *[" word"] * 900]
        visitor.connect()
        visitor.is_connected()
        visitor.page.evaluate(
            """() => { window.writes = 0; const turns = document.getElementById('turns');
            new MutationObserver(() => window.writes += 1).observe(turns, {subtree: true, characterData: true}); }"""
        )
        visitor.say("Say everything.")
        visitor.wait_frame("done")
        text = "".join(each["payload"]["text"] for each in visitor.frames("token", "got"))
        assert text.count("ord") == len(house.words.tokens)
        expect(visitor.replies).to_have_text(text)
        # One for each picture at the most, whatever a frame of text brings.
        assert visitor.page.evaluate("window.writes") <= len(visitor.frames("token", "got"))
