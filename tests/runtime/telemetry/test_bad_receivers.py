"""Receivers that refuse, break off or are not there: what is told of them, and what is sent again."""

import gzip
import json
from http.server import BaseHTTPRequestHandler

import pytest
import trio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from structlog.typing import EventDict

from runtime.telemetry.otlp.sender import MOST_WAIT_S, retry_after
from tests.receivers.behaviour import Behaviour, Reply, cutting, refusing
from tests.receivers.otlp import METRICS, TRACES, OtlpReceiver
from tests.receivers.receiver import dead_port
from tests.runtime.telemetry.exporting import (
    SPANS,
    TOKEN,
    hasty,
    outlet,
    running,
    serving,
    tell,
    until,
    warnings,
)

# -- what goes wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "word", "check"),
    [
        (refusing(401), "401", True),
        (refusing(404), "404", True),
        (Reply(301, {"Location": "http://127.0.0.1:1/"}), "301", True),
        (refusing(500), "500", False),
        (refusing(429, retry_after_s=120), "429", False),
        (refusing(503, retry_after_s=120), "503", False),
        (cutting(), "cut", False),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else None,
)
async def test_one_that_takes_nothing_is_told_in_one_line(
    behaviour: Behaviour, word: str, check: bool, logged: list[EventDict], caplog: pytest.LogCaptureFixture
) -> None:
    with OtlpReceiver(behaviour) as receiver:
        to = hasty(
            {
                "AXIOM_API_TOKEN": TOKEN,
                "AXIOM_TRACES_ENDPOINT": receiver.url + TRACES,
                "AXIOM_METRICS_ENDPOINT": receiver.url + METRICS,
            }
        )
        async with running(to):
            tell(to)
            await until(lambda: len(receiver.to(METRICS)) + receiver.cut >= 1)
            await until(lambda: warnings(logged))
            tell(to)
    (line,) = warnings(logged)
    assert line["event"] == "telemetry.export_failed"
    assert word in line["why"]
    assert ("AXIOM_API_TOKEN" in (line["check"] or "")) is check
    told = json.dumps(logged) + caplog.text
    for secret in (TOKEN, str(receiver.port), "s-7"):
        assert secret not in told


async def test_a_dead_port_is_told_in_one_line(logged: list[EventDict], caplog: pytest.LogCaptureFixture) -> None:
    with dead_port() as port:
        to = hasty({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"})
        async with running(to):
            tell(to)
            await until(lambda: warnings(logged))
    (line,) = warnings(logged)
    assert line["why"] in ("metrics: refused", "traces: refused")
    assert str(port) not in json.dumps(logged) + caplog.text


async def test_an_unknown_name_is_told_as_one(logged: list[EventDict]) -> None:
    to = outlet({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://nowhere.invalid:4318"})
    async with running(to):
        pass
    (line,) = warnings(logged)
    assert line["why"] in ("metrics: name unknown", "metrics: unreachable", "at the end: timed out")


async def test_a_receiver_without_tls_is_told_as_one(logged: list[EventDict]) -> None:
    with OtlpReceiver() as receiver:
        to = hasty({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url.replace("http:", "https:")})
        async with running(to):
            await until(lambda: warnings(logged))
    (line,) = warnings(logged)
    assert line["why"] == "metrics: TLS failed"


@pytest.mark.parametrize(
    "proxy", ["http://127.0.0.1:1", "socks5://127.0.0.1:1", "http://user:p@ss@[::1", "ftp://x", ":::"]
)
async def test_a_proxy_that_is_none_is_told_as_one(
    proxy: str, logged: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    with OtlpReceiver() as receiver:
        to = hasty({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        async with running(to):
            await until(lambda: warnings(logged))
    (line,) = warnings(logged)
    assert line["why"] in ("metrics: proxy failed", "metrics: invalid URL or proxy")
    assert "HTTP_PROXY" in line["check"]


async def test_spans_wait_for_a_receiver_that_says_come_again_and_it_is_told_that_all_is_well(
    logged: list[EventDict],
) -> None:
    with OtlpReceiver() as receiver:
        receiver.behave(refusing(503, retry_after_s=0), TRACES)
        to = hasty({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        async with running(to):
            tell(to)
            await until(lambda: len(receiver.to(TRACES)) >= 1)
            receiver.behave(Reply(), TRACES)
            await until(lambda: len(receiver.to(TRACES)) >= 2)
            await until(lambda: len(logged) >= 2)
        first, second = receiver.to(TRACES)
    assert first.message == second.message
    assert [line["event"] for line in logged] == ["telemetry.export_failed", "telemetry.export_works"]
    assert logged[0]["spans_lost"] == 0


async def test_one_that_asks_for_patience_is_left_alone(autojump_clock: trio.testing.MockClock) -> None:
    """The receiver answers in real time: the virtual clock jumps only when nothing has been under way for a while."""
    autojump_clock.autojump_threshold = 0.1
    with OtlpReceiver() as receiver:
        receiver.first(refusing(429, retry_after_s=100), refusing(429, retry_after_s=100))
        to = hasty({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        to.traces.every_s, to.metrics.every_s = 10.0, 80.0
        async with running(to):
            tell(to)
            await trio.sleep(90)  # traces are asked to wait until 110, metrics until 180
            assert len(receiver.requests) == 2
            await trio.sleep(60)
            assert len(receiver.to(TRACES)) == 2
            assert len(receiver.to(METRICS)) == 1


async def test_a_refused_batch_is_lost_and_counted(logged: list[EventDict]) -> None:
    with OtlpReceiver(refusing(400)) as receiver:
        to = hasty({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        to.metrics.every_s = 3600.0
        async with running(to):
            tell(to)
            await until(lambda: warnings(logged))
    assert warnings(logged)[0]["spans_lost"] == SPANS


async def test_what_a_receiver_takes_in_part_is_told(logged: list[EventDict]) -> None:
    answer = b"\x0a\x02\x08\x03"  # partial_success { rejected_spans: 3 }

    class Partly(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with serving(Partly) as port:
        to = hasty({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"})
        async with running(to):
            tell(to)
            await until(lambda: warnings(logged))
    (line,) = warnings(logged)
    assert "taken in part" in line["why"]


@pytest.mark.parametrize(("said", "lost"), [(-5, 0), (2**62, SPANS), (3, 3)])
async def test_a_receiver_may_say_any_number(said: int, lost: int, logged: list[EventDict]) -> None:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = said

    class Says(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(answer.ByteSize()))
            self.end_headers()
            self.wfile.write(answer.SerializeToString())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with serving(Says) as port:
        to = outlet({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"})
        tell(to)
        await to.traces.finish(5.0)
        to.traces.lane.close()
    assert [line["spans_lost"] for line in warnings(logged)] == ([lost] if lost else [])


async def test_an_answer_that_is_no_answer_harms_nobody(
    logged: list[EventDict], caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = gzip.decompress(self.rfile.read(int(self.headers["content-length"])))
            assert body
            self.wfile.write(b"HTTP/1.1 200 OK\r\nno colon at all leaked\r\ncontent-type: application/x-protobuf\r\n")
            self.wfile.write(b"\r\n" + b"\xff" * 100_000)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with serving(Odd) as port:
        to = hasty({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"})
        async with running(to):
            tell(to)
    assert "leaked" not in caplog.text + json.dumps(logged)
    assert len(warnings(logged)) <= 1


async def test_the_port_of_another_protocol_is_told_with_what_to_check(logged: list[EventDict]) -> None:
    class Grpc(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.wfile.write(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")  # RFC 9113: an empty SETTINGS frame

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with serving(Grpc) as port:
        to = hasty({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"})
        async with running(to):
            await until(lambda: warnings(logged))
    (line,) = warnings(logged)
    assert line["why"] == "metrics: no HTTP"
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in line["check"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("2.5", 2.5),
        ("-3", 0.0),
        ("100000", MOST_WAIT_S),
        ("nan", 0.0),
        ("inf", 0.0),
        ("", 0.0),
        ("soon", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MOST_WAIT_S),
        ("Fri, 99 Dec 9999 23:59:59 GMT", 0.0),
    ],
)
def test_how_long_a_receiver_is_waited_for(text: str, seconds: float) -> None:
    assert retry_after(text) == seconds
