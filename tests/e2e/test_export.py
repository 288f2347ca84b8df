"""A whole server that exports: what arrives of real conversations, and that a bad receiver bothers nobody."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import trio
from trio_websocket import ConnectionClosed

from tests.e2e.client import PROMPT, Client, connected, kinds_of, text_of
from tests.e2e.program import Program, assert_nothing_left, scripted
from tests.receivers.behaviour import Behaviour, cutting, hanging, refusing
from tests.receivers.otlp import OtlpReceiver, Span
from tests.receivers.receiver import dead_port

UTTERANCES = ("a-very-private-thing", "quite-another-secret", "no-ones-business")
HEADER = "hush-hush-key"


@contextmanager
def exporting(url: str, **more: str) -> Iterator[Program]:
    soon = {"OTEL_TRACES_EXPORT_INTERVAL_MS": "1000", "OTEL_METRICS_EXPORT_INTERVAL_MS": "1000"}
    headers = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={HEADER}"}
    running = Program(scripted(**{"DRAIN_TIMEOUT_S": "5", **soon, **headers, **more}))
    try:
        yield running.wait_ready()
    finally:
        running.bury()


async def stop(program: Program) -> float:
    """SIGTERM; the seconds until the process has ended, well."""
    began = time.monotonic()
    program.kill(signal.SIGTERM)
    assert await trio.to_thread.run_sync(program.wait_gone) == 0
    assert_nothing_left(program.pid)
    return time.monotonic() - began


async def converse(client: Client) -> None:
    """A turn that ends, one that is barged in on, the one that does so, and one that is cancelled."""
    first, second, third = UTTERANCES
    await client.start("r-1", first)
    assert kinds_of(await client.rest()) == ["ack", "token", "final", "done"]
    await client.message("r-2", second)
    await client.until("token")
    await client.message("r-3", third)
    assert (await client.rest())[-1]["type"] == "cancelled"
    assert (await client.rest())[-1]["type"] == "done"
    await client.message("r-4", second)
    await client.until("token")
    await client.say("cancel", "r-4")
    assert (await client.rest())[-1]["type"] == "cancelled"


async def test_a_conversation_is_a_trace_with_the_clients_own_counts_and_nobodys_words() -> None:
    with OtlpReceiver() as receiver:
        with exporting(receiver.url) as program:
            async with connected(program.port) as client:
                await converse(client)
                await client.say("end", "bye")
                await client.closed()
            await stop(program)
        spans, newest = receiver.spans, receiver.newest
        raw = b"".join(request.message.SerializeToString() for request in receiver.requests)
        log = "".join(program.lines)
    spoken = text_of(client.seen).split()
    heard = [" ".join(spoken[at : at + 3]) for at in range(len(spoken) - 2)]
    assert len(heard) > 10, "two replies and the beginnings of two"
    for words in (*UTTERANCES, PROMPT, HEADER, *heard, "127.0.0.1"):
        assert words.encode() not in raw, words
    assert HEADER not in log
    _check_trace(spans, client)
    ended = newest["text_inference.requests_total"].points
    assert {(point.attributes["status"], point.attributes["reason"]): point.value for point in ended} == {
        ("completed", "stop"): 2,
        ("cancelled", "barge_in"): 1,
        ("cancelled", "client_cancel"): 1,
    }
    generated = sum(point.value or 0 for point in newest["text_inference.tokens_generated_total"].points)
    assert generated == sum(_usage(client).values())
    assert [record["event"] for record in program.records() if record["level"] in ("warning", "error")] == []


def _usage(client: Client) -> dict[str, int]:
    """Completion tokens by turn, as the client was told."""
    return {
        frame["request_id"]: frame["payload"]["usage"]["completion_tokens"]
        for frame in client.seen
        if frame["type"] in ("done", "cancelled")
    }


def _check_trace(spans: list[Span], client: Client) -> None:
    (session,) = [span for span in spans if span.name == "session"]
    requests = {span.attributes["text_inference.request_id"]: span for span in spans if span.name == "request"}
    generations = {span.parent_id: span for span in spans if span.name == "generation"}
    assert list(requests) == ["r-1", "r-2", "r-3", "r-4"]
    assert {span.trace_id for span in spans} == {session.trace_id}
    assert {span.parent_id for span in requests.values()} == {session.span_id}
    assert session.attributes["session.id"] == client.session_id
    assert session.attributes["text_inference.reason"] == "client_request"
    causes = [span.attributes.get("text_inference.abort_cause") for span in requests.values()]
    assert causes == [None, "barge_in", None, "client_cancel"]
    assert [len(span.links) for span in requests.values()] == [0, 0, 1, 0]
    assert requests["r-3"].links[0].span_id == requests["r-2"].span_id
    told = {name: generations[span.span_id].attributes["gen_ai.usage.output_tokens"] for name, span in requests.items()}
    assert told == _usage(client)
    for name, span in requests.items():
        own = generations[span.span_id]
        assert session.start_ns <= span.start_ns <= own.start_ns <= own.end_ns, name
        assert span.end_ns <= session.end_ns, name


@pytest.mark.parametrize("behaviour", [refusing(401), refusing(429, 60), cutting(), hanging()], ids=repr)
async def test_turns_do_not_notice_a_bad_receiver_and_the_log_does_in_one_line(behaviour: Behaviour) -> None:
    with OtlpReceiver(behaviour) as receiver:
        with exporting(receiver.url) as program:
            async with connected(program.port) as client:
                await converse(client)
            await stop(program)
    told = [record for record in program.records() if record["event"].startswith("telemetry.")]
    assert [record["event"] for record in told] == ["telemetry.export_failed"]
    assert HEADER not in "".join(program.lines)


async def test_a_server_with_nobody_at_the_receivers_address_serves_and_ends() -> None:
    with dead_port() as port, exporting(f"http://127.0.0.1:{port}") as program:
        async with connected(program.port) as client:
            await converse(client)
        await stop(program)
    told = [record for record in program.records() if record["event"].startswith("telemetry.")]
    assert [record["event"] for record in told] == ["telemetry.export_failed"]
    assert "refused" in told[0]["why"]


async def test_a_turn_that_a_second_signal_ends_is_a_cancelled_one_and_no_crash() -> None:
    with OtlpReceiver() as receiver:
        with exporting(receiver.url) as program:
            async with connected(program.port) as client:
                await client.start()
                await client.until("token")
                program.kill(signal.SIGTERM)
                await trio.to_thread.run_sync(program.wait_for, "server.drain_started")
                await stop(program)
                with suppress(ConnectionClosed):
                    await client.rest()
        spans, newest = receiver.spans, receiver.newest
    (generated,) = newest["text_inference.tokens_generated_total"].points
    assert (generated.attributes["cause"], generated.value) == ("drain", _usage(client)["r-1"])
    (closed,) = newest["text_inference.session_churn_total"].points
    assert closed.attributes["reason"] == "server_shutdown"
    assert {span.name: span.status for span in spans} == {"session": 0, "request": 0, "generation": 0}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_while_the_rest_is_sent_makes_no_failure_of_the_end(number: signal.Signals) -> None:
    rarely = {"OTEL_TRACES_EXPORT_INTERVAL_MS": "60000", "OTEL_METRICS_EXPORT_INTERVAL_MS": "60000"}
    with OtlpReceiver(hanging()) as receiver, exporting(receiver.url, **rarely) as program:
        program.kill(signal.SIGTERM)
        receiver.wait(1)
        program.kill(number)
        assert await trio.to_thread.run_sync(program.wait_gone) == 0
        assert "Traceback" not in "".join(program.lines)


def test_two_receivers_are_an_error_before_anything_is_loaded() -> None:
    program = Program(scripted(AXIOM_API_TOKEN=HEADER, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1"))
    assert program.wait_gone() == 3
    program.bury()
    log = "".join(program.lines)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in log and "AXIOM_API_TOKEN" in log
    assert HEADER not in log
