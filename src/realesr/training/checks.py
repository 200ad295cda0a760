"""Whether the parts of a recipe fit each other: told before the first step."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from realesr.errors import InvalidOptionError
from realesr.models.architecture import COLORS
from realesr.perceptual.judge import PYRAMID_MIN_PX
from realesr.training.losses.consistency import KERNEL_SIZE
from realesr.training.losses.pixel import AREA_SIZE
from realesr.training.recipe import Recipe

FEATURE_LOSSES = "squeezenet", "efficientnet", "texture", "vgg", "srgan_vgg"
"""Losses on the features of a network."""
COLOR_LOSSES = "consistency", *FEATURE_LOSSES, "gan"
"""Losses that are computed on RGB."""

_LEAST_PX = {
    **dict.fromkeys(FEATURE_LOSSES, PYRAMID_MIN_PX),
    "averaged_l1": AREA_SIZE,
    "consistency": KERNEL_SIZE // 2 + 1,
}
"""Shortest side of a clean patch for each loss, px; images for features are shifted, too."""


def check_network(recipe: Recipe, generator: nn.Module) -> None:
    """Checks that a network takes the patches of a recipe, and that it and they suit the losses.

    Raises:
        InvalidOptionError: Patches are too small, or have a side that the network does not take; or
            a loss needs colors, and the network has one channel.
    """
    _check_patches(recipe)
    _check_multiple(recipe, "the network", getattr(generator, "multiple_of", 1))
    if getattr(generator, "channels", COLORS) == COLORS:
        return
    for name in COLOR_LOSSES:
        if getattr(recipe.losses, name) is not None:
            raise InvalidOptionError(
                f"losses.{name} needs colors, and the network has one channel, the luma: "
                "set generator.parameters.channels to 3, or take l1, mse or charbonnier"
            )


def check_teacher(recipe: Recipe, path: Path, *, scale: int, multiple_of: int = 1) -> None:
    """Checks that a teacher has the scale of a recipe, and takes its patches.

    Args:
        recipe: The recipe.
        path: The teacher's weights.
        scale: The teacher's scale.
        multiple_of: Number of px of which sides of its input must be multiples.

    Raises:
        InvalidOptionError: That is not so.
    """
    if scale != recipe.scale:
        raise InvalidOptionError(
            f"teacher.model: {path} has a scale of {scale}, the recipe one of {recipe.scale}: name "
            "a teacher of the same scale"
        )
    _check_multiple(recipe, "the teacher", multiple_of)


def _check_multiple(recipe: Recipe, name: str, multiple: int) -> None:
    if recipe.data.lr_size % multiple:
        raise InvalidOptionError(
            f"data.lr_size = {recipe.data.lr_size}: must be a multiple of {multiple} for {name}"
        )


def _check_patches(recipe: Recipe) -> None:
    side, scale = recipe.data.lr_size, recipe.scale
    for loss, least in _LEAST_PX.items():
        if getattr(recipe.losses, loss) is not None and side * scale < least:
            raise InvalidOptionError(
                f"data.lr_size = {side}: losses.{loss} needs patches of {least} px; set it to "
                f"{-(-least // scale)} or more"
            )
