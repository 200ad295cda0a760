"""WebP, encoded by Pillow."""

from __future__ import annotations

from realesr.imaging.image import Metadata
from realesr.media.images.channels import Channels, encode_with_pillow
from realesr.options import EncodingOptions

DEFAULT_QUALITY = 95
"""Quality, 1..100, from which on the loss cannot be seen at 100 %."""


def encode_webp(channels: Channels, metadata: Metadata, options: EncodingOptions) -> memoryview:
    """Encodes a WebP.

    Args:
        channels: RGB or RGBA, uint8.
        metadata: Embedded by Pillow.
        options: Quality, or lossless, where the colors of invisible pixels are kept, too.

    Raises:
        ValueError, OSError: Pillow cannot encode the array or the metadata.
    """
    if options.lossless:
        return encode_with_pillow("WEBP", channels, metadata, lossless=True, exact=True)
    return encode_with_pillow(
        "WEBP", channels, metadata, quality=options.quality or DEFAULT_QUALITY
    )
