"""What holds of the server's counts whatever happened, once nothing runs."""

from tests.e2e.figures_page import Page

IDLE = ("active_connections", "active_generations", "unconfirmed_aborts", "engine_unfinished_requests")


def wrong(page: Page) -> list[str]:
    """Sentences about what does not add up; nothing may be connected or running."""
    accepted, ended = page.sum("requests_accepted_total"), page.sum("requests_total")
    status = page.by("requests_total", "status")
    aborts, cancelled = page.sum("aborts_total"), page.sum("cancellation_total")
    sums = {
        "turns accepted, turns ended": (accepted, ended),
        "completed turns, their latencies": (
            status.get("completed", 0.0),
            page.sum("request_latency_seconds_count"),
        ),
        "cancelled turns, their causes": (status.get("cancelled", 0.0), cancelled),
        "tokens generated, tokens of turns": (page.sum("tokens_generated_total"), page.sum("completion_tokens_sum")),
        "sessions, their durations": (
            page.sum("session_churn_total"),
            page.sum("connection_duration_seconds_count"),
        ),
    }
    found = [f"{names}: {one:g} and {other:g}" for names, (one, other) in sums.items() if one != other]
    found += [f"{name} is {page.sum(name):g}" for name in (*IDLE, "outbox_size_bytes") if page.sum(name)]
    most = {
        "ttft_seconds_count": accepted,
        "token_latency_seconds_count": page.sum("tokens_generated_total"),
        "cancellation_total": aborts,
    }
    # What an engine's death had ended already, its client leaving at the same moment, has no engine to be told to.
    told, deaths = page.sum("abort_latency_seconds_count", stage="told"), page.sum("engine_restarts_total")
    if told > aborts or (told < aborts and not deaths):
        found.append(f"{aborts:g} aborts counted, {told:g} told to the engine, which died {deaths:g} times")
    return found + [f"{name} is more than {limit:g}" for name, limit in most.items() if page.sum(name) > limit]


__all__ = ["IDLE", "wrong"]
