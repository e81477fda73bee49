"""A page on this machine that shows runs while they go on.

It is read-only and for whoever has its address: the server listens on 127.0.0.1 alone, the address
holds a random token, and a request must name this host, so that no other site can reach it through
a name that it makes point here. Nothing that a request says names a file. The page loads nothing
from elsewhere.
"""

import json
import secrets
import threading
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

from gandiag.errors import GandiagError
from gandiag.live.follow import Run, look_at
from gandiag.live.snapshot import meanings, snapshot

HOST = "127.0.0.1"

PARTS: Mapping[str, str] = {
    "page.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
}
"""Files of the page, all that are served."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Watching:
    """Runs and what is to be shown of them, for many requests at a time.

    Args:
        runs: to follow.
        names: of the signals.
    """

    def __init__(self, runs: Sequence[Run], names: Sequence[str]):
        self.runs, self.names = runs, names
        self.version = 0
        self._lock = threading.Lock()

    def news(self, seen: str) -> dict[str, Any] | None:
        """All that is known; None if `seen` is the version of it."""
        with self._lock:
            # The first look is not this one, and what it found is new to every page.
            self.version += look_at(self.runs)
            # Silence ends runs too, but the page counts it by itself.
            state = f"{self.version}.{sum(run.over for run in self.runs)}"
            if seen == state:
                return None
            return {
                "version": state,
                "meanings": meanings(self.names),
                "runs": [snapshot(run, self.names) for run in self.runs],
            }


class Server(ThreadingHTTPServer):
    """Serves the page at `address` until it is shut down.

    Args:
        watching: what is shown.
        port: 0 for one that is free.

    Raises:
        GandiagError: the port cannot be had.
    """

    daemon_threads = True

    def __init__(self, watching: Watching, port: int = 0):
        self.watching = watching
        self.token = secrets.token_urlsafe(32)
        try:
            super().__init__((HOST, port), Handler)
        except OSError as error:
            raise GandiagError(
                f"cannot listen on port {port}: {error.strerror or error}; name another by --port"
            ) from error

    @property
    def address(self) -> str:
        """Of the page, with its token."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    @property
    def hosts(self) -> tuple[str, ...]:
        """What a request may name this host."""
        return tuple(f"{name}:{self.server_port}" for name in (HOST, "localhost"))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no matter."""


class Handler(BaseHTTPRequestHandler):
    """Answers GET alone: other methods get 501 of the class itself."""

    server: Server
    timeout = 10
    server_version = "gandiag"
    sys_version = ""

    def do_GET(self) -> None:
        """The page, its parts, or what is new."""
        if self.headers.get("Host") not in self.server.hosts:
            self.answer(HTTPStatus.MISDIRECTED_REQUEST)
            return
        path, _, query = self.path.partition("?")
        token, _, name = path.removeprefix("/").partition("/")
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            self.answer(HTTPStatus.NOT_FOUND)
        elif name == "runs.json":
            news = self.server.watching.news(query.removeprefix("seen="))
            if news is None:
                self.answer(HTTPStatus.NO_CONTENT)
            else:
                body = json.dumps(news, allow_nan=False, separators=(",", ":"))
                self.answer(HTTPStatus.OK, body.encode(), "application/json")
        elif (part := name or "page.html") in PARTS:
            data = files("gandiag.live").joinpath("page", part).read_bytes()
            self.answer(HTTPStatus.OK, data, PARTS[part])
        else:
            self.answer(HTTPStatus.NOT_FOUND)

    def answer(self, status: HTTPStatus, body: bytes = b"", kind: str = "text/plain") -> None:
        """Send it, with what keeps a browser from doing more with it."""
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (as the class has it)
        """Nothing: the token is in every address."""
