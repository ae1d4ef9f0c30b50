"""A recorded upstream: a small HTTP server on loopback that answers what a test told it to, and notes what was asked.

    with Upstream() as upstream:
        upstream.answer("/dados/serie/bcdata.sgs.432/dados", b"[]")
        ... PREGAO_UPSTREAM_BCB=upstream.url ...
        assert upstream.requests[0].query["formato"] == "json"

It serves from a thread, so that worker processes and blocking code can use it too.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request gets. `promised` replaces Content-Length, so that the body can end too early."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    promised: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked. Header names are lower case; the body is as it was sent."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    client_port: int


Reaction = Answer | Callable[[Request], Answer]


class Upstream:
    """The server. A path without an answer gets `otherwise`; of several answers for a path, the last one stays."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.otherwise = Answer(404, b"not here")
        self._answers: dict[str, deque[Reaction]] = {}
        self._let_go = threading.Event()
        self._news = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(
        self,
        path: str,
        body: bytes = b"",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        promised: int | None = None,
    ) -> None:
        """From now on, answer `path` with this."""
        self.react(path, Answer(status, body, headers or {}, promised))

    def react(self, path: str, *reactions: Reaction) -> None:
        """Answer `path` with these in turn, and with the last one from then on."""
        self._answers[path] = deque(reactions)

    def hold(self, path: str) -> None:
        """Take requests for `path`, and keep them without an answer until `let_go` or the end."""

        def wait(request: Request) -> Answer:
            self.wait_until_let_go()
            return Answer(status=503)

        self.react(path, wait)

    def wait_until_let_go(self) -> None:
        """Block until `let_go` or the end; for reactions that hold a request and then answer it."""
        self._let_go.wait()

    def let_go(self) -> None:
        """Answer what is held."""
        self._let_go.set()

    def asked(self, path: str) -> int:
        """How often `path` was requested."""
        return sum(request.path == path for request in self.requests)

    def wait_until_asked(self, path: str, times: int = 1, *, seconds: float = 20) -> None:
        """Block until `path` was requested that often. Raises TimeoutError."""
        with self._news:
            if not self._news.wait_for(lambda: self.asked(path) >= times, seconds):
                raise TimeoutError(f"{path} was asked for {self.asked(path)} times, not {times}")

    def start(self) -> None:
        """Serve until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving, and close every connection that is still open."""
        self._let_go.set()
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    def __enter__(self) -> Upstream:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def respond(self, request: Request) -> Answer:
        """Note a request, and find its answer."""
        with self._news:
            self.requests.append(request)
            self._news.notify_all()
        reactions = self._answers.get(request.path)
        if not reactions:
            return self.otherwise
        reaction = reactions.popleft() if len(reactions) > 1 else reactions[0]
        return reaction if isinstance(reaction, Answer) else reaction(request)


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, address: tuple[str, int], upstream: Upstream) -> None:
        self.upstream = upstream
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        with self._guard:
            for connection in self._open:
                with suppress(OSError):  # the client hung up first
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the tests, not of the output."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_one(self) -> None:
        target = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=unquote(target.path),
            query=dict(parse_qsl(target.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
            client_port=self.client_address[1],
        )
        answer = self.server.upstream.respond(request)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) if answer.promised is None else answer.promised))
        self.end_headers()
        self.wfile.write(answer.body)
        if answer.promised is not None:
            self.close_connection = True

    do_GET = do_POST = handle_one  # noqa: N815 - the names that http.server looks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server gives it
        """Quiet: what was asked is in `requests`."""
