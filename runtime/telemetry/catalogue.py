"""Every instrument there is: the one place for names, units, meanings, attributes and buckets.

The page for Prometheus, what OpenTelemetry exports and the table in docs/metrics.md are made of it.
"""

from runtime.telemetry import instruments as of
from runtime.telemetry.instruments import Instrument, Kind

_OURS = "text_inference."


def _histogram(name: str, unit: str, buckets: tuple[float, ...], text: str, *attributes: str) -> Instrument:
    return Instrument(
        name=name, kind=Kind.HISTOGRAM, unit=unit, description=text, attributes=attributes, buckets=buckets
    )


def _counter(name: str, unit: str, text: str, *attributes: str, observed: bool = False) -> Instrument:
    return Instrument(
        name=_OURS + name, kind=Kind.COUNTER, unit=unit, description=text, attributes=attributes, observed=observed
    )


def _gauge(name: str, unit: str, text: str, *attributes: str) -> Instrument:
    return Instrument(
        name=_OURS + name, kind=Kind.GAUGE, unit=unit, description=text, attributes=attributes, observed=True
    )


# -- turns -------------------------------------------------------------------------------------------------------------

TTFT = _histogram(
    _OURS + "ttft", "s", of.LATENCY, "Time to first token: a turn's frame read to its first text ready for the client."
)
REQUEST_LATENCY = _histogram(
    _OURS + "request_latency", "s", of.LATENCY, "End-to-end latency of completed turns: frame read to end."
)
TOKEN_LATENCY = _histogram(
    _OURS + "token_latency", "s", of.GAP, "Inter-token time as the engine delivers, every gap; 0 within one step."
)
QUEUE_WAIT = _histogram(
    _OURS + "queue_wait", "s", of.LATENCY, "A turn's frame read to its hand-over to the engine, routing included."
)
PROMPT_TOKENS = _histogram(_OURS + "prompt_tokens", "{token}", of.TOKENS, "Input prompt tokens of a turn.")
COMPLETION_TOKENS = _histogram(_OURS + "completion_tokens", "{token}", of.TOKENS, "Output tokens of a turn.")
REQUESTS_ACCEPTED = _counter("requests_accepted_total", "{request}", "Turns acked, by the frame's type.", "kind")
REQUESTS = _counter(
    "requests_total",
    "{request}",
    "Turns ended; status completed, cancelled or failed, reason in a word.",
    "status",
    "reason",
)
TOKENS_GENERATED = _counter(
    "tokens_generated_total", "{token}", "Tokens generated for clients, by how the turn ended.", "status", "cause"
)
PROMPT_TOKENS_TOTAL = _counter("prompt_tokens_total", "{token}", "Prompt tokens of turns that brought tokens.")
CACHED_PROMPT_TOKENS = _counter("cached_prompt_tokens_total", "{token}", "Those of them that the prefix cache had.")
CANCELLATIONS = _counter("cancellation_total", "{request}", "Turns that were cancelled, by cause.", "cause")
ERRORS = _counter("errors_total", "{error}", "Errors that nobody wanted, by class.", "error.type")

# -- interruptions -----------------------------------------------------------------------------------------------------

ABORTS = _counter("aborts_total", "{abort}", "Work stopped before its own end, once each, by cause.", "cause")
ABORT_LATENCY = _histogram(
    _OURS + "abort_latency",
    "s",
    of.INSTANT,
    "Cause of an abort read to the engine told (stage told), and to its confirmation (confirmed).",
    "stage",
)
ABORTED_AFTER = _histogram(
    _OURS + "aborted_after",
    "s",
    of.LATENCY,
    "Age of turns when they were stopped: in no latency of finished ones.",
    "cause",
)
TOKENS_AFTER_ABORT = _counter(
    "tokens_after_abort_total", "{token}", "Tokens that the engine generated for requests that had been aborted."
)
DISCARDED_TOKENS = _counter("discarded_tokens_total", "{token}", "Generated beside the router's yes and thrown away.")

# -- the voice ---------------------------------------------------------------------------------------------------------

SPEECH_UNDERRUNS = _counter(
    "speech_underruns", "{turn}", "Turns in which a voice of 4.5 words a second would have run dry."
)
SPEECH_SILENCE = _histogram(
    _OURS + "speech_silence", "s", of.LATENCY, "For how long it would have had nothing to say, a turn; 0 for most."
)

# -- sessions and connections ------------------------------------------------------------------------------------------

CONNECTION_DURATION = _histogram(_OURS + "connection_duration", "s", of.LONG, "WebSocket session duration.")
SLOT_WAIT = _histogram(_OURS + "connection_semaphore_wait", "s", of.INSTANT, "Slot acquisition wait.")
GENERATIONS_PER_SESSION = _histogram(
    _OURS + "generations_per_session", "{request}", of.TURNS, "Turns that a session brought to their own end."
)
CONNECTIONS_REJECTED = _counter(
    "connections_rejected_total",
    "{connection}",
    "Turned away: no slot or none any more, a wrong or missing key, too many coming in at once (`crowded`).",
    "reason",
)
SESSION_CHURN = _counter("session_churn_total", "{session}", "Completed sessions, by how they ended.", "reason")
TIMEOUT_DISCONNECTS = _counter("timeout_disconnects_total", "{connection}", "Idle timeout disconnects.")
RATE_LIMIT_VIOLATIONS = _counter("rate_limit_violations_total", "{violation}", "Rate limit hits.")
FRAMES_REFUSED = _counter("frames_refused_total", "{frame}", "Client frames answered with an error.", "reason")
ACTIVE_CONNECTIONS = _gauge("active_connections", "{connection}", "Current WebSocket connections.")
OUTBOX_SIZE = _gauge("outbox_size", "By", "Bytes that wait for clients to take them: all, and the largest.", "of")

# -- the chat engine ---------------------------------------------------------------------------------------------------

ACTIVE_GENERATIONS = _gauge("active_generations", "{generation}", "Currently running generations.")
UNCONFIRMED_ABORTS = _gauge("unconfirmed_aborts", "{abort}", "Aborts the engine has not confirmed.")
ENGINE_STALLED = _gauge("engine_stalled", "1", "1 while the engine shows no progress.")
ENGINE_UNFINISHED = _gauge("engine_unfinished_requests", "{request}", "The engine's own count, queued included.")
ENGINE_RESTARTS = _counter("engine_restarts_total", "{restart}", "Restarts of the chat engine.", observed=True)
CACHE_RESETS = _counter("cache_resets_total", "{reset}", "vLLM cache resets.", observed=True)
PREFIX_HIT_RATIO = _gauge("prefix_cache_hit_ratio", "1", "Cached prompt tokens divided by all, since the start.")

# -- the tool router ---------------------------------------------------------------------------------------------------

CLASSIFICATION_LATENCY = _histogram(
    _OURS + "tool_classification_latency", "s", of.INSTANT, "Tool model inference time, a batch."
)
CLASSIFICATIONS = _counter("tool_classifications_total", "{classification}", "Questions that the tool model read.")
ROUTER_UP = _gauge("router_up", "1", "1 while a tool model serves.")
ROUTER_QUEUED = _gauge("router_queued", "{classification}", "Classifications that wait.")
ROUTER_RUNNING = _gauge("router_running", "{classification}", "Classifications in the running batch.")
ROUTER_BATCHES = _counter("router_batches_total", "{batch}", "Inferences of the tool model.", observed=True)
ROUTER_WITHDRAWN = _counter(
    "router_withdrawn_total", "{classification}", "Classifications nobody waited for.", observed=True
)
ROUTER_DECISIONS = _counter("router_decisions_total", "{decision}", "Decisions by answer.", "answer", observed=True)
ROUTER_ERRORS = _counter(
    "router_errors_total", "{error}", "Decisions that had to be no, by cause.", "cause", observed=True
)

# -- the process -------------------------------------------------------------------------------------------------------

READY = _gauge("ready", "1", "1 if a turn sent now would be served.")
STARTUP_DURATION = _histogram(_OURS + "startup_duration", "s", of.LONG, "Server startup time.")
TASKS = _gauge("tasks", "{task}", "Tasks of the event loop that live: idle again, a server has as many as before.")
LOOP_LAG = _histogram(_OURS + "event_loop_lag", "s", of.INSTANT, "How late the event loop wakes a sleeper.")

# -- GPUs --------------------------------------------------------------------------------------------------------------

GPU_MEMORY_USED = _gauge("gpu.memory_used", "By", "GPU memory in use.", "gpu.device.id")
GPU_MEMORY_FREE = _gauge("gpu.memory_free", "By", "GPU memory available.", "gpu.device.id")
GPU_MEMORY_TOTAL = _gauge("gpu.memory_total", "By", "Total GPU memory.", "gpu.device.id")
GPU_UTILIZATION = _gauge("gpu.utilization", "%", "GPU compute utilization.", "gpu.device.id")

# -- OpenTelemetry's GenAI conventions (development), beside ours where there is one -----------------------------------

_GEN_AI = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")
GEN_AI_TTFT = _histogram(
    "gen_ai.server.time_to_first_token",
    "s",
    of.GEN_AI_FIRST_TOKEN,
    "Time to generate the first token: from the hand-over to the engine.",
    *_GEN_AI,
)
GEN_AI_TPOT = _histogram(
    "gen_ai.server.time_per_output_token",
    "s",
    of.GEN_AI_PER_TOKEN,
    "Time per output token after the first, a completed generation.",
    *_GEN_AI,
)
GEN_AI_REQUEST = _histogram(
    "gen_ai.server.request.duration", "s", of.GEN_AI_DURATION, "Duration of a completed generation.", *_GEN_AI
)
GEN_AI_USAGE = _histogram(
    "gen_ai.client.token.usage",
    "{token}",
    of.GEN_AI_TOKENS,
    "Tokens of a completed generation, by type input or output.",
    *_GEN_AI,
    "gen_ai.token.type",
)

CATALOGUE = tuple(each for each in tuple(globals().values()) if isinstance(each, Instrument))

__all__ = ["CATALOGUE"]
