from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import load


class Echo(BaseHTTPRequestHandler):
    """Answers in two pieces, on connections that stay open; ``/refuse`` with 503."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append((self.client_address, body))  # type: ignore[attr-defined]
        self.send_response(503 if self.path == "/refuse" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for piece in (body[:1], body[1:]):
            self.wfile.write(piece)
            self.wfile.flush()

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 (its name)
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Says nothing of clients that hang up."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with Server(("127.0.0.1", 0), Echo) as running:
        running.asked = []  # type: ignore[attr-defined]
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def test_every_request_is_answered_in_turn_on_connections_that_stay(server: ThreadingHTTPServer) -> None:
    port, bodies = server.server_address[1], [b'{"a": 1}', b'{"b": 22}', b'{"c": 333}']
    found = load.ask(port, [load.request(port, "/", body) for body in bodies], count=60)
    asked = server.asked  # type: ignore[attr-defined]
    assert len(found.latencies) == len(asked) == 60
    assert len({address for address, _ in asked}) == load.CLIENTS
    assert [sum(body == one for _, body in asked) for one in bodies] == [20, 20, 20]
    assert 0 < found.quantile(0.5) <= found.quantile(0.99) <= found.seconds
    assert load.once(port, load.request(port, "/", b"whole")) == b"whole"


def test_what_is_not_answered_is_no_speed(server: ThreadingHTTPServer) -> None:
    port = server.server_address[1]
    with pytest.raises(AssertionError, match="503"):
        load.ask(port, [load.request(port, "/refuse", b"{}")], count=8)
