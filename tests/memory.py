"""What a session must remember of a conversation, derived from nothing but what its client said and heard.

Holds for a client that reads at once (then everything the server let go was heard), and below the trim's trigger.
"""

from typing import Protocol

from attrs import define, evolve, field, frozen

from tests.referee import Message, Mode, Referee

CHECK, CHECKED = "MUST CHECK SCREEN:", "ON THE SCREEN NOW:"


class Party(Protocol):
    """A client, as far as it is remembered: the frames it heard, and payloads it said by request id.

    That of a `cancel` under the id of a turn is kept as `cancel` and that id.
    """

    @property
    def frames(self) -> list[Message]: ...

    @property
    def said(self) -> dict[str, Message]: ...

    @property
    def referee(self) -> Referee: ...


@frozen
class Remembered:
    """One message as the history should hold it. `turn`: the request id of its turn."""

    turn: str
    role: str
    text: str
    prefix: str | None = None
    interrupted: bool = False


@define
class Memory:
    """A model of the behaviour page's table of what is stored. `sampling`: the session's overrides. `ended`: turns.

    `mistold`: the first answer to a `played` that is not the one it deserved, "" while there is none.
    """

    client: Party
    messages: list[Remembered] = field(factory=list)
    said: dict[str, str] = field(factory=dict)
    sampling: Message = field(factory=dict)
    ended: set[str] = field(factory=set)
    mistold: str = ""
    seen: int = 0

    def expected(self) -> list[Remembered]:
        """The history after all that was heard so far."""
        for frame in self.client.frames[self.seen :]:
            self.take(frame)
        self.seen = len(self.client.frames)
        return self.messages

    def take(self, frame: Message) -> None:
        """One more frame was heard."""
        payload, name = frame["payload"], frame["request_id"]
        if "usage" in payload:
            self.ended.add(payload.get("turn") or name)
        match frame["type"]:
            case "ack":
                self._play(name, payload)
                said = self.client.said[name]
                self._tune(said.get("sampling") or {})
                if payload["for"] == "followup":
                    self.messages.append(Remembered(name, "user", said["analysis_text"].strip(), CHECKED))
                else:
                    self.messages.append(Remembered(name, "user", said["user_utterance"].strip()))
            case "toolcall" if payload["status"] == "yes" and self.client.referee.mode is Mode.BOTH:
                self.messages[-1] = evolve(self.messages[-1], prefix=CHECK)
            case "token":
                self.said[name] = self.said.get(name, "") + payload["text"]
            case "done":
                self._reply(name, interrupted=False)
            case "cancelled":
                if payload["turn"] is not None:
                    self._reply(payload["turn"], interrupted=True)
                self._play(name, payload)
            case "error" if "usage" in payload:
                if payload["code"] == "server_busy":
                    self.messages = [message for message in self.messages if message.turn != name]
                else:
                    self._reply(name, interrupted=True)

    def _tune(self, sampling: Message) -> None:
        """Lay a frame's keys over what the session has; null takes one back."""
        if self.client.referee.mode is not Mode.TOOL:
            merged = {**self.sampling, **sampling}
            self.sampling = {key: value for key, value in merged.items() if value is not None}

    def _reply(self, turn: str, *, interrupted: bool) -> None:
        text = self.said.get(turn, "")
        if text and self.client.referee.mode is not Mode.TOOL:
            self.messages.append(Remembered(turn, "assistant", text, interrupted=interrupted))

    def _play(self, name: str, payload: Message) -> None:
        """Cut the newest reply to what was heard, if that is the one the client spoke of."""
        if payload.get("played") is None:
            return
        said = self.client.said.get(f"cancel {name}") if "turn" in payload else None
        played = (said or self.client.said[name])["played"]
        if (payload["played"] == "applied") is not self._knows(played["request_id"]):
            self.mistold = self.mistold or f"{payload['played']}, said to {name} of {played['request_id']}"
        if payload["played"] != "applied":
            return
        replies = [at for at, message in enumerate(self.messages) if message.role == "assistant"]
        if not replies or self.messages[replies[-1]].turn != played["request_id"]:
            return
        reply, chars = self.messages[replies[-1]], played["chars"]
        if chars >= len(reply.text):
            return
        heard = reply.text[:chars].rstrip(" ")
        if heard:
            self.messages[replies[-1]] = evolve(reply, text=heard, interrupted=True)
        else:
            del self.messages[replies[-1]]

    def _knows(self, turn: str) -> bool:
        """Whether it has ended, and its reply, or where that would be, is the newest thing there is."""
        if turn not in self.ended or self.client.referee.mode is Mode.TOOL:
            return False
        newest = [*self.messages[-1:], *[each for each in self.messages if each.role == "assistant"][-1:]]
        return turn in [message.turn for message in newest]


__all__ = ["Memory", "Party", "Remembered"]
