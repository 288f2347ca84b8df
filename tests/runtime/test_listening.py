"""Where the server listens, against the real socket layer of this machine's loopback."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
import trio
from structlog.testing import capture_logs

from runtime.listening import CannotListen, bind, open_listeners, reachable, tell_port


async def answers(host: str, port: int) -> bool:
    """Whether somebody takes a connection there."""
    try:
        async with await trio.open_tcp_stream(host, port):
            return True
    except OSError:
        return False


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of the IPv4 loopback on which somebody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as busy:
        yield busy.getsockname()[1]


@pytest.mark.parametrize(
    ("host", "served", "not_served"),
    [
        ("0.0.0.0", ["127.0.0.1"], ["::1"]),
        ("::", ["127.0.0.1", "::1"], []),
        ("[::]", ["127.0.0.1", "::1"], []),
        ("0::0", ["127.0.0.1", "::1"], []),
        ("*", ["127.0.0.1", "::1"], []),
        ("::1", ["::1"], ["127.0.0.1"]),
        ("127.0.0.1", ["127.0.0.1"], ["::1", "127.0.0.2"]),
        ("localhost", ["localhost"], []),
    ],
)
async def test_an_address_serves_its_own_family_and_two_colons_both(
    host: str, served: list[str], not_served: list[str]
) -> None:
    with trio.fail_after(10):
        listeners = await open_listeners(host, 0)
        (port,) = {listener.socket.getsockname()[1] for listener in listeners}
        assert port
        assert all([await answers(each, port) for each in served])
        assert not any([await answers(each, port) for each in not_served])
        for listener in listeners:
            await listener.aclose()


async def test_a_peer_keeps_its_own_spelling_where_both_families_are_served() -> None:
    seen: list[str] = []

    async def note(stream: trio.SocketStream) -> None:
        async with stream:
            seen.append(stream.socket.getpeername()[0])

    with trio.fail_after(10):
        listeners = await open_listeners("::", 0)
        port = listeners[0].socket.getsockname()[1]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, note, listeners)
            for host in ("127.0.0.1", "::1"):
                async with await trio.open_tcp_stream(host, port) as stream:
                    assert await stream.receive_some() == b""
            nursery.cancel_scope.cancel()
    assert seen == ["127.0.0.1", "::1"]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::"])
async def test_a_port_in_use_is_one_sentence_that_names_the_setting(host: str, taken: int) -> None:
    with pytest.raises(CannotListen, match=f"port {taken} on address {host} is in use: .*SERVER_PORT") as told:
        await open_listeners(host, taken)
    assert told.value.in_use
    assert await answers("127.0.0.1", taken)


async def test_nothing_stays_open_when_one_family_is_taken(taken: int) -> None:
    with pytest.raises(CannotListen):
        await open_listeners("::", taken)
    assert not await answers("::1", taken)


@pytest.mark.parametrize("host", ["203.0.113.7", "2001:db8::7", "no-such-host.invalid", "a..b", "x" * 70, "a\0b"])
def test_a_host_that_is_not_ours_is_one_sentence_that_names_the_setting(host: str) -> None:
    with pytest.raises(CannotListen, match=r"^SERVER_BIND_HOST is .*, which is no ") as told:
        bind(host, 0)
    assert "\n" not in str(told.value)
    assert not told.value.in_use


def test_of_a_name_with_several_addresses_those_of_this_machine_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    def two(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in ("203.0.113.7", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with capture_logs() as records:
        (only,) = bind("chat.example", 0)
    with closing(only):
        assert only.getsockname()[0] == "127.0.0.1"
    assert [(one["event"], one["served"], one["wanted"]) for one in records] == [
        ("server.listens_partly", ["127.0.0.1"], ["203.0.113.7", "127.0.0.1"])
    ]


@pytest.mark.parametrize(
    ("host", "answering"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("0", "127.0.0.1"),
        ("::", "127.0.0.1"),
        ("[::]", "127.0.0.1"),
        ("0:0:0:0:0:0:0:0", "127.0.0.1"),
        ("::1", "[::1]"),
        ("[::1]", "[::1]"),
        ("fd00::5", "[fd00::5]"),
        ("10.0.0.5", "10.0.0.5"),
        ("chat.example", "chat.example"),
        ("a..b", "a..b"),
        ("*", "127.0.0.1"),
    ],
)
def test_what_is_announced_is_an_address_that_answers(host: str, answering: str) -> None:
    assert reachable(host) == answering


def test_who_started_it_is_told_the_port_and_the_descriptor_is_closed() -> None:
    reads, writes = os.pipe()
    tell_port(writes, 8123)
    with open(reads, "rb") as told:
        assert told.read() == b"8123\n"


def test_whoever_wanted_to_know_the_port_may_be_gone() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    tell_port(writes, 8123)
    with pytest.raises(OSError, match="Bad file descriptor"):
        tell_port(writes, 8123)
    tell_port(None, 8123)
