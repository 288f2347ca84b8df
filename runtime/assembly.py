"""From settings to parts: what is served, with which limits, by which engine."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import PurePath

from attrs import define, field, frozen

from actors.connection import Connection, Socket
from actors.engine import EngineActor, EngineLimits
from actors.happenings import NOBODY, Observer
from actors.router import Asker, RouterActor
from actors.session.actor import SessionActor
from actors.session.deployment import Deployment
from actors.session.effects import Hangup
from actors.session.gate import Gate
from actors.session.intake import Routing
from actors.session.opening import Profile
from actors.session.outbox import Outbox
from actors.session.sanitizer import Families, Sanitizer
from actors.session.turn import Router
from engines.base import EngineInfo, Sampling
from engines.prompts.chat import ChatText
from engines.prompts.markers import TAG_NAMES
from engines.prompts.messages import PromptMessage
from protocol.limits import EXEMPT_FRAMES, ByteBudget, TurnLimits, Window
from protocol.sampling import DEFAULT_BOUNDS, Bound
from protocol.text import sanitize_prompt
from runtime.access import Slots, Throttle
from runtime.arrivals import Arrivals
from runtime.health import Health
from runtime.playground.answers import Playground
from runtime.server import Door, Server, closings
from runtime.settings import Settings
from runtime.websocket import KeepAlive

WARMUP_TEXT = "This is a warm-up sentence that only fills the prompt. " * 64


@frozen(kw_only=True)
class Parts:
    """The long-lived parts of one server process."""

    settings: Settings
    chat: EngineActor | None
    router: RouterActor | None
    health: Health
    observer: Observer = NOBODY


def parts(settings: Settings, health: Health, observer: Observer = NOBODY) -> Parts:
    """Actors that wait for their engines, and tell `observer` what happens."""
    chat = chat_actor(settings, observer) if settings.deployment.deploy_mode.chats else None
    routes = settings.deployment.deploy_mode.routes
    health.chat, health.routes, health.router_ready = chat, routes, not routes
    router = router_actor(settings, observer) if routes else None
    return Parts(settings=settings, chat=chat, router=router, health=health, observer=observer)


def bounds(settings: Settings) -> tuple[Bound, ...]:
    """The sampling ranges of this deployment."""
    chat = settings.chat
    return tuple(
        Bound(
            bound.key,
            bound.kind,
            getattr(chat, bound.key),
            getattr(chat, f"{bound.key}_min"),
            getattr(chat, f"{bound.key}_max"),
        )
        for bound in DEFAULT_BOUNDS
    )


def deployment(settings: Settings, text: ChatText | None, router: Routing | None) -> Deployment:
    """What sessions need to know of the settings. `text`: the chat model's, loaded; `router`: the tool model's."""
    chat = settings.chat
    ranges = bounds(settings)
    return Deployment(
        turns=TurnLimits(
            chat=text is not None,
            tools=router is not None,
            prompt_max_chars=chat.prompt_sanitize_max_chars,
            prompt_max_tokens=chat.prompt_max_tokens,
            prefix_max_chars=chat.screen_prefix_max_chars,
            personality_max_chars=chat.personality_max_len,
            bounds=ranges,
            reserved_tags=TAG_NAMES,
        ),
        text=text,
        routing=router,
        sampling=Sampling(**{bound.key: bound.default for bound in ranges}),  # type: ignore[arg-type]  # their keys are its fields
        check_prefix=sanitize_prompt(chat.check_screen_prefix),
        checked_prefix=sanitize_prompt(chat.screen_checked_prefix),
        utterance_max_tokens=chat.user_utt_max_tokens,
        history_max_tokens=chat.history_max_tokens,
        history_target_tokens=chat.trimmed_history_length,
        max_len=chat.max_len,
        max_out=chat.max_out,
        generation_timeout_s=chat.gen_timeout_s,
        router_timeout_s=settings.tools.timeout_s,
        cancel_grace_s=settings.connections.cancel_grace_s,
        speculates=settings.tools.routing_speculation,
    )


def router_actor(settings: Settings, observer: Observer = NOBODY) -> RouterActor:
    """The actor of the tool model; all is no until one is up."""
    return RouterActor(settings.tools.decision_threshold, settings.engine.hang_timeout_s, observer)


def chat_actor(settings: Settings, observer: Observer = NOBODY) -> EngineActor:
    """The actor of the chat engine; it takes nothing until the supervisor has brought an engine up."""
    return EngineActor(
        observer=observer,
        limits=EngineLimits(
            max_queued=settings.engine.max_queued,
            cancel_grace_s=settings.connections.cancel_grace_s,
            stall_timeout_s=settings.engine.stall_timeout_s,
            hang_timeout_s=settings.engine.hang_timeout_s,
        ),
    )


def warmup_ids(text: ChatText) -> Callable[[EngineInfo], list[int]]:
    """Prompt ids for the warm-up."""
    return lambda _info: text.render([PromptMessage("user", WARMUP_TEXT)])


@define(eq=False)
class Reception:
    """Makes the connection of each accepted socket. `router`: who decides; the parts' router unless it is named."""

    parts: Parts
    site: Deployment
    router: Router | None = None
    _numbers: Iterator[int] = field(factory=itertools.count)

    def __attrs_post_init__(self) -> None:
        if self.router is None and self.parts.router is not None:
            self.router = Asker(self.parts.router.mailbox)

    def connect(self, socket: Socket) -> Connection:
        """A connection with a session of its own."""
        parts, limits = self.parts, self.parts.settings.connections
        outbox = Outbox(limits.outbox_max_bytes, parts.settings.chat.stream_flush_ms / 1000)
        actor = SessionActor(
            site=self.site,
            outbox=outbox,
            engine=parts.chat.mailbox if parts.chat is not None else None,
            router=self.router,
            cleaner=self._sanitizer,
            number=next(self._numbers),
            observer=parts.observer,
        )
        return Connection(
            socket=socket,
            gate=Gate(
                self.site,
                Window("message", limits.max_messages_per_window, limits.message_window_s),
                Window("cancel", limits.max_cancels_per_window, limits.cancel_window_s),
                ByteBudget(EXEMPT_FRAMES * limits.max_frame_bytes),
            ),
            outbox=outbox,
            actor=actor,
            closings=closings(
                {
                    Hangup.CLIENT_REQUEST: (limits.close_client_request_code, "client_request"),
                    Hangup.IDLE: (limits.close_idle_code, limits.close_idle_reason),
                }
            ),
            idle_timeout_s=limits.idle_timeout_s,
        )

    def _sanitizer(self, profile: Profile) -> Sanitizer:
        families, speech = self.parts.settings.sanitize, profile.persona.speech
        return Sanitizer(
            labels=(profile.check_prefix, profile.checked_prefix),
            language=speech.language,
            keep_tags=speech.keep_tags,
            families=Families(
                contacts=families.contacts,
                numbers=families.numbers,
                emoji=families.emoji,
                markdown=families.markdown,
            ),
        )


def model_name(settings: Settings) -> str:
    """What the chat model is called outside: of a path or an id, its end."""
    return PurePath(settings.deployment.chat_model or "").name


def server(parts: Parts) -> Server:
    """The listening side."""
    settings, limits = parts.settings, parts.settings.connections
    slots = Slots(settings.deployment.max_concurrent_connections, limits.handshake_acquire_timeout_s)
    parts.health.slots = slots
    return Server(
        door=Door(
            keys=settings.deployment.api_keys,
            max_frame_bytes=limits.max_frame_bytes,
            compresses=limits.compression,
            model=model_name(settings),
            trusted_proxies=limits.trusted_proxies,
            send_timeout_s=limits.send_timeout_s,
            close_unauthorized=limits.close_unauthorized_code,
            close_busy=limits.close_busy_code,
        ),
        throttle=Throttle(limits.auth_max_failures, limits.auth_failure_window_s),
        slots=slots,
        health=parts.health,
        observer=parts.observer,
        arrivals=Arrivals(limits.max_pending),
        keep_alive=KeepAlive(limits.ping_interval_s),
        playground=Playground() if settings.deployment.playground else None,
    )


__all__ = ["Parts", "Reception", "chat_actor", "deployment", "model_name", "parts", "server", "warmup_ids"]
