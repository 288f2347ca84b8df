"""The container's health check against a real listener."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tooling.probe import probe


class _Answer(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name for it
        return


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), _Answer) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


def test_a_living_server_is_alive(server: HTTPServer) -> None:
    assert probe({"SERVER_PORT": str(server.server_port)}) == 0


def test_another_answer_is_a_no(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_Answer, "status", 503)
    assert probe({"SERVER_PORT": str(server.server_port)}) == 1
    assert "with 503" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["0", "eight", "99999999"])
def test_nobody_there_and_a_broken_port_are_a_no_with_a_reason(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert probe({"SERVER_PORT": port}) == 1
    assert port in capsys.readouterr().err


def test_another_question_can_be_asked(server: HTTPServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert probe({"SERVER_PORT": str(server.server_port)}, "/readyz") == 1
    assert "answered /readyz with 404" in capsys.readouterr().err


def test_it_asks_where_the_server_listens(server: HTTPServer, capsys: pytest.CaptureFixture[str]) -> None:
    port = str(server.server_port)
    for anywhere in ("0.0.0.0", "::", "[::]", " ", "127.0.0.1"):
        assert probe({"SERVER_PORT": port, "SERVER_BIND_HOST": anywhere}) == 0
    assert probe({"SERVER_PORT": port, "SERVER_BIND_HOST": "127.0.0.9"}) == 1
    assert f"127.0.0.9:{port}" in capsys.readouterr().err


def test_a_service_link_is_no_port(capsys: pytest.CaptureFixture[str]) -> None:
    probe({"SERVER_PORT": "tcp://10.43.1.2:8000", "SERVER_BIND_HOST": "127.0.0.9"})
    assert "127.0.0.9:8000" in capsys.readouterr().err
