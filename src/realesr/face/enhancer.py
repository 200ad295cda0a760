"""Restoration of faces in upscaled images."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from realesr.errors import RealesrError, UnwritableMediaError
from realesr.face.alignment import (
    SIDE,
    Mask,
    Matrix,
    alignment,
    crop_face,
    full_frame_matrix,
    paste_face,
)
from realesr.face.detection import Detector, Face
from realesr.face.tracking import Tracker
from realesr.geometry import Size
from realesr.imaging.depth import convert_depth
from realesr.imaging.image import Image, Pixels
from realesr.imaging.upscaler import Description, ImageUpscaler
from realesr.options import FaceOptions
from realesr.progress import Notify, Progress, no_notice, no_progress
from realesr.reasons import reason_of

PREROLL_FRAMES = 12
"""Frames before a segment of a video that the tracker sees: twice what a face takes to fade."""
TRACKED_CONFIDENCE_MARGIN = 0.2
"""Amount by which the score of a face that is already tracked may be lower, 0 to 1."""

Restore = Callable[[Sequence[Pixels]], list[Pixels]]
"""A function that restores aligned faces, (SIDE, SIDE, 3) uint8 RGB each."""
Parse = Callable[[Sequence[Pixels]], list[Mask]]
"""A function that returns a mask for each aligned face."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Position of an aligned face in an image, and its visibility from 0 to 1."""

    matrix: Matrix
    visibility: float


class FaceEnhancer:
    """Upscaler that restores faces in the results of another upscaler.

    Args:
        upscaler: The upscaler of the images.
        options: Options of detection, blending and reporting.
        restore: Restores aligned faces.
        detector: Detects faces; None if every image is an aligned face.
        parse: Finds the pixels of a restored face that are pasted; None for all pixels.
        batch: Number of faces per call of the networks.

    Raises:
        UnwritableMediaError: The report cannot be written.
    """

    def __init__(
        self,
        upscaler: ImageUpscaler,
        options: FaceOptions,
        *,
        restore: Restore,
        detector: Detector | None,
        parse: Parse | None,
        batch: int = 1,
    ) -> None:
        self._upscaler = upscaler
        self._options = options
        self._detector = detector
        self._restore = restore
        self._parse = parse
        self._batch = batch
        self._source = Path()
        self._tracker: Tracker | None = None
        self._frames = 0
        if options.report is not None:
            _append(options.report, "", mode="w")

    @property
    def scale(self) -> int:
        """Output px per input px of the underlying upscaler."""
        return self._upscaler.scale

    @property
    def batch_size(self) -> int:
        """Largest useful batch of the underlying upscaler."""
        return self._upscaler.batch_size

    @property
    def description(self) -> Description:
        """Description of the underlying upscaler."""
        return self._upscaler.description

    @property
    def preroll(self) -> int:
        """Number of frames after which tracks hardly depend on earlier ones."""
        return 0 if self._detector is None else PREROLL_FRAMES

    def session(self, source: Path, *, is_video: bool) -> Self:
        """Returns an enhancer that tracks the faces of one job."""
        other = copy(self)
        other._upscaler = self._upscaler.session(source, is_video=is_video)
        other._source = source
        other._frames = 0
        other._tracker = None
        if is_video and self._detector is not None:
            other._tracker = Tracker(_confidence(self._detector, self._options))
        return other

    def upscale_to(
        self,
        images: Sequence[Image],
        size: Size,
        *,
        on_tile: Progress = no_progress,
        notify: Notify = no_notice,
    ) -> list[Image]:
        """Upscales images, then pastes restored faces at the final size and in the images' depth.

        Args:
            images: Images of one size and depth.
            size: Size of the results, px.
            on_tile: Called after every tile.
            notify: Receives a sentence for everything that is done differently.

        Raises:
            UnwritableMediaError: The report cannot be written.
            RealesrError: The underlying upscaler fails.
        """
        results = self._upscaler.upscale_to(images, size, on_tile=on_tile, notify=notify)
        uint8_images = [convert_depth(image.pixels, np.dtype(np.uint8)) for image in images]
        places = [self._places(pixels) for pixels in uint8_images]
        results = [
            replace(result, pixels=result.pixels.copy())
            if not result.pixels.flags.writeable or np.may_share_memory(result.pixels, image.pixels)
            else result
            for result, image in zip(results, images, strict=True)
        ]  # an upscaler may return the image itself, or a view of it
        work = [
            (result, image, place, crop_face(pixels, place.matrix))
            for result, image, pixels, found in zip(
                results, images, uint8_images, places, strict=True
            )
            for place in found
        ]
        for start in range(0, len(work), self._batch):
            part = work[start : start + self._batch]
            restored = self._restore([view for *_, view in part])
            for (result, image, place, _), face, mask in zip(
                part, restored, self._masks(restored), strict=True
            ):
                if image.is_gray:
                    gray = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
                    face = np.repeat(gray[..., None], 3, axis=2)
                share = np.float32(self._options.weight * place.visibility)
                scale = size.width / image.size.width, size.height / image.size.height
                paste_face(result.pixels, face, mask * share, place.matrix, scale)
        return results

    def _masks(self, restored: list[Pixels]) -> list[Mask]:
        if self._parse is None:
            return [np.ones((SIDE, SIDE), np.float32) for _ in restored]
        return self._parse(restored)

    def _places(self, pixels: Pixels) -> list[_Place]:
        height, width = pixels.shape[:2]
        if self._detector is None:
            return [_Place(full_frame_matrix(width, height), 1.0)]
        places, described = [], []
        for face, visibility in self._find(self._detector, pixels):
            try:
                places.append(_Place(alignment(face.landmarks), visibility))
            except RealesrError:  # the face cannot be aligned
                continue
            described.append(_described(face))
        if self._options.report is not None:
            line = {"input": str(self._source), "frame": self._frames, "faces": described}
            _append(self._options.report, json.dumps(line) + "\n")
        self._frames += 1
        return places

    def _find(self, detector: Detector, pixels: Pixels) -> list[tuple[Face, float]]:
        """Detects the faces to restore, each with its visibility."""
        confidence = _confidence(detector, self._options)
        if self._tracker is None:
            found = [(face, 1.0) for face in detector(pixels, confidence)]
        else:
            found = self._tracker(
                pixels, detector(pixels, max(0.0, confidence - TRACKED_CONFIDENCE_MARGIN))
            )
        found = [pair for pair in found if pair[0].side >= self._options.min_size]
        if self._options.only_center and found:
            height, width = pixels.shape[:2]
            found = [
                min(found, key=lambda pair: math.dist(pair[0].center, (width / 2, height / 2)))
            ]
        return found


def _confidence(detector: Detector, options: FaceOptions) -> float:
    """Returns the smallest score of a face: the option, or the detector's default."""
    return detector.confidence if options.confidence is None else options.confidence


def _append(path: Path, text: str, mode: str = "a") -> None:
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UnwritableMediaError(f"`report` {path}: {reason_of(error)}") from error


def _described(face: Face) -> dict[str, object]:
    return {
        "box": [round(side, 1) for side in face.box],
        "score": round(face.score, 4),
        "landmarks": face.landmarks.round(1).tolist(),
    }
