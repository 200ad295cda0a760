"""``POST /v1/upscale``: one image in, one image out."""

from __future__ import annotations

import asyncio
import math
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from realesr.serving.answers import failure, file_answer, headers_of
from realesr.serving.engine import Engine
from realesr.serving.options import ServeOptions
from realesr.serving.parameters import ImageParameters, documented, parse
from realesr.serving.tickets import StoppedError, Ticket
from realesr.serving.uploads import Upload, new_folder, options_of, remove, save_upload
from realesr.serving.work import Made, make_image

_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_GONE = 499
"""Status of a client that has gone; it sees none."""
_SMOOTHING = 0.2


class Images:
    """Images at work: one after the other, and a bounded number of others that wait.

    Args:
        engine: What upscales.
        options: Limits.
        place: Folder for temporary files.
    """

    def __init__(self, engine: Engine, options: ServeOptions, place: Path) -> None:
        self._engine = engine
        self._options = options
        self._place = place
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="image")
        self._lock = threading.Lock()
        self._present = 0
        self._mean_s = 1.0
        self._tickets: dict[str, Ticket] = {}

    @property
    def is_full(self) -> bool:
        """Whether another image would be refused."""
        return self._present >= self._options.queue

    def close(self) -> None:
        """Stops what is at work."""
        for ticket in self._tickets.values():
            ticket.cancel()
        self._pool.shutdown(cancel_futures=True)

    def progress(self, key: str) -> Ticket | None:
        """Returns the state of an image that a client has named; None if it is not here."""
        return self._tickets.get(key)

    async def answer(self, request: Request) -> Response:
        """Answers a request with a result, or with what is wrong.

        Raises:
            HTTPException: There is no place, the body is refused, or the client has gone.
        """
        with self._place_for_one():
            folder, name = new_folder(self._place), ""
            try:
                upload = await save_upload(request, folder, kinds=("image",))
                name = upload.name
                parameters = parse(ImageParameters, options_of(request, upload))
                return await self._made(request, upload, parameters)
            except ClientDisconnect as error:
                raise HTTPException(_GONE) from error
            except HTTPException:
                raise
            except Exception as error:
                return failure(error, folder, name)
            finally:
                await asyncio.to_thread(remove, folder)

    async def _made(
        self, request: Request, upload: Upload, parameters: ImageParameters
    ) -> Response:
        engine, limits = self._engine, self._options
        options = parameters.upscaling(engine.base, engine.models[0])
        engine.check_model(options.model_name)
        encoding, ticket = parameters.encoding(), Ticket(limits.timeout_s)

        def work() -> tuple[Made, IO[bytes]]:
            engine.metrics.queued.dec()
            with engine.metrics.in_flight.track_inprogress():
                ticket.check()
                ticket.state = "running"
                made = make_image(
                    engine, ticket, upload.path, options,
                    ext=parameters.ext, encoding=encoding, max_pixels=limits.max_pixels,
                    smooth_color=parameters.smooth_color,
                )  # fmt: skip
                self._mean_s += _SMOOTHING * (made.outcome.seconds - self._mean_s)
                return made, made.outcome.destination.open("rb")

        key = request.headers.get("x-request-id", "")
        if _ID.fullmatch(key):
            self._tickets[key] = ticket
        engine.metrics.queued.inc()
        try:
            made, file = await self._finished(request, ticket, self._pool.submit(work))
        finally:
            if self._tickets.get(key) is ticket:
                del self._tickets[key]
        headers = headers_of(made, options.model_name)
        return file_answer(file, made.outcome.destination.suffix, upload.name, headers)

    async def _finished(self, request: Request, ticket: Ticket, future: Any) -> Any:
        """Waits for work, until its client goes or its time is over.

        Even then it waits for the next tile, so that nothing works on files that are removed.

        Raises:
            StoppedError: The work was stopped.
            Exception: What the work raises.
        """
        work = asyncio.wrap_future(future)
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait(
                (work, gone), timeout=ticket.left_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not work.done():
                ticket.cancel()
                if future.cancel():
                    self._engine.metrics.queued.dec()
                    raise StoppedError("it waited too long: try again later")
            await asyncio.wait((work,))
            return work.result()
        except asyncio.CancelledError:
            ticket.cancel()
            raise
        finally:
            gone.cancel()

    @contextmanager
    def _place_for_one(self) -> Iterator[None]:
        """Takes one of the places, before a byte of the body is read.

        Raises:
            HTTPException: There is none: 429.
        """
        with self._lock:
            if self.is_full:
                wait_s = max(1, math.ceil(self._present * self._mean_s))
                raise HTTPException(429, "too many images at a time", {"Retry-After": str(wait_s)})
            self._present += 1
        try:
            yield
        finally:
            with self._lock:
                self._present -= 1


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def image_routes(images: Images) -> APIRouter:
    """Returns the routes of images."""
    router = APIRouter(tags=["images"])

    @router.post(
        "/v1/upscale",
        openapi_extra=documented(ImageParameters, "the image"),
        responses={
            200: {"content": {"image/*": {}}, "description": "the result"},
            408: {"description": "the body did not come in time"},
            413: {"description": "too many bytes or pixels"},
            415: {"description": "no image that is known here"},
            422: {"description": "a damaged image, or a wrong option"},
            429: {"description": "too many images at a time; Retry-After says when"},
            503: {"description": "it took too long"},
        },
        response_class=Response,
    )
    async def upscale(request: Request) -> Response:
        """Upscales an image. With a header X-Request-Id, /v1/progress tells how far it is."""
        return await images.answer(request)

    @router.get("/v1/progress/{key}")
    async def progress(key: str) -> JSONResponse:
        """Tells how far an image is that was sent with the header X-Request-Id.

        An image that has not arrived yet, or has ended, is ``unknown``.
        """
        ticket = images.progress(key)
        if ticket is None:
            return JSONResponse({"state": "unknown", "done": 0, "total": None})
        return JSONResponse({"state": ticket.state, "done": ticket.done, "total": ticket.total})

    return router
