"""Ways out of a session: errors of every shape, cancellation at any point, several tasks at once."""

import pytest

from tests.runtime.serving import Place, says, serving, talks
from tests.tooling.clients.standin import Frame, Session, standing_in
from tests.tooling.yap_client.acting import pongs
from tests.tooling.yap_client.flavours import ASYNCIO, TRIO, Flavour
from tests.tooling.yap_client.gateway import Manner, gateway
from tooling.yap_client import Backoff, ConnectionLost, LinkLimits, TimedOut, YapError, asyncio_link, trio_link
from tooling.yap_client import Session as Talk
from tooling.yap_client.address import Endpoint
from tooling.yap_client.backend import FrameLink

OPTIONS = {"key": "k-1", "prompt": "Be kind and brief."}
QUICK = Backoff(first_s=0.01, most_s=0.02, attempts=3)


@pytest.mark.parametrize(
    "error", [LookupError("x"), ExceptionGroup("two", [LookupError("x"), ConnectionLost(1006)]), StopAsyncIteration()]
)
async def test_an_error_in_the_block_comes_out_as_it_is(flavour: Flavour, error: Exception) -> None:
    async def body() -> None:
        async with flavour.connect(url(place), **OPTIONS):
            raise error

    async def caught() -> None:
        with pytest.raises(BaseException) as found:  # noqa: PT011  # which one, and no other, is the question
            await body()
        assert found.value is error or found.value.__cause__ is error

    async with serving(says("One.")) as place:
        await flavour.run(caught)
        await place.until_idle()


async def test_ctrl_c_in_the_block_comes_out_as_it_is() -> None:
    async def body() -> None:
        with pytest.raises(KeyboardInterrupt):
            async with TRIO.connect(url(place), **OPTIONS) as session, session.say("go on"):
                raise KeyboardInterrupt

    async with serving(talks(1000, 0.01)) as place:
        await TRIO.run(body)
        await place.until_idle()


@pytest.mark.parametrize("after_s", [0.0, 0.003, 0.01, 0.03, 0.1])
async def test_a_cancelled_session_leaves_nothing_behind_at_the_server(flavour: Flavour, after_s: float) -> None:
    async def talk() -> None:
        async with flavour.connect(url(place), **OPTIONS) as session:
            while True:
                async with session.say("go on for long") as turn:
                    await turn.reply()

    async def body() -> None:
        assert await flavour.cancelled_after(after_s, talk)

    async with serving(talks(1000, 0.01)) as place:
        await flavour.run(body)
        await place.until_idle(within_s=20)


async def test_tasks_that_speak_after_a_loss_share_one_new_connection(flavour: Flavour) -> None:
    async def ends_once(session: Session, frame: Frame) -> None:
        await session.reply(frame)
        if len(server.sessions) == 1:
            await session.socket.aclose(1001)

    async def body() -> None:
        async with flavour.connect(server.url, **OPTIONS, backoff=QUICK) as session:
            await (await session.say("first")).reply()
            while session.closed is None:
                await flavour.sleep(0.01)

            async def speaks() -> None:
                assert (await (await session.say("again")).reply()).startswith("Hello")

            await flavour.together(*[speaks] * 5)

    async with standing_in(pongs(ends_once)) as server:
        await flavour.run(body)
        assert len(server.sessions) == 2
        assert [frame["type"] for frame in server.sessions[1].seen].count("ping") == 1


@pytest.mark.parametrize("step", range(8))
async def test_a_connection_may_be_cut_at_any_byte(flavour: Flavour, step: int) -> None:
    async def body() -> None:
        backoff = Backoff(first_s=0.01, most_s=0.02, attempts=2)
        try:
            async with flavour.connect(way.url, **OPTIONS, backoff=backoff, wait_s=5) as session:
                outcomes.append(await _says(session))
        except YapError as error:
            outcomes.append(type(error).__name__)

    outcomes: list[str] = []
    async with serving(says("One", " two.")) as place:
        async with gateway(place.port, Manner(cut=180 + 97 * step), Manner()) as way:
            await flavour.run(body)
        await place.until_idle()
    assert outcomes[0] in {"One two.", "ConnectionLost"}


async def _says(session: Talk) -> str:
    try:
        return await (await session.say("hi")).reply()
    except ConnectionLost:
        return "ConnectionLost"


@pytest.mark.parametrize("flavour", ["trio", "asyncio"])
async def test_a_peer_that_takes_nothing_holds_nobody_for_ever(flavour: str) -> None:
    limits = LinkLimits(send_s=0.3, ping_interval_s=None)

    async def fill(link: FrameLink) -> None:
        way.stuck = True
        with pytest.raises(TimedOut, match="took no frame"):
            await send_for_ever(link)
        with pytest.raises(ConnectionLost):
            await link.receive("frame", 5)

    async def send_for_ever(link: FrameLink) -> None:
        while True:
            await link.send("x" * 100_000)

    async def over_asyncio() -> None:
        await fill(await asyncio_link.dial(Endpoint(way.url, "k-1"), limits))

    async with serving(says("One.")) as place, gateway(place.port) as way:
        if flavour == "asyncio":
            await ASYNCIO.run(over_asyncio)
        else:
            async with trio_link.open_link(Endpoint(way.url, "k-1"), limits) as link:
                await fill(link)


def url(place: Place) -> str:
    return f"http://127.0.0.1:{place.port}"
