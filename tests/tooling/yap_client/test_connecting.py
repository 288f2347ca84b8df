"""Ways to a server that are bad, or bad for a while; and what must never be seen of a key."""

import contextlib
import logging
import traceback
from functools import partial

import pytest
import trio

from tests.runtime.serving import Place, says, serving
from tests.tooling.clients.standin import Frame, Session, polite, standing_in
from tests.tooling.yap_client.acting import pongs
from tests.tooling.yap_client.certificates import Certificate, certificate, trusting
from tests.tooling.yap_client.flavours import Flavour
from tests.tooling.yap_client.gateway import DRIBBLING, GOOD, SILENT, Manner, gateway, http
from tooling.yap_client import AddressError, Backoff, ConnectError, Event, Failed, LinkLimits, ServerError

SECRET = "hush-hush"
QUICK = Backoff(first_s=0.01, most_s=0.02, attempts=3)
OPTIONS = {"key": "k-1", "prompt": "Be kind and brief.", "backoff": QUICK}


async def test_a_server_that_drains_or_is_not_there_yet_is_tried_again(flavour: Flavour) -> None:
    async def body() -> None:
        async with flavour.connect(way.url, **OPTIONS) as session:
            assert await (await session.say("hi")).reply() == "One."

    async with serving(says("One.")) as place:
        async with gateway(place.port, http("503 Service Unavailable"), http("502 Bad Gateway"), GOOD) as way:
            await flavour.run(body)
            assert way.came == 3


@pytest.mark.parametrize(
    ("manner", "status", "attempts"),
    [
        (http("503 Service Unavailable"), 503, 3),
        (http("404 Not Found"), 404, 1),
        (http("401 Unauthorized"), 401, 1),
        (http("429 Too Many Requests"), 429, 1),
        (Manner(answer=b"SSH-2.0-OpenSSH_9.6\r\n"), None, 3),
        (Manner(answer=b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), None, 3),
        (SILENT, None, 3),
        (Manner(cut=1), None, 3),
        (Manner(cut=100), None, 3),
    ],
)
async def test_a_way_that_stays_bad_is_an_error_that_says_why(
    flavour: Flavour, manner: Manner, status: int | None, attempts: int
) -> None:
    async def body() -> None:
        limits = LinkLimits(connect_s=0.2)
        with pytest.raises(ConnectError, match=r"no connection to ws://127\.0\.0\.1") as caught:
            async with flavour.connect(way.url, **OPTIONS, limits=limits):
                pass
        assert caught.value.status == status

    async with standing_in() as server:
        async with gateway(_port(server.url), manner) as way:
            await flavour.run(body)
            assert way.came == attempts


async def test_a_redirect_is_not_followed_for_the_key_would_go_along(flavour: Flavour) -> None:
    async def body() -> None:
        with pytest.raises(ConnectError, match="HTTP 302"):
            async with flavour.connect(way.url, **OPTIONS, auth="header"):
                pass

    async with standing_in() as elsewhere:
        async with gateway(1, http("302 Found", f"Location: {elsewhere.url}")) as way:
            await flavour.run(body)
            assert not elsewhere.sessions


async def test_an_attempt_that_is_cancelled_leaves_nothing_open(flavour: Flavour) -> None:
    async def connects() -> None:
        async with flavour.connect(way.url, **OPTIONS):
            pass

    async def body() -> None:
        assert await flavour.cancelled_after(0.1, connects)

    async with gateway(1, SILENT) as way:
        await flavour.run(body)
        with trio.fail_after(10):
            while way.open:
                await trio.sleep(0.01)
        assert way.came == 1


async def test_a_server_that_accepts_and_says_nothing_is_no_usable_connection(flavour: Flavour) -> None:
    async def deaf(_session: Session, _frame: Frame) -> None:
        pass

    async def body() -> None:
        limits = LinkLimits(connect_s=0.1)
        with pytest.raises(ConnectError, match="no pong within"):
            async with flavour.connect(server.url, **OPTIONS, limits=limits):
                pass

    async with standing_in(deaf) as server:
        await flavour.run(body)
        assert len(server.sessions) == 3


async def test_a_full_server_is_tried_again_and_its_error_told_in_the_end(flavour: Flavour) -> None:
    async def body() -> None:
        async with flavour.connect(url(place), **OPTIONS):
            with pytest.raises(ServerError, match="server_at_capacity/no_slot"):
                async with flavour.connect(url(place), **OPTIONS):
                    pass

    async with serving(says("One."), MAX_CONCURRENT_CONNECTIONS="1", WS_HANDSHAKE_ACQUIRE_TIMEOUT_S="0.02") as place:
        await flavour.run(body)


async def test_a_slot_that_gets_free_is_taken(flavour: Flavour) -> None:
    async def holds() -> None:
        async with flavour.connect(url(place), **OPTIONS):
            while len(tries) < 2:
                await flavour.sleep(0.01)

    async def enters() -> None:
        patient = Backoff(first_s=0.05, attempts=1000, most_s=0.05)
        while not place.server.connections:
            await flavour.sleep(0.01)
        async with flavour.connect(url(place), **{**OPTIONS, "backoff": patient, "observer": tries.append}) as session:
            assert await (await session.say("hi")).reply() == "One."

    tries: list[Event] = []
    async with serving(says("One."), MAX_CONCURRENT_CONNECTIONS="1", WS_HANDSHAKE_ACQUIRE_TIMEOUT_S="0.02") as place:
        await flavour.run(lambda: flavour.together(holds, enters))
        assert isinstance(tries[0], Failed)


async def test_one_byte_at_a_time_is_slow_and_nothing_else(flavour: Flavour) -> None:
    async def body() -> None:
        async with flavour.connect(way.url, **OPTIONS) as session:
            assert await (await session.say("héllo ✓")).reply() == "Ünö, zwei é."

    async with serving(says("Ünö", ", zwei é.")) as place, gateway(place.port, DRIBBLING) as way:
        await flavour.run(body)


@pytest.mark.parametrize("auth", ["query", "header", "bearer"])
async def test_no_log_error_or_traceback_shows_a_key(
    flavour: Flavour, auth: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("websockets", "websockets.client", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    told: list[str] = []

    async def body() -> None:
        for address in (server.url, broken.url, moved.url, "ws://127.0.0.1:9/ws"):
            try:
                async with flavour.connect(address, key=SECRET, auth=auth, backoff=QUICK) as session:
                    told.append(f"{session!r} {session.setup!r} {session.endpoint!r} {vars(session)!r}")
                    await (await session.say("hi")).reply()
                    raise LookupError
            except Exception as error:
                told.append("".join(traceback.format_exception(error)) + within_reach(error))

    async with standing_in(pongs(polite)) as server, gateway(1, Manner(answer=b"nonsense\r\n\r\n")) as broken:
        async with gateway(1, http("302 Found", "Location: ws://127.0.0.1:9/")) as moved:
            await flavour.run(body)
    assert len(told) == 5
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("trio-websocket")]
    assert SECRET not in "".join(told + logged)  # trio-websocket carries the stand-in


async def test_a_server_behind_tls_is_reached_with_its_own_certificate_and_with_no_other(flavour: Flavour) -> None:
    ours, theirs = certificate(), certificate()

    async def body() -> None:
        address = f"https://127.0.0.1:{port}"
        async with flavour.connect(address, **OPTIONS, tls=trusting(ours)) as session:
            assert await (await session.say("hi")).reply() == "One."
        for tls in (trusting(theirs), None):
            with pytest.raises(ConnectError, match=r"no connection to wss:.*: TLS failed \(CERTIFICATE_"):
                async with flavour.connect(address, **{**OPTIONS, "backoff": Backoff(attempts=1)}, tls=tls):
                    pass

    async with serving(says("One.")) as place, trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, partial(unwrap, ours, place.port), listeners)
        await flavour.run(body)
        nursery.cancel_scope.cancel()


def within_reach(error: BaseException | None) -> str:
    """The error, those it came from, and the variables of every function on their way, but for those of tests."""
    shown = ""
    while error is not None:
        frames = [
            frame for frame, _ in traceback.walk_tb(error.__traceback__) if "/tests/" not in frame.f_code.co_filename
        ]
        shown += repr(error) + repr(vars(error)) + "".join(repr(frame.f_locals) for frame in frames)
        error = error.__context__
    return shown


@pytest.mark.parametrize("address", ["", "ftp://host", "ws://me:pw@host", "host:0"])
async def test_what_is_no_address_is_told_before_anything_is_sent(flavour: Flavour, address: str) -> None:
    async def body() -> None:
        with pytest.raises(AddressError):
            async with flavour.connect(address):
                pass

    await flavour.run(body)


async def unwrap(certificate: Certificate, target: int, stream: trio.SocketStream) -> None:
    """Take TLS off one connection and pass on what it holds."""
    wrapped = trio.SSLStream(stream, certificate.server, server_side=True, https_compatible=True)
    with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        await wrapped.do_handshake()
        async with await trio.open_tcp_stream("127.0.0.1", target) as plain, trio.open_nursery() as nursery:
            nursery.start_soon(_pour, plain, wrapped, nursery.cancel_scope)
            await _pour(wrapped, plain, nursery.cancel_scope)
    await trio.aclose_forcefully(stream)


async def _pour(source: trio.abc.ReceiveStream, sink: trio.abc.SendStream, scope: trio.CancelScope) -> None:
    with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        while data := await source.receive_some(4096):
            await sink.send_all(data)
    scope.cancel()


def url(place: Place) -> str:
    return f"http://127.0.0.1:{place.port}"


def _port(address: str) -> int:
    return int(address.rpartition(":")[2].partition("/")[0])
