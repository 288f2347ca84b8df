"""The Sentry endpoint takes what the real SDK sends, and can be as bad as a real one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from sentry_sdk import Client
from sentry_sdk.transport import HttpTransport
from sentry_sdk.utils import event_from_exception

from tests.receivers.behaviour import Behaviour, cutting, hanging, refusing
from tests.receivers.receiver import Undecodable
from tests.receivers.sentry import SentryEndpoint, parse_envelope


@contextmanager
def client(dsn: str, close_s: float = 5.0) -> Iterator[Client]:
    made = Client(dsn, default_integrations=False, send_client_reports=False, auto_session_tracking=False)
    transport = made.transport  # closing forgets it
    assert isinstance(transport, HttpTransport)
    yield made
    made.close(timeout=close_s)
    transport._pool.clear()  # the SDK itself holds on to its connection


def capture(sender: Client, text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError as error:
        event, hint = event_from_exception(error, sender.options)
        sender.capture_event({**event, "tags": {"engine": "scripted"}}, hint)


def test_an_event_of_the_real_sdk_arrives() -> None:
    with SentryEndpoint() as endpoint:
        with client(endpoint.dsn) as sender:
            capture(sender, "broken")
        (event,) = endpoint.events
        (request,) = endpoint.requests
    (value,) = event["exception"]["values"]
    assert (value["type"], value["value"]) == ("ValueError", "broken")
    assert event["tags"] == {"engine": "scripted"}
    assert request.headers["content-encoding"] == "gzip"
    assert request.message.headers["event_id"] == event["event_id"]
    assert "broken" in endpoint.text and "sentry_key=" in endpoint.text


@pytest.mark.parametrize("behaviour", [refusing(401), refusing(403), refusing(503), cutting()])
def test_one_who_refuses_gets_it_once_and_nobody_notices(behaviour: Behaviour) -> None:
    with SentryEndpoint(behaviour) as endpoint:
        with client(endpoint.dsn) as sender:
            capture(sender, "broken")
            endpoint.wait_until(lambda: len(endpoint.requests) + endpoint.cut >= 1, "request")


def test_one_who_says_when_to_come_again_is_left_alone_until_then() -> None:
    with SentryEndpoint(refusing(429, retry_after_s=60)) as endpoint:
        with client(endpoint.dsn) as sender:
            capture(sender, "first")
            endpoint.wait(1)
            sender.flush(timeout=5)
            capture(sender, "second")
        assert [each["exception"]["values"][0]["value"] for each in endpoint.events] == ["first"]


def test_one_who_hangs_has_read_it_and_closing_does_not_wait_for_it() -> None:
    with SentryEndpoint(hanging()) as endpoint:
        with client(endpoint.dsn, close_s=0.5) as sender:
            capture(sender, "broken")
            endpoint.wait(1)
            began = time.monotonic()
        assert time.monotonic() - began < 10


def test_an_envelope_has_items_with_and_without_a_length() -> None:
    event, attachment = b'{"type":"event","length":7}\n{"a":1}\n', b'{"type":"attachment","length":3}\n\n\xff\n\n'
    raw = b'{"event_id":"1"}\n' + event + attachment + b'{"type":"x"}\n{}'
    envelope = parse_envelope(raw)
    assert [(item.kind, item.payload) for item in envelope.items] == [
        ("event", {"a": 1}),
        ("attachment", b"\n\xff\n"),
        ("x", {}),
    ]


@pytest.mark.parametrize("raw", [b"", b"x", b"{}\nx", b"{}\n{}\n", b'{}\n{"type":"event","length":9}\n{}'])
def test_what_is_no_envelope_is_refused(raw: bytes) -> None:
    with pytest.raises(Undecodable):
        parse_envelope(raw)


@pytest.mark.parametrize(
    ("path", "auth", "told"),
    [("/api/41/envelope/", "sentry_key=abc123", "path"), ("/api/42/envelope/", "sentry_key=other", "key")],
)
def test_another_project_or_key_is_an_error_of_the_test(path: str, auth: str, told: str) -> None:
    endpoint = SentryEndpoint()
    with pytest.raises(AssertionError, match=told), endpoint, requests.Session() as session:
        session.post(endpoint.url + path, b"{}", headers={"X-Sentry-Auth": auth})
