"""Somebody who uses the playground in Chromium, and whoever looks over the page's shoulder meanwhile."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import define, field
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Playwright, Request, WebSocket, expect

from tooling.parts.store import environment, program

KEY = "k-1"
PATIENCE_MS = 30_000
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
SPEECH = Path(__file__).with_name("speech.js")
# Listens from before the page's first script.
WATCH = """document.addEventListener('securitypolicyviolation', event =>
    console.error(`forbidden: ${event.blockedURI} ${event.violatedDirective}`))"""


def launch(playwright: Playwright) -> Browser:
    """The part's Chromium, with its own libraries and fonts and an empty profile."""
    return playwright.chromium.launch(
        executable_path=program("chromium", "chromium"), env={**environment("chromium")}, args=list(FLAGS)
    )


@define(eq=False, slots=False)  # playwright leaves its own marks on whose methods it calls
class Visitor:
    """One page. `sent`, `got`: its frames so far, newest last. `complaints`: what it or the browser had to complain of.
    `hosts`: whom it asked for anything.
    """

    page: Page
    sent: list[dict[str, Any]] = field(factory=list)
    got: list[dict[str, Any]] = field(factory=list)
    sockets: list[str] = field(factory=list)
    complaints: list[str] = field(factory=list)
    hosts: set[str] = field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.page.on("websocket", self._watch)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._note)
        self.page.add_init_script(WATCH)

    @property
    def words(self) -> Locator:
        """Where one types."""
        return self.page.get_by_label("What you say")

    @property
    def notice(self) -> Locator:
        """What went wrong, and what to do."""
        return self.page.get_by_role("alert")

    @property
    def replies(self) -> Locator:
        """The replies on the page."""
        return self.page.locator("#turns .reply")

    @property
    def facts(self) -> Locator:
        """The line below each."""
        return self.page.locator("#turns .facts")

    def connect(self, key: str = KEY) -> None:
        """Type the key and press the button."""
        self.page.get_by_label("Key", exact=True).fill(key)
        self.page.get_by_role("button", name="Connect", exact=True).click()

    def is_connected(self) -> None:
        """Wait until it is."""
        expect(self.page.locator("#status-text")).to_have_text("connected")

    def say(self, text: str) -> None:
        """Type it and press Enter."""
        self.words.fill(text)
        self.words.press("Enter")

    def phase(self, name: str) -> None:
        """Wait until the machine shows a state."""
        expect(self.page.locator("#machine")).to_have_attribute("data-phase", name)

    def frames(self, kind: str, where: str = "sent") -> list[dict[str, Any]]:
        """Frames of a type."""
        return [frame for frame in getattr(self, where) if frame["type"] == kind]

    def wait_frame(self, kind: str, count: int = 1, where: str = "got") -> dict[str, Any]:
        """Wait for the n-th frame of a type, and return it."""
        for _ in range(PATIENCE_MS // 20):
            if len(found := self.frames(kind, where)) >= count:
                return found[count - 1]
            self.page.wait_for_timeout(20)
        raise AssertionError(f"no {kind} in {[frame['type'] for frame in getattr(self, where)]}")

    def hidden_words(self) -> str:
        """Everything in which the key could have been left: the page, its addresses and what it stored."""
        script = """() => [document.documentElement.outerHTML, location.href, JSON.stringify(sessionStorage),
            JSON.stringify(localStorage), document.cookie, JSON.stringify(history.state),
            ...Array.from(document.querySelectorAll('input, textarea'), each => each.value)].join(' ')"""
        return str(self.page.evaluate(script))

    def _watch(self, socket: WebSocket) -> None:
        self.sockets.append(socket.url)
        self.hosts.add(urlsplit(socket.url).netloc)
        socket.on("framesent", lambda text: self.sent.append(json.loads(text)))
        socket.on("framereceived", lambda text: self.got.append(json.loads(text)))

    def _hear(self, message: ConsoleMessage) -> None:
        # The browser itself says so of every connection that was not to be had; no page can keep it from doing so.
        refused = re.match(r"WebSocket connection to .* failed|Failed to load resource", message.text)
        if message.type in ("error", "warning") and not refused:
            self.complaints.append(message.text)

    def _note(self, request: Request) -> None:
        self.hosts.add(urlsplit(request.url).netloc)


@contextmanager
def visiting(browser: Browser, url: str, *, speech: bool = False, **options: Any) -> Iterator[Visitor]:
    """A visitor of the page in a profile of its own. On the way out nothing may have been complained of."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = context.new_page()
        if speech:
            page.add_init_script(path=SPEECH)
        visitor = Visitor(page)
        page.goto(url)
        yield visitor
        assert visitor.complaints == []
        assert visitor.hosts == {urlsplit(url).netloc}, "the page asked somebody else"
    finally:
        context.close()


__all__ = ["KEY", "PATIENCE_MS", "Visitor", "launch", "visiting"]
