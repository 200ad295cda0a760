"""Color profiles for tests."""

from PIL import ImageCms


def profile(space: bytes = b"RGB ") -> bytes:
    """littleCMS's sRGB of no date, its header changed to say another color space (4 bytes)."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return data[:16] + space + data[20:24] + bytes(12) + data[36:]
