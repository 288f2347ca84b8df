"""What people write for a server, and where its key goes."""

import pytest

from tooling.yap_client.address import Auth, Endpoint, first_key, server_url
from tooling.yap_client.errors import AddressError


@pytest.mark.parametrize(
    ("given_url", "expected"),
    [
        ("http://host", "ws://host/ws"),
        ("https://host:9/", "wss://host:9/ws"),
        ("host:8000", "ws://host:8000/ws"),
        ("127.0.0.1", "ws://127.0.0.1/ws"),
        ("ws://host/other", "ws://host/other"),
        ("wss://host/ws?api_key=old&room=1", "wss://host/ws?room=1"),
        ("[::1]:8000", "ws://[::1]:8000/ws"),
        ("::1", "ws://[::1]/ws"),
        ("fd00::5", "ws://[fd00::5]/ws"),
    ],
)
def test_an_address_becomes_a_websocket_url_without_a_key(given_url: str, expected: str) -> None:
    assert server_url(given_url) == expected


BAD = ["ftp://host", "http://", "host:99999", "", "ws://host:0", "[::1", "ws://::1:80x", "ws://h/a b", "h\ni"]
NOT_IN_DNS = ["ws://a..b:1", f"ws://{'a' * 64}.example", "ws://.host"]


@pytest.mark.parametrize("bad", [*BAD, *NOT_IN_DNS])
def test_what_is_no_address_is_refused_with_an_example(bad: str) -> None:
    with pytest.raises(AddressError, match=r"ws://127\.0\.0\.1:8000/ws"):
        server_url(bad)


@pytest.mark.parametrize("bad", ["ftp://host?api_key=hush", "ftp://me:hush@host", "ws://me:hush@host/ws"])
def test_a_secret_in_a_bad_address_is_not_repeated(bad: str) -> None:
    with pytest.raises(AddressError) as caught:
        server_url(bad)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "key", "expected"),
    [
        ("ws://h/ws?api_key=in+url&a=1", None, "in url"),
        ("ws://h/ws?api_key=in+url&a=1", "given", "given"),
        ("ws://h/ws?a=1", None, ""),
        ("h?api_key=x#api_key=y", None, "x"),
    ],
)
def test_a_key_may_stand_in_the_address_and_one_given_apart_wins(address: str, key: str | None, expected: str) -> None:
    endpoint = Endpoint.at(address, key)
    assert endpoint.key == expected
    assert "api_key" not in endpoint.url
    assert ("api_key" in endpoint.target()) == bool(expected)


def test_a_key_that_would_break_a_header_is_refused_and_not_repeated() -> None:
    with pytest.raises(AddressError) as caught:
        Endpoint.at("h", "hush\r\nX-Other: 1", "header")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("auth", ["header", "bearer"])
def test_a_key_that_no_header_can_carry_is_sent_to_the_query(auth: Auth) -> None:
    assert "api_key" in Endpoint.at("h", "ключ").target()
    with pytest.raises(AddressError, match=f"cannot travel as {auth}: use query") as caught:
        Endpoint.at("h", "ключ", auth)
    assert "ключ" not in str(caught.value)


@pytest.mark.parametrize(
    ("auth", "target", "headers"),
    [
        ("query", "ws://h/ws?a=1&api_key=k+%26", []),
        ("header", "ws://h/ws?a=1", [("X-API-Key", "k &")]),
        ("bearer", "ws://h/ws?a=1", [("Authorization", "Bearer k &")]),
    ],
)
def test_a_key_travels_the_way_that_was_asked_for(auth: str, target: str, headers: list[tuple[str, str]]) -> None:
    endpoint = Endpoint("ws://h/ws?a=1", "k &", auth)
    assert (endpoint.target(), endpoint.headers()) == (target, headers)
    assert "k &" not in repr(endpoint)


@pytest.mark.parametrize(("keys", "first"), [("a,b", "a"), (" , b ", "b"), ("", ""), (" , ", "")])
def test_clients_send_the_first_key_of_a_list(keys: str, first: str) -> None:
    assert first_key(keys) == first
