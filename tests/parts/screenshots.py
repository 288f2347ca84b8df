"""`python -m tests.parts.screenshots DIRECTORY`: the pictures of the playground in the docs, of real vLLM on the CPU.

SmolLM2 chats and the demo's tool model decides; both are made or fetched where they are not there. Needs Chromium
(`just parts chromium`). The voice alone is a stand-in: headless Chromium has none (speech.js).
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.e2e.program import Program
from tests.parts.visitor import Visitor, launch, visiting
from tooling.demo import smollm2, tool

START_S = 300.0
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 780}


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """A server with both models; the page's address."""
    server = Program(
        {
            "DEPLOY_MODE": "both",
            "INFERENCE_ENGINE": "vllm",
            "CHAT_MODEL": str(smollm2.ensure(home, print)),
            "TOOL_MODEL": str(tool.ensure(home, print)),
            "CHAT_MAX_LEN": "4096",
            "CHAT_MAX_NUM_SEQS": "4",
            "CHAT_KV_CACHE_BYTES": "268435456",
            "ENFORCE_EAGER": "1",
            "HISTORY_MAX_TOKENS": "2048",
            "TRIMMED_HISTORY_LENGTH": "1024",
            "PLAYGROUND": "1",
        },
        yields=True,
    )
    try:
        server.wait_ready(START_S)
        yield f"http://127.0.0.1:{server.port}/playground"
    finally:
        server.bury()


def talk(visitor: Visitor, *, tokens: int) -> None:
    """A few turns of every kind; the last one has said so many tokens and goes on."""
    visitor.page.get_by_label("Temperature").fill("0.6")
    visitor.connect()
    visitor.is_connected()
    visitor.say("Hello! What is the capital of France?")
    visitor.wait_frame("done", 1)
    visitor.say("What does my screen show?")
    visitor.wait_frame("toolcall", 2)
    visitor.wait_frame("token", len(visitor.frames("token", "got")) + 12)
    visitor.say("Tell me a long story about a lighthouse.")
    _wait_tokens(visitor, tokens)


def _wait_tokens(visitor: Visitor, count: int) -> None:
    newest = visitor.sent[-1]["request_id"]
    while sum(frame["request_id"] == newest for frame in visitor.frames("token", "got")) < count:
        visitor.page.wait_for_timeout(10)


def _listen(visitor: Visitor) -> None:
    """Hear everything that is still to be said."""
    visitor.page.wait_for_timeout(300)
    visitor.page.evaluate("() => { while (window.voice.waiting()) window.voice.end(); }")


def streaming(browser: Browser, url: str, directory: Path) -> None:
    """In the middle of a reply."""
    with visiting(browser, url, viewport=DESK, color_scheme="light") as visitor:
        talk(visitor, tokens=45)
        visitor.page.screenshot(path=directory / "streaming.png")


def heard(browser: Browser, url: str, directory: Path) -> None:
    """A reply that was spoken and interrupted, and a follow-up."""
    with visiting(browser, url, speech=True, viewport=DESK, color_scheme="dark") as visitor:
        page = visitor.page
        page.get_by_label("Temperature").fill("0.6")
        page.get_by_label("Speak as it would be heard").check()
        visitor.connect()
        visitor.is_connected()
        visitor.say("Tell me a long story about a lighthouse.")
        while page.evaluate("window.voice.said.length") < 2:
            page.wait_for_timeout(20)
        page.evaluate("window.voice.end()")
        page.evaluate("window.voice.word(window.voice.said[1].trim().split(' ')[3])")
        visitor.say("Wait. Is this a lighthouse on my screen?")
        visitor.wait_frame("done")
        _listen(visitor)
        page.get_by_label("What is on the screen").fill("A photo of a white lighthouse above the sea.")
        page.get_by_role("button", name="Send follow-up").click()
        visitor.wait_frame("done", 2)
        _listen(visitor)
        expect(page.get_by_role("button", name="Stop")).to_be_hidden()
        page.get_by_role("toolbar").get_by_role("button").first.click()
        page.locator("#scroll").evaluate("each => each.scrollTop = 0")
        page.wait_for_timeout(1200)
        page.screenshot(path=directory / "heard.png")


def phone(browser: Browser, url: str, directory: Path) -> None:
    """On a small screen."""
    with visiting(browser, url, viewport=PHONE, color_scheme="light") as visitor:
        talk(visitor, tokens=20)
        visitor.page.evaluate("scrollTo(0, 0)")
        visitor.page.screenshot(path=directory / "phone.png")


def main(argv: Sequence[str], home: Path) -> int:
    """Start the server, use the page, take the pictures."""
    (directory,) = map(Path, argv)
    directory.mkdir(parents=True, exist_ok=True)
    with serving(home) as url, sync_playwright() as playwright:
        browser = launch(playwright)
        try:
            for take in (streaming, heard, phone):
                take(browser, url, directory)
        finally:
            browser.close()
    return 0


if __name__ == "__main__":
    cache = os.environ.get("YAP_HOME", "~/.cache/yap")  # noqa: TID251 - shared with `just demo`
    sys.exit(main(sys.argv[1:], Path(cache).expanduser()))
