"""The playground over HTTP: protocol, section 1. What the page does is tested in a browser (tests/parts)."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio

from runtime.playground.files import SITE, read_files
from tests.e2e.plain import Reply, exchange, fetch
from tests.runtime.serving import serving

PATHS = ["/playground", *(f"/playground/{name}" for name in read_files() if name != "index.html")]


def policy(reply: Reply) -> dict[str, str]:
    directives = (each.partition(" ") for each in reply.headers["content-security-policy"].split("; "))
    return {name: sources for name, _, sources in directives}


@pytest.mark.parametrize("path", ["/playground", "/playground/", "/playground/main.js"])
async def test_without_the_setting_there_is_no_page(path: str) -> None:
    async with serving() as place:
        assert (await fetch(place.port, path)).status == 404


async def test_every_file_is_served_with_its_type_and_the_same_rules() -> None:
    kinds = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
    async with serving(PLAYGROUND="1") as place:
        for path in PATHS:
            reply = await fetch(place.port, path)
            suffix = Path(path).suffix or ".html"
            assert (reply.status, reply.headers["content-type"]) == (200, f"{kinds[suffix]}; charset=utf-8"), path
            assert reply.body == (SITE / (Path(path).name if Path(path).suffix else "index.html")).read_bytes()
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert reply.headers["referrer-policy"] == "no-referrer"
            assert reply.headers["cache-control"] == "no-cache"
            assert policy(reply)["default-src"] == "'none'"
        assert {path.name for path in SITE.iterdir()} == set(read_files()), "a file of the page is not served"


async def test_nothing_that_is_written_in_the_page_itself_may_run_and_nobody_may_frame_it() -> None:
    async with serving(PLAYGROUND="1") as place:
        rules = policy(await fetch(place.port, "/playground"))
        assert "unsafe" not in str(rules)
        assert (rules["script-src"], rules["style-src"]) == ("'self'", "'self'")
        assert (rules["frame-ancestors"], rules["form-action"], rules["base-uri"]) == ("'none'", "'none'", "'none'")
        assert rules["require-trusted-types-for"] == "'script'"


@pytest.mark.parametrize(
    ("hosts", "sources"),
    [
        (["yap.example:8443"], "'self' ws://yap.example:8443 wss://yap.example:8443"),
        (["[::1]:8000"], "'self' ws://[::1]:8000 wss://[::1]:8000"),
        (["a; script-src *"], "'self'"),
        (["a.example https://evil.example"], "'self'"),
        (["*"], "'self'"),
    ],
)
async def test_the_page_may_talk_to_the_host_that_it_came_from_and_to_no_other(hosts: list[str], sources: str) -> None:
    async with serving(PLAYGROUND="1") as place:
        lines = "".join(f"Host: {host}\r\n" for host in hosts)
        received = await exchange(place.port, f"GET /playground HTTP/1.1\r\n{lines}\r\n".encode())
        head = received.partition(b"\r\n\r\n")[0].decode()
        assert f"connect-src {sources}; base-uri" in head


@pytest.mark.parametrize(
    "path",
    [
        "/playground/index.html",
        "/playground/../heads.py",
        "/playground/..%2f..%2fheads.py",
        "/playground/%2e%2e/heads.py",
        "/playground/files.py",
        "/playground//main.js",
        "/playground/main.js/",
        "/playground/sub/main.js",
        "/playground2",
        "/Playground",
        "//playground",
        "/playground\\main.js",
    ],
)
async def test_what_is_not_in_the_table_does_not_exist(path: str) -> None:
    async with serving(PLAYGROUND="1") as place:
        assert (await fetch(place.port, path)).status == 404


async def test_a_browser_that_has_the_file_is_not_sent_it_again() -> None:
    async with serving(PLAYGROUND="1") as place:
        first = await fetch(place.port, "/playground/main.js")
        tag = first.headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await fetch(place.port, "/playground/main.js", headers=[("If-None-Match", known)])
            assert (again.status, again.body) == (304, b"")
            assert again.headers["etag"] == tag
            assert "content-length" not in again.headers
        other = await fetch(place.port, "/playground/main.js", headers=[("If-None-Match", '"other"')])
        assert (other.status, other.body) == (200, first.body)


async def test_head_says_how_long_it_is_and_other_methods_are_refused() -> None:
    async with serving(PLAYGROUND="1") as place:
        whole = await fetch(place.port, "/playground")
        head = await fetch(place.port, "/playground", "HEAD")
        assert (head.status, head.body) == (200, b"")
        assert head.headers == whole.headers
        assert (await fetch(place.port, "/playground", "POST", [("Content-Length", "0")])).status == 405
        assert (await fetch(place.port, "/playground/nothing", "POST", [("Content-Length", "0")])).status == 404


async def test_a_slash_at_its_end_leads_to_the_page_and_a_key_in_the_address_does_not_come_along() -> None:
    async with serving(PLAYGROUND="1") as place:
        reply = await fetch(place.port, "/playground/?api_key=k-1")
        assert (reply.status, reply.headers["location"]) == (308, "../playground")


async def test_the_page_names_no_other_host_and_holds_nothing_inline() -> None:
    for name, file in read_files().items():
        text = file.body.decode()
        assert "https://" not in text, name
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", ""), name
        assert "innerHTML" not in text, name
    page = read_files()["index.html"].body.decode()
    assert 'style="' not in page
    assert "<style" not in page
    assert page.count("<script") == page.count('<script type="module" src=') == 1


async def test_health_is_answered_however_many_ask_for_the_page_and_do_not_read_it() -> None:
    async with serving(PLAYGROUND="1", WS_MAX_PENDING="2") as place, AsyncExitStack() as stack:
        for _ in range(4):
            stream = await stack.enter_async_context(await trio.open_tcp_stream("127.0.0.1", place.port))
            await stream.send_all(b"GET /playground HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await fetch(place.port, "/healthz")).status == 200
        assert (await fetch(place.port, "/playground")).status == 200
