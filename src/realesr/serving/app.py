"""The application: routes, page and figures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from realesr.options import UpscaleOptions
from realesr.serving.engine import Engine
from realesr.serving.guard import Guard
from realesr.serving.images import Images, image_routes
from realesr.serving.metrics import Metrics
from realesr.serving.options import ServeOptions
from realesr.serving.videos import Videos, video_routes
from realesr.weights.catalog import BASELINES, find_model

PAGE = Path(__file__).with_name("page")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


class Service:
    """The service and its state.

    Args:
        options: Limits, address and models.
        base: Options of upscaling that clients cannot change.
        place: Folder for temporary files, which whoever gives it removes.
        version: Version of this program.

    Attributes:
        app: The ASGI application.
        is_ending: Whether new work is refused.
    """

    def __init__(
        self, options: ServeOptions, base: UpscaleOptions, place: Path, version: str
    ) -> None:
        self.options = options
        self.metrics = Metrics(version)
        self.engine = Engine(
            base, options.models, self.metrics, max_result_pixels=options.max_result_pixels
        )
        self.images = Images(self.engine, options, place)
        self.videos = Videos(self.engine, options, place)
        self.is_ending = False
        self.app = self._app(version)

    @property
    def is_ready(self) -> bool:
        """Whether another image would be taken."""
        return not self.is_ending and not self.images.is_full

    def close(self) -> None:
        """Stops what is at work."""
        self.images.close()
        self.videos.close()

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        sweeping = asyncio.ensure_future(self.videos.sweep())
        try:
            yield
        finally:
            sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await sweeping
            await asyncio.to_thread(self.close)

    def _app(self, version: str) -> FastAPI:
        app = FastAPI(
            title="realesr",
            description="Makes images and videos larger and sharper.",
            version=version,
            lifespan=self._lifespan,
            redoc_url=None,
        )
        app.include_router(image_routes(self.images))
        app.include_router(video_routes(self.videos))
        self._add_state(app)
        app.mount("/static", StaticFiles(directory=PAGE), name="static")

        @app.get("/", include_in_schema=False)
        async def page() -> Response:
            headers = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
            return FileResponse(PAGE / "index.html", headers=headers)

        app.add_middleware(
            Guard,
            options=self.options,
            metrics=self.metrics,
            is_ending=lambda: self.is_ending,
        )
        return app

    def _add_state(self, app: FastAPI) -> None:
        @app.get("/v1/models", tags=["state"])
        async def models() -> dict[str, Any]:
            """Lists the models; the first one is the default."""
            return {"models": [_described(name) for name in self.options.models]}

        @app.get("/v2/health/live", tags=["state"])
        async def live() -> dict[str, bool]:
            """Tells that the process answers (Open Inference Protocol)."""
            return {"live": True}

        @app.get("/v2/health/ready", tags=["state"])
        async def ready() -> JSONResponse:
            """Tells whether work is taken; 503 if not (Open Inference Protocol)."""
            return JSONResponse({"ready": self.is_ready}, 200 if self.is_ready else 503)

        @app.get("/metrics", tags=["state"], response_class=Response)
        async def metrics() -> Response:
            """Returns figures for Prometheus."""
            return Response(
                self.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8"
            )


def _described(name: str) -> dict[str, Any]:
    if name in BASELINES:
        return {"name": name, "scale": None, "domain": "a plain filter", "license": None}
    spec = find_model(name)
    return {
        "name": spec.name,
        "scale": spec.scale,
        "domain": spec.domain,
        "license": spec.license,
    }
