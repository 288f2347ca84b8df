"""The playground's modules without its page, in the browser that runs them: positions, sentences, times, histories."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser

from tests.parts.house import House
from tests.parts.visitor import visiting

Run = Callable[[str, str, Any], Any]
BATCH = st.lists(st.text(max_size=60), min_size=1, max_size=30)
PROSE = st.lists(
    st.sampled_from(["Hi", " there", ".", "!", "? ", "\n", " 3.5", "😀", "。", '."', ",", " " * 3, "a" * 130])
)


@pytest.fixture(scope="module")
def run(browser: Browser) -> Iterator[Run]:
    """Call JavaScript, a function of a module and of one argument."""
    with House() as house, visiting(browser, house.url) as visitor:

        def call(module: str, script: str, argument: Any) -> Any:
            imported = f"await import('/playground/{module}')"
            return visitor.page.evaluate(f"async given => ({script})({imported}, given)", argument)

        yield call


@settings(max_examples=20)
@given(texts=BATCH)
def test_code_points_are_counted_as_the_server_counts_them(run: Run, texts: list[str]) -> None:
    found = run("protocol.js", "(module, texts) => texts.map(module.codePoints)", texts)
    assert found == [len(text) for text in texts]


@settings(max_examples=20)
@given(texts=BATCH, count=st.integers(0, 70))
def test_the_first_characters_are_those_of_the_server(run: Run, texts: list[str], count: int) -> None:
    script = "(module, [texts, count]) => texts.map(each => module.firstCodePoints(each, count))"
    assert run("protocol.js", script, [texts, count]) == [text[:count] for text in texts]


@settings(max_examples=30)
@given(deltas=PROSE)
def test_sentences_are_the_text_in_order_whatever_its_frames(run: Run, deltas: list[str]) -> None:
    script = """(module, deltas) => { const made = new module.Sentences();
        return [...deltas.flatMap(each => made.push(each)), ...made.flush()]; }"""
    pieces = run("sentences.js", script, deltas)
    units = "".join(deltas).encode("utf-16-le")
    end = 0
    for piece in pieces:
        assert piece["start"] >= end
        assert units[2 * piece["start"] : 2 * piece["end"]].decode("utf-16-le") == piece["text"]
        assert len(piece["text"]) <= 242
        end = piece["end"]
    spoken = "".join(each for piece in pieces for each in piece["text"] if each.isalnum())
    assert spoken == "".join(each for each in "".join(deltas) if each.isalnum())


def test_a_sentence_is_spoken_as_soon_as_it_is_certain_to_be_over(run: Run) -> None:
    script = """(module, deltas) => { const made = new module.Sentences();
        return deltas.map(each => made.push(each).map(piece => piece.text)); }"""
    deltas = ["It costs 3", ".", "5 euros.", ' She said "no."', " Really", "?", "!", "\n", "好。"]
    said = run("sentences.js", script, deltas)
    assert said == [[], [], [], ["It costs 3.5 euros."], [' She said "no."'], [], [], [" Really?!"], ["好。"]]


def test_the_address_of_the_socket_is_beside_the_page_and_holds_the_whole_key(run: Run) -> None:
    script = "(module, pages) => pages.map(([page, key]) => module.socketAddress(page, key))"
    pages = [
        ["http://127.0.0.1:8000/playground", "k-1"],
        ["https://yap.example/some/path/playground?x=1#y", "a b&c=d#é"],
    ]
    assert run("protocol.js", script, pages) == [
        "ws://127.0.0.1:8000/ws?api_key=k-1",
        "wss://yap.example/some/path/ws?api_key=a+b%26c%3Dd%23%C3%A9",
    ]


@pytest.mark.parametrize(
    "data",
    [
        "",
        "no json",
        "null",
        "[]",
        "1",
        '{"type": 1}',
        '{"type": "ack"}',
        '{"type": "a", "request_id": "b", "payload": null}',
    ],
)
def test_what_is_no_frame_is_none(run: Run, data: str) -> None:
    assert run("protocol.js", "(module, data) => module.parse(data)", data) is None


def test_a_history_is_cut_to_what_a_server_takes_and_keeps_the_newest(run: Run) -> None:
    script = "(module, messages) => module.recent(messages)"
    many = [{"role": "user", "content": str(number)} for number in range(600)]
    assert run("protocol.js", script, many) == many[-512:]
    large = [{"role": "user", "content": "😀" * 90_000} for _ in range(3)]
    assert run("protocol.js", script, large) == large[-2:]


@settings(max_examples=20)
@given(samples=st.lists(st.floats(0, 1e6), min_size=1, max_size=50), q=st.floats(0, 1))
def test_quantiles_lie_between_neighbours_and_axes_beyond_their_values(
    run: Run, samples: list[float], q: float
) -> None:
    script = "(module, [samples, q]) => [module.quantile(samples, q), module.ceiling(Math.max(...samples))]"
    quantile, ceiling = run("timing.js", script, [samples, q])
    ordered = sorted(samples)
    at = q * (len(ordered) - 1)
    assert ordered[int(at)] <= quantile + 1e-6 * abs(quantile)
    assert quantile <= ordered[min(int(at) + 1, len(ordered) - 1)] * (1 + 1e-6)
    assert ceiling >= ordered[-1] * 0.999


def test_thousands_of_gaps_are_drawn_as_what_a_screen_can_show(run: Run) -> None:
    script = "(module, [at, gaps]) => module.highest(at, gaps, 1000, 10)"
    parts = run(
        "timing.js", script, [[float(each) for each in range(1000)], [float(each % 100) for each in range(1000)]]
    )
    assert parts == [{"part": part, "value": 99} for part in range(10)]


ERRORS = [
    ({"code": "authentication_failed", "details": {"reason_code": "invalid_key"}}, "key", None),
    ({"code": "server_at_capacity", "details": {"reason_code": "no_slot"}}, "places", "reconnect"),
    ({"code": "server_busy", "details": {"reason_code": "engine_unavailable", "retry_in": 5}}, "5 seconds", "resend"),
    (
        {"code": "invalid_payload", "message": "say something", "details": {"reason_code": "x"}},
        "say something",
        "resend",
    ),
]


@pytest.mark.parametrize(("payload", "told", "again"), ERRORS)
def test_every_error_says_what_to_do(run: Run, payload: dict[str, Any], told: str, again: str | None) -> None:
    advice = run("advice.js", "(module, payload) => module.ofError(payload)", payload)
    assert told in f"{advice['title']} {advice['text']}"
    assert advice["again"] == again


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1008, 1009, 1011, 1013, 4000, 4999])
def test_every_end_of_a_connection_is_told_with_a_way_on(run: Run, code: int) -> None:
    closing = {"code": code, "reason": "", "opened": True, "byUs": False}
    advice = run("advice.js", "(module, closing) => module.ofClosing(closing, null, null)", closing)
    assert advice["again"] == "reconnect"
    assert advice["title"]
    assert advice["text"]
