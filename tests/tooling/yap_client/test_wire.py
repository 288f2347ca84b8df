"""Frames of the client's side against those of the server's."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import envelope, frames, turns
from protocol.errors import PeerProtocolError
from protocol.limits import TurnLimits
from protocol.speech import parse_speech
from tooling.yap_client import Message
from tooling.yap_client.conversation import Conversation
from tooling.yap_client.errors import ProtocolFault
from tooling.yap_client.opening import Setup
from tooling.yap_client.wire import decode, encode

LIMITS = TurnLimits(chat=True, tools=True)
ids = st.text(min_size=1, max_size=40)
texts = st.text(max_size=60)  # halves of surrogate pairs among them
clean = st.text(st.characters(codec="utf-8"), max_size=60)
said = texts.filter(lambda text: bool(text.strip()))
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(st.none() | st.booleans() | numbers | clean, st.lists, max_leaves=5)
payloads = st.dictionaries(clean.filter(lambda name: name not in frames.RESERVED), values, max_size=4)
samplings = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.none() | st.floats(0, 1.2),
        "top_k": st.none() | st.integers(0, 60),
        "sanitize_output": st.none() | st.booleans(),
    },
)
setups = st.builds(
    Setup,
    prompt=st.just("Be kind.") | said.map(lambda text: "Be kind. " + text),
    gender=st.sampled_from([None, "female", "man"]),
    personality=st.sampled_from([None, "warm"]),
    history=st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), texts), max_size=4),
    sampling=st.none() | samplings,
    language=st.sampled_from([None, "en", "pt-BR"]),
    keep_tags=st.sampled_from([(), ("break", "Emphasis")]),
    check_screen_prefix=st.sampled_from([None, "LOOK"]),
)


@settings(max_examples=settings().max_examples // 2)
@given(ids, ids, payloads, st.sampled_from(["ack", "final", "done", "cancelled", "session_end", "later"]))
def test_every_frame_that_a_server_makes_is_read_as_it_was_meant(
    session_id: str, request_id: str, payload: dict[str, Any], kind: str
) -> None:
    address = frames.Address(_sendable(session_id), _sendable(request_id))
    frame = decode(frames.Frame(kind, address, payload).encode().decode(), 1.5)
    assert (frame.type, frame.session_id, frame.request_id, frame.at) == (
        kind,
        address.session_id,
        address.request_id,
        1.5,
    )
    assert frame.payload == json.loads(json.dumps(payload))


@given(clean, st.booleans(), st.none() | st.floats(0, 1))
def test_tokens_decisions_and_errors_of_a_server_become_events(text: str, yes: bool, score: float | None) -> None:
    core = Conversation(Setup(prompt="p"), _numbered())
    core.connected()
    record, _ = core.turn("message", "hi", None, 0.0)
    address = frames.Address(core.session_id, record.request_id)
    raw = [{"name": "take_screenshot"}] if yes else []
    problem = PeerProtocolError("internal_error", "engine_error", text, details={"retry_in": 3})
    for frame in (
        frames.Frame("ack", address, {"for": "start", "ok": True}).encode(),
        frames.toolcall(address, yes=yes, raw=raw, score=score).encode(),
        frames.token_frame(frames.token_head(address), text),
        frames.error(address, problem, frames.usage(3, 2, None)).encode(),
    ):
        core.receive(frame.decode(), 1.0)
    assert record.decision is not None
    assert (record.decision.yes, list(record.decision.raw), record.decision.score) == (yes, raw, score)
    assert record.text == text
    with pytest.raises(AttributeError):
        record.ending.reason  # type: ignore[union-attr]  # noqa: B018
    assert record.ending is not None
    assert (record.ending.error.message, record.ending.error.retry_in_s) == (text, 3)  # type: ignore[union-attr]
    assert record.ending.usage.total_tokens == 5  # type: ignore[union-attr]


@given(setups, said, st.none() | samplings, st.integers(0, 100), texts.map(lambda text: text[:64]))
def test_every_frame_of_the_client_is_what_the_server_takes(
    setup: Setup, text: str, sampling: dict[str, Any] | None, heard: int, reason: str
) -> None:
    core = Conversation(setup, _numbered())
    core.connected()
    record, frame = core.turn("message", text, sampling, 0.0)
    first = turns.parse_first_start(_accepted("start", frame), LIMITS)
    assert first.text == _sendable(text).strip()
    assert [item.role for item in first.history or ()] == [message.role for message in setup.history]
    assert parse_speech(_accepted("start", frame)).language == (setup.language or "en")
    core.receive(json.dumps(_ack(core, record.request_id)), 1.0)
    record.exchange.heard = heard
    _, frame = core.turn("message", text, sampling, 0.0)
    again = turns.parse_turn(_accepted("message", frame), LIMITS)
    assert again.played == turns.Played(record.request_id, heard)
    _, frame = core.turn("followup", text, None, 0.0)
    assert turns.parse_followup(_accepted("followup", frame)).text == _sendable(text).strip()
    cancel = _accepted("cancel", core.cancel(record, reason))
    assert turns.parse_cancel_reason(cancel)
    assert turns.parse_played(cancel) == again.played
    assert _accepted("ping", core.ping()[1]) == {}
    assert _accepted("end", core.end()) == {}


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"{}", "binary"),
        ("nope", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("9" * 10_000, "not JSON"),
        ("[]", "not a JSON object"),
        ('{"type":"ack"}', "lacks session_id"),
        ('{"type":1,"session_id":"s","request_id":"r","payload":{}}', "wrong kind"),
        ('{"type":"a","session_id":"s","request_id":"r","payload":[]}', "wrong kind"),
        ('{"type":"a","session_id":"s","request_id":"r","payload":{"type":"b"}}', "envelope key 'type'"),
    ],
)
def test_a_frame_with_an_unsound_envelope_is_a_fault(message: str | bytes, said: str) -> None:
    with pytest.raises(ProtocolFault, match=said):
        decode(message, 0.0)


@given(st.text() | st.binary())
def test_whatever_else_comes_is_a_fault_and_not_repeated(message: str | bytes) -> None:
    with pytest.raises(ProtocolFault) as caught:
        decode(message, 0.0)
    assert caught.value.__context__ is None


def test_frames_go_out_compact_in_envelope_order_and_not_escaped() -> None:
    text = encode("start", "s", "r", {"user_utterance": "schön"})
    assert text == '{"type":"start","session_id":"s","request_id":"r","payload":{"user_utterance":"schön"}}'
    assert list(json.loads(text)) == ["type", "session_id", "request_id", "payload"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object()])
def test_what_json_has_no_word_for_is_not_sent(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        encode("start", "s", "r", {"sampling": {"temperature": value}})


def _accepted(kind: str, frame: str) -> Any:
    read = envelope.decode(frame.encode().decode())
    assert read.type == kind
    return read.payload


def _ack(core: Conversation, request_id: str) -> dict[str, Any]:
    payload = {"for": "start", "ok": True}
    return {"type": "ack", "session_id": core.session_id, "request_id": request_id, "payload": payload}


def _numbered() -> Any:
    counter = itertools.count(1)
    return lambda kind: f"{kind}-{next(counter)}"


def _sendable(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
