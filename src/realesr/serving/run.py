"""The service as a process: from its start to its end."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

import uvicorn

from realesr.options import UpscaleOptions
from realesr.partial import temporary_folder
from realesr.progress import Notify, no_notice
from realesr.serving.app import Service
from realesr.serving.options import ServeOptions

MAX_CONNECTIONS = 256
_IDLE_S = 5


class _Server(uvicorn.Server):
    """A server that refuses new work as soon as it is told to end."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Hears a signal: the first one drains, a second SIGINT ends at once."""
        self._service.is_ending = True
        super().handle_exit(sig, frame)


def serve(
    options: ServeOptions,
    base: UpscaleOptions,
    *,
    version: str,
    temporary: Path | None,
    on_start: Callable[[str], None],
    notify: Notify = no_notice,
    logs_requests: bool = False,
) -> None:
    """Serves until a signal comes; then finishes what is at work, as long as the limits allow.

    Args:
        options: Limits, address and models.
        base: Options of upscaling that clients cannot change.
        version: Version of this program.
        temporary: Existing folder for temporary files; None for the system's.
        on_start: Called with the address once the service listens.
        notify: Receives a notice if an option that clients cannot change has no effect.
        logs_requests: Whether each request is logged.

    Raises:
        RealesrError: The default model cannot be loaded.
        OSError: The address is taken, or not of this machine.
    """
    with temporary_folder(temporary) as place:
        service = Service(options, base, place, version)
        service.engine.load(replace(base, model_name=options.models[0]), notify)
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        with socket.create_server(
            (options.host, options.port), family=family, backlog=512
        ) as listening:
            config = uvicorn.Config(
                service.app,
                log_level="info" if logs_requests else "warning",
                access_log=logs_requests,
                limit_concurrency=MAX_CONNECTIONS,
                timeout_keep_alive=_IDLE_S,
                timeout_graceful_shutdown=int(options.drain_s) or 1,
                server_header=False,
                ws="none",
            )
            host = f"[{options.host}]" if ":" in options.host else options.host
            on_start(f"http://{host}:{listening.getsockname()[1]}/")
            try:
                _Server(config, service).run(sockets=[listening])
            except KeyboardInterrupt:
                pass  # uvicorn repeats the signal once it has ended
            finally:
                service.close()
