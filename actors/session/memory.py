"""What one session remembers: its persona, the conversation, the client's overrides, and which turns are over."""

from attrs import define, field

from actors.session import events as ev
from actors.session import intake
from actors.session.deployment import Deployment, effective_sampling
from actors.session.history import History
from actors.session.opening import Profile
from engines.base import Sampling
from protocol.sampling import SANITIZE, Number, merge
from protocol.turns import Played

KNOWN_TURNS = 64
"""Turns whose ids `played` may still name; only the newest reply can be cut, so a few would do."""


@define(eq=False)
class Memory:
    """Lives and dies with its session, which alone changes it."""

    site: Deployment
    history: History = field(factory=History)
    _profile: Profile | None = None
    _overrides: dict[str, Number | bool] = field(factory=dict)
    _numbers: dict[str, int] = field(factory=dict)
    _open: set[int] = field(factory=set)

    @property
    def profile(self) -> Profile:
        """Who talks to whom, since the first turn was accepted."""
        assert self._profile is not None, "a turn without a first start"
        return self._profile

    @property
    def sampling(self) -> Sampling:
        """The deployment's, with this client's overrides."""
        return effective_sampling(self.site.sampling, self._overrides)

    @property
    def sanitizes(self) -> bool:
        """Whether replies are made speakable."""
        return bool(self._overrides.get(SANITIZE, True))

    def accept(self, request: ev.TurnRequested) -> bool | None:
        """A turn begins, or waits for its beginning. What became of its `played`, see there."""
        if request.opening is not None:
            self._profile = request.opening.profile
            if request.opening.imported is not None:
                self.history = request.opening.imported.history
        played = self.played(request.payload.played)
        self._overrides = merge(self._overrides, request.payload.overrides)
        self.history = self.history.append(request.message)
        if self.profile.measure is None:
            assert self.site.routing is not None, "a deployment without a chat model has a router"
            self.history = self.history.router_trimmed(self.site.routing.budget, self.site.routing.newline_tokens)
        self._numbers[request.request_id] = request.turn
        if len(self._numbers) > KNOWN_TURNS:
            del self._numbers[next(iter(self._numbers))]
        self._open.add(request.turn)
        return played

    def settled(self, before: History, after: History) -> None:
        """A turn has counted and trimmed the history that it was given; unless another cut came first, that is it."""
        if self.history is before:
            self.history = after

    def looked_at_screen(self, turn: int) -> None:
        """The router said yes: the turn's message gets its prefix."""
        self.history = self.history.attach_prefix(turn, self.profile.check_prefix)

    def keep_reply(self, turn: int, text: str, *, interrupted: bool) -> None:
        """What the client was sent of a turn."""
        measure = self.profile.measure
        if text and measure is not None:
            message = intake.reply(turn, text, measure, interrupted=interrupted, counted=False)
            self.history = self.history.append(message)

    def take_back(self, turn: int) -> None:
        """A turn that was not served leaves nothing behind."""
        self.history = self.history.take_back(turn)

    def over(self, turn: int) -> None:
        """A turn has ended: `played` may name it."""
        self._open.discard(turn)

    def played(self, played: Played | None) -> bool | None:
        """Cut the reply to what was heard; whether the turn was known, None if the client did not say.

        A turn that is not over is not: its reply is not there yet, and what is heard of it still grows.
        """
        if played is None:
            return None
        number = self._numbers.get(played.request_id)
        if number is None or number in self._open or self.profile.measure is None:
            return False
        self.history, known = self.history.played(number, played.chars)
        return known


__all__ = ["Memory"]
