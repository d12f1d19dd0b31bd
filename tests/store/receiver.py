"""A real receiver of webhooks on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """Answers every POST with ``status``.

    Attributes:
        got: headers (names in lower case) and body of each request, in the order of arrival.
        slow: while set, an answer waits until the receiver is closed.
    """

    status: int = 204
    location: str | None = None
    slow: bool = False
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0
    closed: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?from=billocr"


@contextmanager
def receiver() -> Iterator[Receiver]:
    this = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            this.got.append(({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}}, body))
            if this.slow:
                this.closed.wait(60)
            self.send_response(this.status)
            if this.location:
                self.send_header("Location", this.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        this.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield this
        finally:
            this.closed.set()
            server.shutdown()
            thread.join()
