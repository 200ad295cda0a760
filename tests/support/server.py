"""A server of files that misbehaves on request."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Server:
    """What it serves, how, and what it was asked for.

    Attributes:
        content: Path to bytes.
        cuts: How many bytes of the next answers are sent before the connection breaks.
        statuses: Statuses of the next answers, instead of the content.
        ranges: Whether it can resume.
        requests: Path and Range header of every request.
    """

    content: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    ranges: bool = True
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""

    @contextlib.contextmanager
    def running(self) -> Iterator[Server]:
        """Serves on a free port of this machine."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            http.shutdown()
            http.server_close()
            thread.join()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """One request."""
        wanted = handler.headers.get("Range")
        self.requests.append((handler.path, wanted))
        data = self.content.get(handler.path)
        if self.statuses or data is None:
            handler.send_error(self.statuses.pop(0) if self.statuses else 404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if self.ranges and wanted:
            handler.send_response(206)
            data = data[start:]
        else:
            handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[: self.cuts.pop(0)] if self.cuts else data)
        handler.close_connection = True
