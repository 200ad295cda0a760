"""Options of the service."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from realesr.errors import InvalidOptionError
from realesr.option_types import adopt_types

MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What the service accepts, and how much at a time.

    Attributes:
        host: Address that it listens on.
        port: Port that it listens on; 0 takes a free one.
        token: What clients have to present; None for nothing.
        models: Names that clients may choose; the first one is the default.
        max_body: Largest body with an image, bytes.
        max_video_body: Largest body with a video, bytes.
        max_pixels: Largest image or frame that is decoded, px.
        max_result_pixels: Largest result, px.
        queue: Number of images that wait or are at work.
        max_jobs: Number of videos that wait, are at work, or are kept.
        max_storage: Largest size of the files of all videos, bytes.
        timeout_s: Time that an image may wait and take, s.
        upload_timeout_s: Time that a body may take, s; for videos ten times as long.
        video_timeout_s: Time that a video may take, s.
        keep_s: Time that the result of a video is kept, s.
        drain_s: Time that requests may still take after the service was told to end, s.

    Raises:
        InvalidOptionError: A value is outside its range, or other machines could use the service
            without a token.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    models: tuple[str, ...] = ()
    max_body: int = 64 * MIB
    max_video_body: int = 2048 * MIB
    max_pixels: int = 40_000_000
    max_result_pixels: int = 200_000_000
    queue: int = 16
    max_jobs: int = 8
    max_storage: int = 16 * 1024 * MIB
    timeout_s: float = 300.0
    upload_timeout_s: float = 60.0
    video_timeout_s: float = 6 * 3600.0
    keep_s: float = 3600.0
    drain_s: float = 30.0

    def __post_init__(self) -> None:
        adopt_types(self)
        if not 0 <= self.port < 2**16:
            raise InvalidOptionError(f"`port` {self.port}: must be between 0 and 65535")
        for name in ("max_body", "max_video_body", "max_pixels", "max_result_pixels", "queue",
                     "max_jobs", "max_storage", "timeout_s", "upload_timeout_s",
                     "video_timeout_s", "keep_s", "drain_s"):  # fmt: skip
            if not getattr(self, name) > 0:
                raise InvalidOptionError(f"`{name}` {getattr(self, name)}: must be above 0")
        if self.token is not None and not (self.token.isascii() and len(self.token) >= 16):
            raise InvalidOptionError("`token_file`: a token has at least 16 ASCII characters")
        if not self.is_local and self.token is None:
            raise InvalidOptionError(
                f"`host` {self.host} lets other machines in: name a `token_file`, or listen on "
                "127.0.0.1"
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
