"""Results of models, kept in a folder: what has not changed is not upscaled again."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np

from realesr.engine.memory import keep_freed_memory
from realesr.evaluation.models import Model, find_models
from realesr.evaluation.options import EvaluationOptions
from realesr.imaging.image import Image
from realesr.imaging.upscaler import ImageUpscaler
from realesr.loading.build import make_upscaler

SCALE = 4


class Results:
    """Upscales by models, or takes the result from the folder.

    Kept results are found by weights and input; remove the folder if the code has changed.

    Args:
        models: Names of the catalog, files, plain filters, and blends like ``0.5*A+0.5*B``.
        folder: Where results are kept.
        threads: Number of CPU threads.
    """

    def __init__(self, models: list[str], folder: Path, threads: int = 1) -> None:
        options = EvaluationOptions(  # of which only the models count
            sets=(folder / "none",), models=tuple(models), output=folder, threads=threads
        )
        found = find_models(options, downloading=lambda _: nullcontext(), notify=lambda _: None)
        self._models = {model.name: model for model in found}
        self._loaded: dict[str, list[tuple[ImageUpscaler, float]]] = {}
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        keep_freed_memory()

    @property
    def names(self) -> list[str]:
        """Names of the models."""
        return list(self._models)

    def __call__(self, name: str, lr: np.ndarray, is_gray: bool | None = None) -> np.ndarray:
        """Upscales an image.

        Args:
            name: Name of the model.
            lr: (h, w, 3) RGB, uint8 or uint16.
            is_gray: Whether it is a gray image, of which only luma is kept; None to look.

        Returns:
            (4 h, 4 w, 3) of the same dtype.
        """
        model = self._models[name]
        if is_gray is None:
            is_gray = bool((lr == lr[..., :1]).all())
        words = f"{model.identity} {lr.shape} {lr.dtype} {is_gray}".encode()
        key = hashlib.sha256(words + np.ascontiguousarray(lr).tobytes()).hexdigest()[:24]
        path = self._folder / f"{key}.png"
        if path.is_file():
            return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1]
        result = self._upscale(model, lr, is_gray)
        partial = self._folder / f".{key}.png"
        cv2.imwrite(str(partial), result[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        partial.replace(path)
        return result

    def _upscale(self, model: Model, lr: np.ndarray, is_gray: bool) -> np.ndarray:
        if model.name not in self._loaded:
            self._loaded[model.name] = [
                (make_upscaler(part.options, part.files), part.share) for part in model.parts
            ]
        image = Image(np.ascontiguousarray(lr), is_gray=is_gray)
        size = image.size.scaled(SCALE)
        total = np.zeros((size.height, size.width, 3))
        for upscaler, share in self._loaded[model.name]:
            total += share * upscaler.upscale_to([image], size)[0].pixels
        return np.clip(np.rint(total), 0, np.iinfo(lr.dtype).max).astype(lr.dtype)
