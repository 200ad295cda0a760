"""``/v1/videos``: videos as jobs, which are asked for later."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from realesr.errors import OutOfMemoryError, RealesrError
from realesr.serving.answers import GONE, failure, headers_of, ranged_answer, told, words_of
from realesr.serving.checks import check_video
from realesr.serving.engine import Engine
from realesr.serving.options import ServeOptions
from realesr.serving.parameters import VideoParameters, documented, parse
from realesr.serving.tickets import StoppedError, Ticket
from realesr.serving.uploads import Upload, new_folder, options_of, remove, save_upload
from realesr.serving.work import Made, make_video

SWEEP_S = 15.0
"""How often results are looked for whose time is over, s."""
_WEIGHED_S = 1.0
"""How often the files of a video at work are weighed, s."""
_WAITING_S = 30 * 24 * 3600.0


@dataclass(slots=True, kw_only=True)
class VideoJob:
    """A video of a client.

    Attributes:
        key: Its name in addresses.
        folder: Its files.
        upload: The input.
        parameters: What is wanted.
        ticket: How far it is.
        made: The result, once it is there.
        error: What is wrong, if it has failed.
        ended_at: When it ended, in seconds of the monotonic clock; None if it has not.
    """

    key: str
    folder: Path
    upload: Upload
    parameters: VideoParameters
    ticket: Ticket = field(default_factory=lambda: Ticket(_WAITING_S))
    made: Made | None = None
    error: str | None = None
    ended_at: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Returns what is told about it."""
        about: dict[str, Any] = {
            "id": self.key,
            "name": self.upload.name,
            "state": self.ticket.state,
            "frames_done": self.ticket.done,
            "frames_expected": self.ticket.total,
            "error": self.error,
        }
        if self.made is not None:
            outcome = self.made.outcome
            about |= {
                "size": str(outcome.size),
                "seconds": round(outcome.seconds, 2),
                "notices": [
                    told(str(notice), self.folder, self.upload.name) for notice in self.made.notices
                ],
                "result": f"/v1/videos/{self.key}/result",
            }
        return about


class Videos:
    """Jobs in their order, one at work.

    Args:
        engine: What upscales.
        options: Limits.
        place: Folder for temporary files.
    """

    def __init__(self, engine: Engine, options: ServeOptions, place: Path) -> None:
        self._engine = engine
        self._options = options
        self._place = place
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="video")
        self._lock = threading.Lock()
        self._arriving = 0
        self.jobs: dict[str, VideoJob] = {}

    def close(self) -> None:
        """Stops what is at work, and removes everything."""
        for job in self.jobs.values():
            job.ticket.cancel()
        self._pool.shutdown(cancel_futures=True)
        for job in [*self.jobs.values()]:
            self._forget(job)

    async def sweep(self) -> None:
        """Removes results whose time is over, again and again."""
        while True:
            for job in [*self.jobs.values()]:
                if self.is_over(job):
                    await asyncio.to_thread(self._forget, job)
            self._measure(await asyncio.to_thread(self._stored_bytes))
            await asyncio.sleep(SWEEP_S)

    def is_over(self, job: VideoJob) -> bool:
        """Returns whether the time of a result is over."""
        return job.ended_at is not None and time.monotonic() - job.ended_at > self._options.keep_s

    async def accept(self, request: Request) -> VideoJob | Response:
        """Takes a video, or answers with what is wrong.

        Raises:
            HTTPException: There is no place, the body is refused, or the client has gone.
        """
        self._enter()
        folder, name = new_folder(self._place), ""
        try:
            upload = await save_upload(request, folder, kinds=("video", "image"))
            name = upload.name
            parameters = parse(VideoParameters, options_of(request, upload))
            options = parameters.upscaling(self._engine.base, self._engine.models[0])
            self._engine.check_model(options.model_name)
            await asyncio.to_thread(
                check_video, self._engine, upload.path, options, ext=parameters.ext,
                start=parameters.video().start, max_pixels=self._options.max_pixels,
            )  # fmt: skip
        except BaseException as error:
            await asyncio.to_thread(remove, folder)
            if isinstance(error, ClientDisconnect):
                raise HTTPException(499) from error
            if isinstance(error, RealesrError):
                return failure(error, folder, name)
            raise
        finally:
            self._arriving -= 1
        job = VideoJob(
            key=uuid.uuid4().hex, folder=folder, upload=upload, parameters=parameters
        )  # fmt: skip
        with self._lock:
            self.jobs[job.key] = job
        self._pool.submit(self._run, job)
        return job

    def find(self, key: str) -> VideoJob:
        """Returns a job.

        Raises:
            HTTPException: There is none of that name: 404.
        """
        job = self.jobs.get(key)
        if job is None:
            raise HTTPException(404, GONE)
        return job

    def delete(self, key: str) -> None:
        """Stops a job and removes its files, at once or when its frame is done.

        Raises:
            HTTPException: There is none of that name: 404.
        """
        job = self.find(key)
        job.ticket.cancel()
        if job.ticket.state == "running":
            del self.jobs[key]  # its thread removes the files
        else:
            self._forget(job)

    def _enter(self) -> None:
        """Takes a place before a byte of the body is read.

        Raises:
            HTTPException: There is none: 429, or 507 without room for files.
        """
        if len(self.jobs) + self._arriving >= self._options.max_jobs:
            raise HTTPException(429, "too many videos: fetch and delete some",
                                {"Retry-After": "60"})  # fmt: skip
        if self._stored_bytes() >= self._options.max_storage:
            raise HTTPException(507, "no room for further videos: delete some")
        self._arriving += 1

    def _run(self, job: VideoJob) -> None:
        ticket, engine = job.ticket, self._engine
        weighed_at = time.monotonic()

        def weigh() -> None:
            nonlocal weighed_at
            if time.monotonic() - weighed_at > _WEIGHED_S:
                weighed_at = time.monotonic()
                self._check_storage()

        try:
            ticket.check()
            ticket.restart_clock(self._options.video_timeout_s)
            ticket.state = "running"
            parameters = job.parameters
            job.made = make_video(
                engine, ticket, job.upload.path,
                parameters.upscaling(engine.base, engine.models[0]),
                ext=parameters.ext, video=parameters.video(), on_frame=weigh,
            )  # fmt: skip
            ticket.state = "done"
        except Exception as error:
            ticket.state = "cancelled" if isinstance(error, StoppedError) else "failed"
            job.error = words_of(error, job.folder, job.upload.name)
        finally:
            job.ended_at = time.monotonic()
            engine.metrics.jobs_done.labels(ticket.state).inc()
            job.upload.path.unlink(missing_ok=True)
            if job.key not in self.jobs or job.made is None:
                remove(job.folder)

    def _check_storage(self) -> None:
        stored = self._stored_bytes()
        self._measure(stored)
        if stored > self._options.max_storage:
            raise OutOfMemoryError("the result is too large for what the service may store")

    def _forget(self, job: VideoJob) -> None:
        self.jobs.pop(job.key, None)
        remove(job.folder)

    def _stored_bytes(self) -> int:
        return sum(map(_bytes_in, [job.folder for job in [*self.jobs.values()]]))

    def _measure(self, stored: int) -> None:
        self._engine.metrics.storage.set(stored)
        self._engine.metrics.jobs.set(len(self.jobs))


def _bytes_in(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(parent, name)).st_size  # noqa: PTH116, PTH118
            except OSError:  # it was removed meanwhile
                continue
    return total


def video_routes(videos: Videos) -> APIRouter:
    """Returns the routes of videos."""
    router = APIRouter(prefix="/v1/videos", tags=["videos"])
    found: Callable[[str], VideoJob] = videos.find

    @router.post(
        "",
        status_code=202,
        openapi_extra=documented(VideoParameters, "the video, or an animation"),
        responses={
            413: {"description": "too many bytes or pixels"},
            415: {"description": "no video that is known here"},
            429: {"description": "too many videos"},
            507: {"description": "no room for further videos"},
        },
    )
    async def submit(request: Request) -> Response:
        """Takes a video; the answer has its id, and the header Location its address."""
        job = await videos.accept(request)
        if isinstance(job, Response):
            return job
        headers = {"Location": f"/v1/videos/{job.key}"}
        return JSONResponse(job.as_json(), 202, headers)

    @router.get("")
    async def all_jobs() -> list[dict[str, Any]]:
        """Lists the videos that are here."""
        return [job.as_json() for job in videos.jobs.values()]

    @router.get("/{key}")
    async def one(key: str) -> dict[str, Any]:
        """Tells how far a video is."""
        return found(key).as_json()

    @router.get(
        "/{key}/result",
        responses={
            206: {"description": "the part that the header Range asks for"},
            404: {"description": "no such video"},
            409: {"description": "the video is not done"},
            416: {"description": "the result has no such part"},
        },
        response_class=Response,
    )
    async def result(key: str) -> Response:
        """Returns the result of a video that is done, or a part of it."""
        job = found(key)
        if job.made is None:
            raise HTTPException(409, f"the video is {job.ticket.state}")
        options = job.parameters.upscaling(videos._engine.base, videos._engine.models[0])
        headers = headers_of(job.made, options.model_name)
        return ranged_answer(job.made.outcome.destination, job.upload.name, headers)

    @router.delete("/{key}", status_code=204)
    async def delete(key: str) -> Response:
        """Stops a video and removes its files."""
        await asyncio.to_thread(videos.delete, key)
        return Response(status_code=204)

    return router
