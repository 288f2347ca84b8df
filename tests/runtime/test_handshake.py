"""What is agreed on in the opening handshake. Protocol, section 1."""

import pytest

from runtime.heads import RequestHead
from runtime.websocket import BadHandshake, agree

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def _response(protocols: list[str], key: str = KEY) -> list[str]:
    headers = {"sec-websocket-key": (key,), "sec-websocket-protocol": tuple(protocols)}
    return agree(RequestHead("GET", "/ws", {}, headers), 1000, compresses=False).response.decode().split("\r\n")


@pytest.mark.parametrize(
    ("offered", "echoed"),
    [
        (["realtime"], "realtime"),
        (["realtime, openai-insecure-api-key." + "k" * 164], "realtime"),
        (["openai-insecure-api-key.k, realtime"], "realtime"),
        (["openai-insecure-api-key.k", "realtime"], "realtime"),
        (["base64url.bearer.authorization.k8s.io.VG9rZW4, v4.channel.k8s.io"], "v4.channel.k8s.io"),
        (["Authorization.k", "BEARER-k", "my-apikey-k"], None),
        (["a,,b"], "a"),
        (["", " , "], None),
        (["not a token, sound"], "sound"),
        ([], None),
    ],
)
def test_the_first_subprotocol_without_a_key_is_echoed(offered: list[str], echoed: str | None) -> None:
    lines = [line for line in _response(offered) if line.lower().startswith("sec-websocket-protocol")]
    assert lines == ([f"Sec-WebSocket-Protocol: {echoed}"] if echoed else [])


@pytest.mark.parametrize(
    ("model", "told"), [("SmolLM2-135M", True), ("", False), ("two words", False), ("a\r\nX: y", False)]
)
def test_the_models_name_is_told_where_it_is_one(model: str, told: bool) -> None:
    head = RequestHead("GET", "/ws", {}, {"sec-websocket-key": (KEY,)})
    lines = agree(head, 1000, compresses=False, model=model).response.decode().split("\r\n")
    assert (f"X-Model: {model}" in lines) is told
    assert len(lines) == 6 + told


@pytest.mark.parametrize("key", ["", "x", "dG9vIHNob3J0", "é", KEY + KEY])
def test_a_key_that_is_no_nonce_is_refused(key: str) -> None:
    with pytest.raises(BadHandshake, match="16 bytes"):
        _response([], key)
