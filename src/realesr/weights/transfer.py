"""Answers of servers: opened in time, fast enough, and what was asked for."""

from __future__ import annotations

import http.client
import queue
import threading
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator

from realesr.weights.content import is_page
from realesr.weights.limits import plain

_BLOCK = 2**20
_PAGE = (
    "the server answers with a web page instead of the file: a login of the network, a filter, or "
    "an address that has moved"
)


class Pace:
    """Measures whether a server sends enough.

    Args:
        timeout_s: Time over which the rate is measured, s.
        min_rate: Least rate, bytes per second.
    """

    def __init__(self, timeout_s: float, min_rate: int) -> None:
        self.timeout_s = timeout_s
        self._least_bytes = timeout_s * min_rate

    def start(self) -> None:
        """Begins to measure."""
        self._since, self._bytes = time.monotonic(), 0

    def add(self, count: int) -> None:
        """Counts bytes that came.

        Raises:
            ConnectionError: They were too few in the last interval.
        """
        self._bytes += count
        if time.monotonic() - self._since > self.timeout_s:
            if self._bytes < self._least_bytes:
                raise ConnectionError(
                    f"only {self._bytes} bytes came in {self.timeout_s:g} s, which is too slow"
                )
            self.start()


class PageError(Exception):
    """The answer is something else than the file; the message is a clause."""


class RangeError(ConnectionError):
    """The server sends another part of the file than was asked for."""


def check_range(response: http.client.HTTPResponse, there: int) -> None:
    """Checks that an answer with a part of the file continues the part that is there.

    Raises:
        RangeError: It is another part, or one of the compressed file.
    """
    stated = str(response.headers.get("Content-Range", f"bytes {there}-"))
    if not stated.startswith(f"bytes {there}-") or _encoding_of(response):
        raise RangeError


def _encoding_of(response: http.client.HTTPResponse) -> str:
    encoding = str(response.headers.get("Content-Encoding", "")).strip().lower()
    return "" if encoding == "identity" else encoding


def blocks_of(response: http.client.HTTPResponse, missing: int, pace: Pace) -> Iterator[bytes]:
    """Yields the content of an answer, up to a byte more than are missing.

    Raises:
        ConnectionError: The connection broke, or is too slow.
        PageError: The content is something else than a file of weights.
    """
    encoding = _encoding_of(response)
    if encoding not in ("", "gzip", "x-gzip"):
        raise PageError(
            f"the server sends it compressed as {plain(encoding)}, which was not asked for"
        )
    decoder = zlib.decompressobj(16 + zlib.MAX_WBITS) if encoding else None
    if response.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise PageError(_PAGE)
    is_first = True
    pace.start()
    while missing >= 0 and (block := _read(response)):
        pace.add(len(block))
        if decoder is not None:
            block = _decoded(decoder, block, missing + 1)
        if is_first and block and is_page(block):
            raise PageError(_PAGE)
        is_first = is_first and not block
        missing -= len(block)
        yield block


def _decoded(decoder: zlib._Decompress, block: bytes, most: int) -> bytes:
    try:
        return decoder.decompress(block, most)
    except zlib.error as error:
        raise ConnectionError("what came says to be gzip, and is not") from error


def opened(request: urllib.request.Request, timeout_s: float) -> http.client.HTTPResponse:
    """Sends a request and waits for the head of the answer.

    It waits in a thread, because the time limit of a socket begins anew with every byte.

    Raises:
        ConnectionError: There is no answer in time.
        urllib.error.URLError: There is none at all, or an error other than 416.
    """
    answers: queue.SimpleQueue[http.client.HTTPResponse | BaseException] = queue.SimpleQueue()
    is_late = threading.Event()

    def ask() -> None:
        try:
            response = urllib.request.urlopen(request, timeout=timeout_s)  # noqa: S310 - see fetch
            answers.put(response)
            if is_late.is_set():
                response.close()
        except urllib.error.HTTPError as error:
            error.close()  # the connection; its status and reason stay
            answers.put(error)
        except BaseException as error:  # is raised in the thread that waits
            answers.put(error)

    threading.Thread(target=ask, name="request", daemon=True).start()
    try:
        answer = answers.get(timeout=1.1 * timeout_s)
    except queue.Empty:
        is_late.set()
        answer = TimeoutError()
    if isinstance(answer, TimeoutError):
        raise ConnectionError(f"no answer for {timeout_s:g} s") from answer
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _read(response: http.client.HTTPResponse) -> bytes:
    """Reads what has come; network errors become ConnectionError, to tell them from disk errors."""
    try:
        return response.read1(_BLOCK)
    except OSError as error:
        raise ConnectionError(str(error) or "the connection broke") from error
