"""What a client said is gone when its connection is: nothing in the process leads to it any more."""

import gc
import secrets
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping

import trio

from tests.e2e.client import Client
from tests.runtime.poison import WORDS, poisoned
from tests.runtime.serving import Place, Serving, talks

Talk = Callable[[Client, str], Awaitable[None]]
LONG = " and so on" * 3000
PREFIX = "mark-"


def holders(marks: Mapping[str, str]) -> list[str]:
    """Who holds a text with a mark in it, by the marks' names: objects that live, and what the threads are at."""
    gc.collect()
    texts = [(type(thing).__name__, text) for thing in gc.get_objects() for text in _texts(thing)]
    for top in sys._current_frames().values():
        for frame, _ in traceback.walk_stack(top):
            values = frame.f_locals.values()
            texts += [(frame.f_code.co_name, value) for value in values if type(value) is str]
    return [
        f"{name}: {text[:60]!r} in a {holder}"
        for holder, text in texts
        if PREFIX in text
        for name, mark in marks.items()
        if mark in text and text != mark
    ]


def _texts(thing: object) -> Iterator[str]:
    """Texts and bytes that an object holds itself, or in containers that the collector does not track.

    Asks for exact types: to look at objects of libraries in any other way may run code of theirs.
    """
    for part in gc.get_referents(thing):
        kind = type(part)
        if kind is str:
            yield part
        elif kind is bytes or kind is bytearray:
            yield part.decode("utf-8", "replace")
        elif (kind is dict or kind is tuple) and not gc.is_tracked(part):
            yield from _texts(part)


async def talks_to_the_end(client: Client, mark: str) -> None:
    await client.start("r-1", f"remember {mark}", history=[{"role": "user", "content": f"I am {mark}"}])
    await client.rest()
    await client.message("r-2", f"once more {mark}{LONG}")
    await client.rest()
    await client.say("end", "bye")
    await client.closed()


async def vanishes_while_the_reply_streams(client: Client, mark: str) -> None:
    await client.start("r-1", f"remember {mark}{LONG}")
    await client.until("token")


async def cancels(client: Client, mark: str) -> None:
    await client.start("r-1", f"remember {mark}")
    await client.until("token")
    await client.say("cancel", "r-1", {"reason": f"enough {mark}"})
    await client.expect("cancelled")


async def is_refused_at_its_first_start(client: Client, mark: str) -> None:
    await client.start("r-1", f"remember {mark}", gender=f"robot {mark}")
    await client.closed()


async def sends_what_is_no_json(client: Client, mark: str) -> None:
    await client.raw(f'{{"type": "start", "payload": "{mark}{LONG}"')
    await client.refusal()
    await client.raw(f'["{mark}", "\\ud800", NaN]')
    await client.refusal()


async def is_refused_in_the_middle(client: Client, mark: str) -> None:
    await client.start("r-1", f"remember {mark}")
    await client.rest()
    wrong: list[dict[str, object]] = [
        {"user_utterance": [f"x{mark}"]},
        {"user_utterance": f"x{mark}", "sampling": {"top_k": f"x{mark}"}},
    ]
    for number, payload in enumerate(wrong):
        await client.say("message", f"r-{mark}-{number}", payload)
        await client.refusal()
    await client.say("shout", f"s-{mark}", {"text": f"loud {mark}"})
    await client.refusal()


async def trips_a_bug(client: Client, mark: str) -> None:
    await client.start("r-1", f"{WORDS} {mark}")
    assert (await client.closed())[0] == 1011


TALKS: tuple[Talk, ...] = (
    talks_to_the_end,
    vanishes_while_the_reply_streams,
    cancels,
    is_refused_at_its_first_start,
    sends_what_is_no_json,
    is_refused_in_the_middle,
    trips_a_bug,
)


async def _hold_a_talk(place: Place, talk: Talk, mark: str) -> None:
    async with place.connected() as client:
        await talk(client, mark)


async def test_clients_that_are_gone_left_no_text_behind(serving: Serving) -> None:
    marks = {talk.__name__: PREFIX + secrets.token_hex(8) for talk in TALKS}
    async with serving(talks(30, step_s=0.002), poisoned) as place:
        for talk in TALKS:
            await _hold_a_talk(place, talk, marks[talk.__name__])
        await place.until_idle()
        await trio.sleep(0.05)
        assert holders(marks) == []


async def test_a_client_is_found_by_its_words_while_it_is_there(serving: Serving) -> None:
    mark = PREFIX + secrets.token_hex(8)
    async with serving(talks(30, step_s=0.002)) as place, place.connected() as client:
        await client.start("r-1", f"remember {mark}")
        await client.rest()
        assert holders({"it": mark}) != [], "or the other test proves nothing"
