"""A server of files that misbehaves on request."""

from __future__ import annotations

import contextlib
import threading
import time
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
        reason: Reason line of those answers; None for the usual one.
        ranges: Whether it can resume.
        shift: How far behind the wanted byte an answer begins, which tells so.
        headers: Further headers of every answer with content.
        pause_s: How long it waits after every block of an answer, s.
        head_pause_s: How long it waits after every byte of the head, s.
        block: Size of a block, bytes; everything at once if it never waits.
        requests: Path and Range header of every request.
    """

    content: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    reason: str | None = None
    ranges: bool = True
    shift: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pause_s: float = 0
    head_pause_s: float = 0
    block: int = 1
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
            handler.send_error(self.statuses.pop(0) if self.statuses else 404, self.reason)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if self.ranges and wanted:
            start += self.shift
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            data = data[start:]
        else:
            handler.send_response(200)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        with contextlib.suppress(ConnectionError):  # the client had enough
            while self.head_pause_s:
                handler.wfile.write(b"x")
                time.sleep(self.head_pause_s)
            handler.end_headers()
            data = data[: self.cuts.pop(0)] if self.cuts else data
            size = self.block if self.pause_s else len(data) or 1
            for at in range(0, len(data), size):
                handler.wfile.write(data[at : at + size])
                time.sleep(self.pause_s)
        handler.close_connection = True
