"""What a file may cost before it is decoded: pixels, memory, scans."""

from __future__ import annotations

from pathlib import Path

from realesr.errors import OutOfMemoryError, TooLargeMediaError, UnsupportedMediaError
from realesr.geometry import Size
from realesr.memory import free_host_bytes
from realesr.options import DEFAULT_MAX_PIXELS

MAX_SCANS = 200
"""Largest number of scans of a JPEG. Encoders write some dozen, and each costs the time of the
whole image."""
PLAUSIBLE_PIXELS = 64_000_000
"""Size, px, up to which a few bytes may stand for an image: flat ones are stored in some dozen."""
MAX_PIXELS_PER_BYTE = 3_000
"""Number of px that a byte of a larger file may stand for. Deflate reaches 1,032 bytes for one."""
_COPIES = 5
"""Number of times that pixels are held until they are upscaled, in Pillow and here; measured."""
_ALWAYS_FREE = 2**28
"""Memory, bytes, that is not asked for: asking takes longer than decoding a small image."""
_START_OF_SCAN = b"\xff\xda"


def check_size(
    path: Path,
    width: int,
    height: int,
    *,
    file_bytes: int,
    pixel_bytes: int,
    max_pixels: int | None,
) -> None:
    """Checks the size that a header states.

    Args:
        path: Name of the file in errors.
        width: Stated width, px.
        height: Stated height, px.
        file_bytes: Size of the file, bytes.
        pixel_bytes: Size of a decoded pixel, bytes.
        max_pixels: Largest image that is decoded, px. Another value than the default means that
            the user has thought about it; None is the default where nobody can choose.

    Raises:
        TooLargeMediaError: The image is larger than ``max_pixels``, or much too large for its
            file.
        OutOfMemoryError: It would not fit into the free memory.
    """
    pixels = width * height
    allowed = f"if it is no trap, allow it with `max_pixels` {pixels}"
    limit = max_pixels
    if limit is None:
        limit, allowed = DEFAULT_MAX_PIXELS, "reduce it, or leave it out"
    if pixels > limit:
        raise TooLargeMediaError(
            f"{path}: says to be {width}x{height} px, more than {limit} in all: {allowed}"
        )
    is_chosen = limit != DEFAULT_MAX_PIXELS
    if pixels > max(PLAUSIBLE_PIXELS, MAX_PIXELS_PER_BYTE * file_bytes) and not is_chosen:
        raise TooLargeMediaError(
            f"{path}: says to be {width}x{height} px, and has {file_bytes} bytes: {allowed}"
        )
    needed = _COPIES * pixels * pixel_bytes
    if needed > _ALWAYS_FREE and needed > (free := free_host_bytes()):
        raise OutOfMemoryError(
            f"{path}: {width}x{height} px need about {_mib(needed)} to be decoded, and "
            f"{_mib(free)} are free"
        )


def check_result(size: Size, *, pixel_bytes: int, path: Path | None = None) -> None:
    """Checks, before an image is upscaled, that its result fits into the memory.

    Args:
        size: Size of the result, px.
        pixel_bytes: Size of a pixel in memory, bytes.
        path: Name of the output in errors; None for an array.

    Raises:
        OutOfMemoryError: It does not fit.
    """
    needed = size.area * pixel_bytes
    if needed > _ALWAYS_FREE and needed > (free := free_host_bytes()):
        place = "" if path is None else f"{path}: "
        raise OutOfMemoryError(
            f"{place}a result of {size} px takes {_mib(needed)}, and {_mib(free)} are free: "
            "choose a smaller `outscale`"
        )


def check_scans(path: Path, data: bytes) -> None:
    """Checks the number of scans of a JPEG: with 2,000 of them, 1 MB takes minutes.

    Args:
        path: Name of the file in errors.
        data: The file. Markers in metadata count as well, which the limit leaves room for.

    Raises:
        UnsupportedMediaError: There are more than :data:`MAX_SCANS`.
    """
    scans = data.count(_START_OF_SCAN)
    if scans > MAX_SCANS:
        raise UnsupportedMediaError(
            f"{path}: a JPEG of {scans} scans is not decoded, at most {MAX_SCANS} are: "
            "save it anew with another program if you trust it"
        )


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.0f} MiB"
