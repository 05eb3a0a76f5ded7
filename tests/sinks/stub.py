"""Answers of InfluxDB 2, for whom no server can be had here: written after its documentation."""

import gzip
import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 204
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    reset: bool = False  # of the connection, instead
    wait: threading.Event | None = None  # before it


def refusal(status: int, code: str, message: str) -> Answer:
    return Answer(status, json.dumps({"code": code, "message": message}))


@dataclass(frozen=True, slots=True)
class Written:
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    lines: tuple[str, ...]


class Influx2:
    """`with Influx2() as server:`; writes are answered as `answers` say, then with 204."""

    def __init__(self, version: str = "v2.7.11", tls: ssl.SSLContext | None = None) -> None:
        self.version = version
        self.answers: deque[Answer] = deque()
        self.writes: list[Written] = []
        self._http = _Quiet(("127.0.0.1", 0), _handler(self))
        if tls is not None:
            self._http.socket = tls.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._http.server_port
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what is tested here."""


def _handler(server: Influx2) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(Answer(204, headers={"X-Influxdb-Version": server.version}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = server.answers.popleft() if server.answers else Answer()
            if answer.wait is not None:
                answer.wait.wait()
            if answer.status == 204 and not answer.reset:
                url = urlsplit(self.path)
                lines = tuple(gzip.decompress(body).decode().splitlines())
                headers = {key.lower(): value for key, value in self.headers.items()}
                server.writes.append(Written(url.path, dict(parse_qsl(url.query)), headers, lines))
            self._answer(answer)

        def _answer(self, answer: Answer) -> None:
            if answer.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(answer.status)
            for key, value in answer.headers.items():
                self.send_header(key, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(answer.body.encode())))
            self.end_headers()
            self.wfile.write(answer.body.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
