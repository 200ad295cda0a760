"""Training images, decoded when they are needed.

Data sets of tens of gigabytes do not fit into memory. A store holds only an index, and each worker
a small cache of decoded images.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from realesr.degradation.operations import from_levels, quantize, unsharp_mask
from realesr.media.images.index import CleanImage, Entry, read_entry
from realesr.training.grain import without_grain


class ImageStore:
    """Decodes images of an index, and caches the most recently used ones.

    Args:
        entries: The index.
        cache_bytes: Size of the cache of decoded images, bytes.
        sharpen: Whether images are sharpened by unsharp masking (Real-ESRGAN, section 3.4).
        degrain: Whether grain is removed from even areas.
    """

    def __init__(
        self, entries: Sequence[Entry], *, cache_bytes: int, sharpen: bool, degrain: bool = False
    ) -> None:
        self.entries = tuple(entries)
        self._cache: OrderedDict[int, CleanImage] = OrderedDict()
        self._cached_bytes = 0
        self._limit = cache_bytes
        self._sharpen = sharpen
        self._degrain = degrain

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> CleanImage:
        """Returns an image, (H, W, 3) uint8 RGB.

        Raises:
            UnreadableMediaError: The file has vanished or is damaged.
        """
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        image = read_entry(self.entries[index])
        if self._degrain:
            image = without_grain(image)
        if self._sharpen:
            image = quantize(unsharp_mask(from_levels(image)))
        self._cache[index] = image
        self._cached_bytes += image.nbytes
        while self._cached_bytes > self._limit and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._cached_bytes -= dropped.nbytes
        return image
