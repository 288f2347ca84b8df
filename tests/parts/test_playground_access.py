"""The playground for everybody: names of controls, the keyboard alone, contrast, motion, small screens, who listens."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.parts.house import House
from tests.parts.visitor import KEY, Visitor, visiting

LONG = ["Word", *[" word", " and", " word", ".", " Word"] * 60]
CONTROLS = {
    "button",
    "textbox",
    "searchbox",
    "checkbox",
    "combobox",
    "spinbutton",
    "meter",
    "link",
    "DisclosureTriangle",
}
CONTRASTS = """() => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const channels = colour => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return Array.from(canvas.getImageData(0, 0, 1, 1).data);
    };
    const luminance = colour => {
        const linear = each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4;
        const [r, g, b] = channels(colour).map(each => linear(each / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = element => {
        const shape = element instanceof SVGTextElement && element.parentElement.querySelector('rect');
        if (shape) return getComputedStyle(shape).fill;
        for (let each = element; each; each = each.parentElement) {
            const colour = getComputedStyle(each).backgroundColor;
            if (channels(colour)[3] === 255) return colour;
        }
        return 'white';
    };
    const poor = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        if (!node.textContent.trim() || !element.checkVisibility() || element.closest(':disabled, option')) continue;
        const style = getComputedStyle(element);
        const colour = element instanceof SVGElement ? style.fill : style.color;
        const [a, b] = [luminance(colour), luminance(ground(element))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) poor.push(`${node.textContent.trim().slice(0, 30)}: ${contrast.toFixed(2)}`);
    }
    return poor;
}"""
FOCUSED = """() => {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const [own, box] = [getComputedStyle(element), getComputedStyle(element.closest('.box') ?? element)];
    const shown = (own.outlineStyle !== 'none' && parseFloat(own.outlineWidth) > 0) || box.boxShadow !== 'none';
    return {name: element.id || element.textContent.trim().slice(0, 30), shown};
}"""
REACHABLE = """() => Array
    .from(document.querySelectorAll('a[href], button, input, textarea, select, summary, [tabindex="0"]'))
    .filter(each => each.checkVisibility() && !each.disabled && each.tabIndex >= 0)
    .map(each => each.id || each.textContent.trim().slice(0, 30))"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A server that decides and chats."""
    with House(routes=True) as house:
        yield house


def talked(house: House, visitor: Visitor) -> None:
    """Fill the page: a turn that is over, one that was stopped, a decision, a notice."""
    house.words.tokens = LONG
    visitor.connect()
    visitor.is_connected()
    visitor.say("Tell me a long story.")
    visitor.wait_frame("token", 3)
    house.words.tokens = ["Fine", "."]
    visitor.say("No, wait!")
    visitor.wait_frame("done")
    visitor.page.get_by_label("Temperature").fill("7")
    visitor.say("And now?")
    expect(visitor.notice).to_be_visible()


def test_every_control_has_a_name_and_every_picture_says_what_it_shows(house: House, browser: Browser) -> None:
    with visiting(browser, house.url) as visitor:
        talked(house, visitor)
        visitor.page.locator("#frames summary").click()
        tree = visitor.page.context.new_cdp_session(visitor.page).send("Accessibility.getFullAXTree")
        nodes: list[dict[str, Any]] = [node for node in tree["nodes"] if not node.get("ignored")]
        named = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes]
        assert {"button", "textbox", "checkbox", "combobox", "spinbutton", "meter"} <= {role for role, _ in named}
        assert [role for role, name in named if role in CONTROLS | {"image", "toolbar", "region"} and not name] == []
        names = [name for role, name in named if role == "button"]
        assert len(names) == len(set(names)), "two buttons have the same name"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_its_ground(house: House, browser: Browser, scheme: str) -> None:
    with visiting(browser, house.url, color_scheme=scheme) as visitor:
        assert visitor.page.evaluate(CONTRASTS) == []
        talked(house, visitor)
        visitor.page.wait_for_timeout(500)  # colours change softly
        assert visitor.page.evaluate(CONTRASTS) == []


def test_the_keyboard_alone_is_enough(house: House, browser: Browser) -> None:
    with visiting(browser, house.url) as visitor:
        keyboard = visitor.page.keyboard
        keyboard.press("Tab")
        expect(visitor.page.get_by_role("link", name="Skip")).to_be_focused()
        keyboard.press("Tab")
        expect(visitor.page.get_by_label("Key", exact=True)).to_be_focused()
        keyboard.type(KEY)
        keyboard.press("Enter")
        visitor.is_connected()
        expect(visitor.words).to_be_focused()
        house.words.tokens = LONG
        keyboard.type("Tell me")
        keyboard.press("Shift+Enter")
        keyboard.type("a story.")
        keyboard.press("Enter")
        visitor.wait_frame("token", 3)
        assert visitor.frames("start")[0]["payload"]["user_utterance"] == "Tell me\na story."
        keyboard.press("Escape")
        visitor.wait_frame("cancelled")
        expect(visitor.words).to_be_focused()


def test_every_control_is_reached_with_tab_and_shows_that_it_is(house: House, browser: Browser) -> None:
    with visiting(browser, house.url) as visitor:
        talked(house, visitor)
        expect(visitor.page.locator("#stop")).to_be_hidden()  # what goes meanwhile is reached by nobody
        wanted = visitor.page.evaluate(REACHABLE)
        visitor.page.evaluate("document.activeElement.blur()")
        reached = {}
        for _ in range(len(wanted) + 8):
            visitor.page.keyboard.press("Tab")
            focus = visitor.page.evaluate(FOCUSED)
            if focus is not None:
                reached[focus["name"]] = focus["shown"]
        assert set(wanted) <= set(reached)
        assert [name for name, shown in reached.items() if not shown] == []


def test_a_screen_reader_hears_sentences_and_not_tokens(house: House, browser: Browser) -> None:
    with visiting(browser, house.url) as visitor:
        visitor.connect()
        visitor.is_connected()
        visitor.page.evaluate(
            """() => { window.heard = []; const region = document.getElementById('announcer');
            new MutationObserver(() => window.heard.push(region.textContent)).observe(region, {childList: true}); }"""
        )
        house.words.tokens = LONG
        visitor.say("Tell me a long story.")
        visitor.wait_frame("done")
        expect(visitor.facts).to_contain_text("done")
        heard = visitor.page.evaluate("window.heard")
        tokens = len(visitor.frames("token", "got"))
        assert len(heard) < tokens / 5
        told = " ".join(each for each in heard if not each.startswith("Tool"))
        assert told.split() == visitor.replies.inner_text().split()
        live = visitor.page.locator("[aria-live], [role=log], [role=status], output")
        assert live.evaluate_all("all => all.map(each => each.id)") == ["announcer"]


def test_nothing_moves_for_who_wants_no_motion(house: House, browser: Browser) -> None:
    with visiting(browser, house.url, reduced_motion="reduce") as visitor:
        house.words.tokens = LONG
        visitor.connect()
        visitor.is_connected()
        visitor.say("Tell me a long story.")
        visitor.wait_frame("token", 3)
        assert visitor.page.evaluate("document.getAnimations().length") == 0


@pytest.mark.parametrize("width", [320, 700, 1024])
def test_a_small_screen_scrolls_one_way_only(house: House, browser: Browser, width: int) -> None:
    with visiting(browser, house.url, viewport={"width": width, "height": 640}) as visitor:
        house.words.tokens = ["X" * 400]
        visitor.connect()
        visitor.is_connected()
        visitor.say("y" * 400)
        visitor.wait_frame("done")
        expect(visitor.replies).to_have_text("X" * 400)
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
