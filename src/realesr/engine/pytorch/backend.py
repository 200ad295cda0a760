"""The PyTorch engine: computes tiles on any device."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext, suppress
from typing import cast

import torch
from torch import Tensor, nn

from realesr.engine.blend import stitch
from realesr.engine.lookahead import pipelined
from realesr.engine.precision import FP32, MIXED, Precision
from realesr.engine.pytorch.strips import in_strips
from realesr.engine.pytorch.tensor import HostCopy, to_pixels, to_tensor
from realesr.engine.tiling import Tile, TileGrid
from realesr.errors import UnsupportedCheckpointError
from realesr.imaging.image import Pixels
from realesr.memory import free_host_bytes
from realesr.models.architecture import NetworkProperties
from realesr.models.networks.base import SRModel
from realesr.progress import Notice, Notify, Progress

GPU_BATCH = 4
"""Number of video frames per batch on a GPU. Not measured yet."""

Network = Callable[[Tensor], Tensor]


class TorchBackend:
    """A :class:`~realesr.engine.backend.Backend` that computes with PyTorch.

    Args:
        model: A module that is an :class:`~realesr.models.networks.base.SRModel`, in float32.
        device: Device of the network.
        precision: Number formats. A tile whose result has NaN or infinity is computed again in
            float32.
        is_compiled: Whether ``torch.compile`` compiles the network, once per tile size.
        batch_tiles: Whether a GPU computes several tiles of the same size as one batch.
    """

    engine = "PyTorch"

    def __init__(
        self,
        model: nn.Module,
        *,
        device: str = "cpu",
        precision: Precision = FP32,
        is_compiled: bool = False,
        batch_tiles: bool = True,
    ) -> None:
        if precision == MIXED and not any(
            True for _ in cast(SRModel, model).low_precision_part.parameters()
        ):
            precision = FP32
        self.device = device
        self.precision = precision
        self._device = torch.device(device)
        self._dtype = getattr(torch, precision.dtype)
        model = model.eval().to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._properties = cast(NetworkProperties, model)
        self._exact = in_strips(model)
        self._network: Network = in_strips(in_precision(model, precision))
        if is_compiled:
            self._network = torch.compile(self._network)
        is_cuda = self._device.type == "cuda"
        self._batch_tiles = batch_tiles
        # Larger batches do not speed up a CPU.
        self.batch_size = 1 if device == "cpu" else GPU_BATCH
        self._lag = 1 if is_cuda else 0
        self._streams = _Streams(self._device) if is_cuda else None

    @property
    def architecture(self) -> NetworkProperties:
        """Scale, size constraints, receptive radius and memory needs of the network."""
        return self._properties

    @torch.inference_mode()
    def upscale_into(
        self, out: Pixels, pixels: Pixels, grid: TileGrid, on_tile: Progress, notify: Notify
    ) -> None:
        """Upscales images tile by tile; see :meth:`realesr.engine.backend.Backend.upscale_into`."""
        streams = self._streams
        is_exact = self.precision == FP32 and self._device.type == "cuda"
        with (
            _EXACT_FLOAT32 if is_exact else nullcontext(),
            nullcontext() if streams is None else torch.cuda.stream(streams.network),
        ):
            pieces = stitch(grid, self.architecture.scale, self._run_tiles(pixels, grid, notify))
            copies = (
                (region, self._copy_to_host(to_pixels(sr, out.dtype))) for region, sr in pieces
            )
            for number, (region, host_copy) in enumerate(pipelined(copies, self._lag), start=1):
                part = out if len(grid) == 1 else out[:, *region.slices]
                part[:] = host_copy.wait().numpy()[:, : part.shape[1], : part.shape[2]]
                on_tile(number, len(grid))

    def is_out_of_memory(self, error: Exception) -> bool:
        """Returns whether an error means that smaller tiles would help.

        The CPU's allocator, cuDNN and cuBLAS raise a bare RuntimeError, oneDNN MemoryError.
        """
        names = ("DefaultCPUAllocator", "ALLOC_FAILED", "out of memory")
        kinds = (torch.OutOfMemoryError, MemoryError)
        return isinstance(error, kinds) or any(name in str(error) for name in names)

    def release(self) -> None:
        """Frees the device memory that PyTorch caches."""
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def free_bytes(self) -> int:
        """Returns the available memory of the device, bytes."""
        return free_bytes(self.device)

    def _run_tiles(self, pixels: Pixels, grid: TileGrid, notify: Notify) -> Iterator[Tensor]:
        """Yields the upscaled padded region of each tile: (N, 3, h * scale, w * scale), float.

        On an asynchronous device, the next batch starts before the last one is checked.

        Raises:
            UnsupportedCheckpointError: The network gives NaN or infinity even in float32.
        """

        def begin(tiles: list[Tile]) -> tuple[list[Tile], Tensor, HostCopy]:
            sr = self._network(self._load(pixels, tiles, self._dtype))
            return tiles, sr, self._copy_to_host(_is_finite(sr))

        count = self.batch_size // len(pixels) if self._batch_tiles else 1
        batches = map(begin, _group_by_size(grid, count))
        for tiles, sr, is_finite in pipelined(batches, self._lag):
            if not is_finite.wait():
                if self.precision != FP32:
                    name = self.precision.name
                    notify(
                        Notice(
                            "precision-raised",
                            f"a tile overflowed in {name} and is done again in PyTorch's float32",
                        )
                    )
                sr = self._exact(self._load(pixels, tiles, torch.float32))
                if not _is_finite(sr):
                    raise UnsupportedCheckpointError(
                        "the network gives values that are not finite even in float32: its weights "
                        "are damaged"
                    )
            yield from torch.split(sr, len(pixels))

    def _load(self, pixels: Pixels, tiles: list[Tile], dtype: torch.dtype) -> Tensor:
        """Returns the input of a batch, (tiles * N, 3, h, w): all images of each tile in turn."""
        parts = [to_tensor(pixels, self._device, dtype, tile.padded) for tile in tiles]
        if len(parts) == 1:
            return parts[0]
        return torch.cat(parts).contiguous(memory_format=torch.channels_last)

    def _copy_to_host(self, values: Tensor) -> HostCopy:
        return HostCopy(values, None if self._streams is None else self._streams.to_host)


def in_precision(exact: nn.Module, precision: Precision) -> nn.Module:
    """Returns a copy of a network in another precision, or the network itself for float32."""
    if precision == FP32:
        return exact
    reduced = copy.deepcopy(exact).to(getattr(torch, precision.dtype))
    cast(SRModel, reduced).low_precision_part.to(getattr(torch, precision.low_precision_dtype))
    return reduced


def free_bytes(device: str) -> int:
    """Returns the available memory of a device, bytes."""
    kind = torch.device(device).type
    if kind == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + cached)
    if kind == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
    return free_host_bytes()


def _group_by_size(tiles: Iterable[Tile], count: int) -> Iterator[list[Tile]]:
    """Yields batches of consecutive tiles of the same size, from 1 to ``count`` tiles each."""
    batch: list[Tile] = []
    for tile in tiles:
        if batch and (len(batch) >= count or tile.padded.size != batch[0].padded.size):
            yield batch
            batch = []
        batch.append(tile)
    yield batch


class _Streams(threading.local):
    """The CUDA streams of a thread: one for the network and one for copies to the host."""

    def __init__(self, device: torch.device) -> None:
        self.network = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self.network.wait_stream(torch.cuda.default_stream(device))  # which copies the weights
        self.to_host = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class _ExactFloat32:
    """Disables TF32 in CUDA convolutions while any thread is inside the context.

    TF32 has no more significant bits than float16.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: bool | None = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                with suppress(RuntimeError):  # the application has set it per kind of layer
                    self._before = torch.backends.cudnn.allow_tf32
                    torch.backends.cudnn.allow_tf32 = False
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and self._before is not None:
                torch.backends.cudnn.allow_tf32 = self._before
                self._before = None


_EXACT_FLOAT32 = _ExactFloat32()


def _is_finite(sr: Tensor) -> Tensor:
    """Returns a boolean scalar: whether all values are finite.

    A sum propagates NaN and infinity, and needs no array of booleans.
    """
    return torch.isfinite(sr.sum(dtype=torch.float32))
