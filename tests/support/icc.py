"""Color profiles for tests."""

import struct

from PIL import ImageCms


def profile(space: bytes = b"RGB ") -> bytes:
    """littleCMS's sRGB of no date, its header changed to say another color space (4 bytes)."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return data[:16] + space + data[20:24] + bytes(12) + data[36:]


def cmyk_profile() -> bytes:
    """A CMYK profile of a coarse table (ICC.1:2022, section 10.10): cyan ink is a light green."""
    grid = [(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    table = bytearray()
    for c, m, y, k in grid:
        lightness = 0 if k else round(255 * (1 - (c + m + y) / 3 * 0.8))
        table += bytes([lightness, 128 - 40 * c * (not k), 128])
    identity = b"".join(_fixed(value) for value in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    curve = bytes(range(256))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + curve * 4 + bytes(table) + curve * 3
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78)
    white = b"".join(_fixed(value) for value in (0.9642, 1, 0.8249))
    tags = [
        (b"A2B0", lut),
        (b"desc", text),
        (b"cprt", b"text" + bytes(4) + b"none\0"),
        (b"wtpt", b"XYZ " + bytes(4) + white),
    ]
    start = 128 + 4 + 12 * len(tags)
    directory, body = struct.pack(">I", len(tags)), b""
    for name, data in tags:
        padded = data + bytes(-len(data) % 4)
        directory += name + struct.pack(">II", start + len(body), len(padded))
        body += padded
    head = struct.pack(">I4s", start + len(body), b"none") + b"\2\x40\0\0prtrCMYKLab "
    head += bytes(12) + b"acsp" + bytes(28) + white
    return head.ljust(128, b"\0") + directory + body


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))
