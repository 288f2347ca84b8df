"""Frames of the client's side against those of the server's."""

import json

import pytest

from tooling.yap_client.errors import ProtocolFault
from tooling.yap_client.wire import decode, encode


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"{}", "binary"),
        ("nope", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"type":"ack"}', "lacks session_id"),
        ('{"type":1,"session_id":"s","request_id":"r","payload":{}}', "wrong kind"),
        ('{"type":"a","session_id":"s","request_id":"r","payload":[]}', "wrong kind"),
        ('{"type":"a","session_id":"s","request_id":"r","payload":{"type":"b"}}', "envelope key 'type'"),
    ],
)
def test_a_frame_with_an_unsound_envelope_is_a_breach(message: str | bytes, said: str) -> None:
    with pytest.raises(ProtocolFault, match=said):
        decode(message, 0.0)


def test_frames_go_out_compact_in_envelope_order_and_not_escaped() -> None:
    text = encode("start", "s", "r", {"user_utterance": "schön"})
    assert text == '{"type":"start","session_id":"s","request_id":"r","payload":{"user_utterance":"schön"}}'
    assert list(json.loads(text)) == ["type", "session_id", "request_id", "payload"]
