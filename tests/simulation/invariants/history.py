"""What a session remembers, and what its engine is asked, against a model made of what its client said and heard."""

from attrs import define, evolve, field

from actors.connection import Connection
from engines.prompts.messages import PromptMessage
from tests.memory import CHECK, Memory, Remembered
from tests.referee import Message, Mode, Referee
from tests.simulation.client import Client
from tests.simulation.imports import name_of, routed
from tests.simulation.invariants.imports import brought, scale_of
from tests.simulation.world import World
from tests.toy import toy_text


@define(eq=False)
class Written:
    """What was written to a client, for a model that wants to know what it heard."""

    frames: list[Message]
    said: dict[str, Message]
    referee: Referee


@define(eq=False)
class Follower:
    """The model of one session.

    `asked`: what each turn's prompt may be made of, once it was acked: the history then, and after each word of what
    was heard of earlier replies that came while it ran. `running`: the last turn that was acked. `looks`, `ended`:
    turns whose router said yes; turns that are over. `left_out`: messages that a trim took. `acked`: turns since the
    last look.
    """

    world: World
    connection: Connection
    memory: Memory
    asked: dict[str, list[list[Remembered]]] = field(factory=dict)
    running: str = ""
    looks: set[str] = field(factory=set)
    ended: set[str] = field(factory=set)
    left_out: int = 0
    acked: int = 0

    def trims(self, connection: Connection, whole: list[Remembered], stored: list[Remembered]) -> bool:
        """Whether what is stored is the newest whole turns of it all, and within the target if some have just gone."""
        profile = connection.actor.memory.profile
        if stored not in suffixes(whole) or profile.trim is None:
            return False
        gone, self.left_out = len(whole) - len(stored) - self.left_out, len(whole) - len(stored)
        # Of several turns since the last look an early one made the room, and the others have come on top of it; or a
        # reply has.
        is_newest = self.acked <= 1 and (not stored or stored[-1].role == "user")
        most = profile.trim.target if is_newest else profile.trim.trigger
        return not gone or (gone > 0 and connection.actor.memory.history.cost <= most)

    @classmethod
    def of(cls, world: World, connection: Connection) -> "Follower":
        """From its first frame on."""
        client = world.client_of(connection)
        return cls(world, connection, Memory(Written(client.link.hearing.messages, client.said, client.referee)))

    def expected(self) -> list[Remembered]:
        """The history after all that was written by now."""
        memory = self.memory
        for frame in memory.client.frames[memory.seen :]:
            memory.seen += 1
            memory.take(frame)
            if frame["type"] == "ack":
                memory.messages[:0] = brought(self.world, self.connection, frame)
                if memory.client.referee.mode is Mode.TOOL:
                    memory.messages = routed(memory.messages, scale_of(self.world, self.connection))
                self.running = frame["request_id"]
                self.asked[self.running] = [list(memory.messages)]
                self.acked += 1
            elif frame["payload"].get("played") == "applied" and self.running in self.asked.keys() - self.ended:
                self.asked[self.running].append(list(memory.messages))
            elif frame["type"] == "toolcall" and frame["payload"]["status"] == "yes":
                self.looks.add(frame["request_id"])
            if "usage" in frame["payload"]:
                self.ended.add(frame["payload"].get("turn") or frame["request_id"])
        return memory.messages


@define(eq=False)
class History:
    """Follows every session."""

    followers: dict[int, Follower] = field(factory=dict)
    pending: list[tuple[int, str, tuple[int, ...]]] = field(factory=list)

    def history(self, world: World) -> str | None:
        """A session that has nothing left to write remembers what was written; of which turns it says that it does."""
        for connection in world.server.connections:
            client = world.client_of(connection)
            follower = self._follow(world, connection)
            expected = follower.expected()
            if follower.memory.mistold and "HISTORY_MAX_TOKENS" not in world.plan.env:
                return f"{client.name}: {follower.memory.mistold}"  # where nothing is trimmed, that is
            if connection.outbox.size or not connection.socket.free:
                continue
            memory = connection.actor.memory
            names = {number: name for name, number in memory._numbers.items()}
            stored = [
                Remembered(
                    names.get(each.turn) or name_of(each.turn), each.role, each.text, each.prefix, each.interrupted
                )
                for each in memory.history.messages
            ]
            if stored != expected and not follower.trims(connection, expected, stored):
                return f"{client.name}: remembered {stored}, said and heard {expected}"
            follower.acked = 0
            if memory._overrides != follower.memory.sampling:
                return f"{client.name}: {memory._overrides}, asked for {follower.memory.sampling}"
        return None

    def prompt(self, world: World) -> str | None:
        """Each prompt is the rendering of the history that its turn was acked with, or of what was heard since."""
        self.pending += world.submissions
        world.submissions.clear()
        if world.process.site is None:
            return None
        later = []
        for session, turn, ids in self.pending:
            connection = world.connections[session]
            client, follower = world.client_of(connection), self._follow(world, connection)
            asked = follower.asked.get(turn)
            if asked is None:
                if client.state != "over":
                    later.append((session, turn, ids))
                continue
            # Its history was not looked at while it had something to write.
            unseen = bool(connection.outbox.size) or not connection.socket.free
            rests = [
                rest
                for messages in asked
                for rest in suffixes(messages)
                if len(rest) >= (1 if unseen else max(1, len(messages) - follower.left_out))
            ]
            if list(ids) in [render(client, rest) for rest in rests]:
                continue
            said_no = turn in follower.ended and turn not in follower.looks
            if said_no or list(ids) not in [render(client, looked(rest)) for rest in rests]:
                return f"{client.name}: the prompt of {turn} is not that of {asked[-1]}"
            if turn not in follower.looks and client.state != "over":
                later.append((session, turn, ids))  # the decision is still to be written
        self.pending = later
        return None

    def _follow(self, world: World, connection: Connection) -> Follower:
        number = connection.actor.number
        follower = self.followers.get(number)
        if follower is None:
            follower = self.followers[number] = Follower.of(world, connection)
        return follower


def suffixes(messages: list[Remembered]) -> list[list[Remembered]]:
    """All of them, and without the oldest turns, whole ones; none where the newest, which made room, was taken back."""
    begins = [at for at in range(len(messages)) if not at or messages[at].turn != messages[at - 1].turn]
    return [messages[at:] for at in (*begins, len(messages))]


def looked(messages: list[Remembered]) -> list[Remembered]:
    """The same after a yes of the router."""
    return [*messages[:-1], evolve(messages[-1], prefix=CHECK)]


def render(client: Client, messages: list[Remembered]) -> list[int]:
    """A prompt from nothing but a model of the history."""
    chat_prompt = next(str(said["chat_prompt"]) for said in client.said.values() if "chat_prompt" in said)
    spoken = [
        PromptMessage(
            "assistant" if each.role == "assistant" else "user",
            each.text if each.role == "assistant" else f"{each.prefix or ''} {each.text}".strip(),
        )
        for each in messages
    ]
    return list(toy_text().render([PromptMessage("system", chat_prompt), *spoken]))


__all__ = ["History"]
