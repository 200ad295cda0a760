"""What every request passes: who may ask, how much they may send, and what is counted."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from realesr.serving.answers import ASKED_METHOD
from realesr.serving.metrics import Metrics
from realesr.serving.options import ServeOptions

_OPEN = ("/", "/favicon.ico", "/v2/health/live", "/v2/health/ready")
_OPEN_FOLDER = "/static/"
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_VIDEO_PATIENCE = 10
"""How much longer the body of a video may take than that of an image."""

_LINGER_S = 2.0
"""How long the rest of a refused body is read, s. A connection that is closed with something unread
is reset, and a client that still sends would not see the answer."""


class Guard:
    """Middleware: refuses strangers, bounds bodies in size and time, and counts answers.

    A browser asks on behalf of any page that it shows. So requests of other pages are refused, and
    where only this machine is served, other host names are, too: such a name may lead to 127.0.0.1.

    Args:
        app: What answers.
        options: Limits and token.
        metrics: Figures of the service.
        is_ending: Whether the service is to end: new work is refused then.
    """

    def __init__(
        self, app: ASGIApp, options: ServeOptions, metrics: Metrics, is_ending: Callable[[], bool]
    ) -> None:
        self._app = app
        self._options = options
        self._metrics = metrics
        self._is_ending = is_ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        method, status = scope["method"], [0]
        if method == "HEAD":  # as GET; the server leaves the body out
            scope = {**scope, "method": "GET", ASKED_METHOD: method}

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
            await send(message)

        try:
            refused = self._refusal(scope)
            if refused is not None:
                # who waits for "100 Continue" has sent nothing, and must not be asked to
                if not any(name == b"expect" for name, _ in scope["headers"]):
                    await _discard(receive)
                await refused(scope, receive, counted)
            else:
                await self._app(scope, self._bounded(scope, receive), counted)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            told = method if route != "other" else "other"
            self._metrics.requests.labels(told, route, str(status[0] or "aborted")).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - started)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = {name.decode("latin-1"): value.decode("latin-1")
                   for name, value in scope["headers"]}  # fmt: skip
        host = headers.get("host", "")
        if self._options.is_local and _host_of(host) not in (*_LOCAL_NAMES, self._options.host):
            return _said(400, "this service is for this machine alone, by the name 127.0.0.1")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return _said(403, "pages of other addresses may not use this service")
        path = scope["path"]
        is_open = path in _OPEN or path.startswith(_OPEN_FOLDER)
        token = self._options.token
        if token is not None and not is_open:
            given = headers.get("authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
                return _said(401, "a token is needed", {"WWW-Authenticate": "Bearer"})
        if self._is_ending() and scope["method"] == "POST":
            return _said(503, "the service is about to end", {"Connection": "close"})
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdecimal() or int(length) > self._limit(path):
            return _too_large(self._limit(path))
        return None

    def _limit(self, path: str) -> int:
        is_video = path.startswith("/v1/videos")
        return self._options.max_video_body if is_video else self._options.max_body

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """Returns ``receive`` with limits: of the bytes of a body, and of the time that it takes.

        Raises:
            HTTPException: 413 or 408.
        """
        limit = self._limit(scope["path"])
        patience = _VIDEO_PATIENCE if scope["path"].startswith("/v1/videos") else 1
        ends_at = time.monotonic() + self._options.upload_timeout_s * patience
        received = 0
        is_complete = False

        async def bounded() -> Message:
            nonlocal received, is_complete
            if is_complete:
                return await receive()  # waits for the end of the connection
            try:
                message = await asyncio.wait_for(receive(), max(0.01, ends_at - time.monotonic()))
            except TimeoutError as error:
                is_complete = True
                raise HTTPException(408, "the body did not come in time",
                                    {"Connection": "close"}) from error  # fmt: skip
            received += len(message.get("body", b""))
            if received > limit:
                is_complete = True
                if message.get("more_body", False):
                    await _discard(receive)
                raise HTTPException(413, f"the body has more than {limit} bytes",
                                    {"Connection": "close"})  # fmt: skip
            is_complete = not message.get("more_body", False)
            return message

        return bounded


async def _discard(receive: Receive) -> None:
    """Reads the rest of a body, for a short time, and keeps nothing of it."""

    async def read() -> None:
        while True:
            message = await receive()
            if message["type"] != "http.request" or not message.get("more_body", False):
                return

    with suppress(TimeoutError):
        await asyncio.wait_for(read(), _LINGER_S)


def _host_of(header: str) -> str | None:
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:
        return None


def _too_large(limit: int) -> JSONResponse:
    return _said(413, f"the body has more than {limit} bytes", {"Connection": "close"})


def _said(status: int, words: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": words}, status, headers)
