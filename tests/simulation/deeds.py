"""What a client can do, by name: what the protocol allows, and what it forbids."""

from protocol.limits import EXEMPT_FRAMES
from tests.simulation.bombs import BOMBS
from tests.simulation.client import Client, Deed
from tests.simulation.histories import BAD, history
from tests.simulation.plan import Payload, Step
from tests.simulation.violations import RESERVED, VIOLATIONS
from tooling.benchmarks.bystander.frames import BINARY, frame

GARBAGE = (b"", b"{", b"[]", b'"text"', b'{"type": 5}', b'{"type": "ping"}', b'{"type":"start"}', b"NaN")

MANY = 20
"""Pings that may be more than is read of them for nothing, where frames are small."""

INVALID: tuple[tuple[str, Payload], ...] = (
    ("message", {}),
    ("message", {"user_utterance": " "}),
    ("message", {"user_utterance": "hi", "sampling": {"top_k": 5000}}),
    ("message", {"user_utterance": "hi", "sampling": [1]}),
    ("message", {"user_utterance": "hi", "played": {"request_id": "x"}}),
    ("message", {"user_utterance": "x" * 100_001}),
    ("start", {"chat_prompt": "be kind"}),
    ("followup", {}),
    ("followup", {"analysis_text": 5}),
)


def start(client: Client, step: Step) -> None:
    """A `start`; the first one has what it needs, and asks for raw text unless the step says otherwise."""
    payload: Payload = {"user_utterance": step.text, "chat_prompt": "be kind", "sampling": {"sanitize_output": False}}
    history, reason = _history(client, step)
    if reason and not client.referee.turns:
        client.earn(1008)
    name = client.say("start", {**payload, **_payload(client, step), **history})
    if history:
        client.brought[name] = reason


def message(client: Client, step: Step) -> None:
    """A `message`."""
    client.say("message", {"user_utterance": step.text, **_payload(client, step)})


def followup(client: Client, step: Step) -> None:
    """A `followup`."""
    client.say("followup", {"analysis_text": step.text, **_payload(client, step)})


def cancel(client: Client, step: Step) -> None:
    """A `cancel`: under a fresh id, or (`number` 1, 2, ...) that of the newest turn, the one before it, ..."""
    name, payload = client.turn_back(step.number - 1) if step.number else "", _payload(client, step)
    if f"cancel {name}" in client.said:
        payload.pop("played", None)  # whose answer is whose could not be told
    client.say("cancel", payload, request_id=name)


def again(client: Client, step: Step) -> None:
    """A `message` under the id of a turn that was acked (`number` before the newest)."""
    name = client.turn_back(step.number)
    if name in client.referee.turns:
        newest = client.newest
        client.say("message", {"user_utterance": step.text}, request_id=name)
        client.newest = newest


def ping(client: Client, step: Step) -> None:
    """The protocol's own ping, so many times."""
    if step.number > MANY:
        client.earn(1008)
    for _ in range(max(1, step.number)):
        client.say("ping", {})


def pong(client: Client, _step: Step) -> None:
    """A `pong` that nobody asked for."""
    client.say("pong", {})


def end(client: Client, _step: Step) -> None:
    """Goodbye."""
    client.earn(1000)
    client.say("end", {})


def garbage(client: Client, step: Step) -> None:
    """A text frame that is no message."""
    data = GARBAGE[step.number % len(GARBAGE)]
    client.note(f"> garbage {data!r}")
    client.say_raw(data)


def overspend(client: Client, step: Step) -> None:
    """More garbage than is read for nothing, in frames of `number` bytes; a `cancel` before the last, a short one."""
    client.earn(1008)
    for _ in range(EXEMPT_FRAMES):
        client.say_raw(b"x" * step.number)
    client.say("cancel", {})
    client.note(f"> {EXEMPT_FRAMES} times {step.number} bytes of garbage, and some more")
    client.say_raw(b"x" * (step.number // 5))


def binary(client: Client, _step: Step) -> None:
    """A binary frame."""
    client.note("> binary")
    client.say_raw(b"\x00\xff", BINARY)


def websocket_ping(client: Client, step: Step) -> None:
    """A ping of the WebSocket's."""
    payload = f"{len(client.pinged)} {step.text}".encode()[:125]
    client.note("> WebSocket ping")
    client.ping(payload)


def vanish(client: Client, step: Step) -> None:
    """Be gone, as the text says: "reset", "fin" or "silent"."""
    client.leave(step.text)


def pieces(client: Client, step: Step) -> None:
    """A `message` in fragments, pings between them."""
    client.say("message", {"user_utterance": step.text, **_payload(client, step)}, pieces=2 + step.number)


def stranger(client: Client, step: Step) -> None:
    """A frame under another session's id."""
    newest = client.newest
    client.say(("message", "cancel")[step.number % 2], {"user_utterance": step.text}, session_id="s-other")
    client.newest = newest


def unknown(client: Client, _step: Step) -> None:
    """A type that nobody knows."""
    client.say("subscribe", {})


def invalid(client: Client, step: Step) -> None:
    """A turn frame with something wrong in it; as a first `start` it ends the connection."""
    if not client.referee.turns:
        client.earn(1008)
    client.say(*INVALID[step.number % len(INVALID)])


def violate(client: Client, step: Step) -> None:
    """What RFC 6455 forbids."""
    what, data, code = VIOLATIONS[step.number % len(VIOLATIONS)]
    client.violate(what, data, 1007 if data == RESERVED and client.squeezes else code)


def bomb(client: Client, step: Step) -> None:
    """A compressed frame that nobody may take, and for most clients an agreement that nobody made."""
    what, data, code = BOMBS[step.number % len(BOMBS)]
    if client.state != "open" or not client.status:  # it does not know yet what is agreed on
        client.earn(code)
    client.violate(what, data, code if client.squeezes else 1002)


def half(client: Client, step: Step) -> None:
    """The beginning of a frame, then gone, as the text says."""
    client.note("> half a frame")
    client.send(frame(b'{"type": "message", "session_id": "s"}')[: 3 + step.number])
    client.leave(step.text)


def deaf(client: Client, _step: Step) -> None:
    """Answer no ping and no close frame from now on."""
    client.note("answers nothing any more")
    client.mute, client.gone = True, client.gone or "deaf"


def close(client: Client, step: Step) -> None:
    """A close frame with code `number`."""
    client.note(f"> close {step.number}")
    client.gone = client.gone or "close"
    client.earn(step.number)  # it is answered with the same
    client.say_close(step.number)


def stop_reading(client: Client, step: Step) -> None:
    """Read nothing, for `number` milliseconds."""
    client.note(f"reads nothing for {step.number} ms")
    client.earn(1013)
    client.link.pause()
    client.network.after(step.number / 1000, client.link.resume)


def rest(client: Client, _step: Step) -> None:
    """Nothing."""
    client.note("rests")


def _history(client: Client, step: Step) -> tuple[Payload, str]:
    """What the step brings: what was `heard` on the connection before, or a shape of `histories`; why it is refused."""
    wish = step.payload.get("history")
    if not isinstance(wish, dict):
        return {}, ""
    shape = wish["shape"]
    if shape == "heard":
        return {"history": _heard(client.before) if client.before else []}, ""
    return {"history": history(shape, wish["number"])}, BAD[shape][1] if shape in BAD else ""


def _heard(client: Client) -> list[Payload]:
    """What a client keeps of a conversation: what it said itself, and what it heard of each reply."""
    kept: list[Payload] = []
    for name, turn in client.referee.turns.items():
        said = client.said[name]
        kept.append({"role": "user", "content": said.get("user_utterance") or said.get("analysis_text")})
        kept.append({"role": "assistant", "content": turn.text})
    return kept


def _payload(client: Client, step: Step) -> Payload:
    """The step's payload; `played` names a turn by how long ago it was."""
    payload = dict(step.payload)
    played = payload.get("played")
    if isinstance(played, dict) and "back" in played:
        payload["played"] = {"request_id": client.turn_back(played["back"]), "chars": played["chars"]}
    return payload


DEEDS: dict[str, Deed] = {
    deed.__name__: deed
    for deed in (
        start,
        message,
        followup,
        cancel,
        again,
        ping,
        pong,
        end,
        garbage,
        overspend,
        binary,
        websocket_ping,
        pieces,
        stranger,
        unknown,
        invalid,
        violate,
        bomb,
        half,
        deaf,
        vanish,
        close,
        stop_reading,
        rest,
    )
}

__all__ = ["DEEDS"]
