"""Adversarial losses on the discriminator's logits.

``vanilla``: Goodfellow et al., 2014, with the non-saturating generator. ``lsgan``: Mao et al.,
2017. ``hinge``: Lim and Ye, 2017. ``relativistic``: Jolicoeur-Martineau, 2018, averaged, as in
ESRGAN (Wang et al., 2018, eq. 1 and 2).
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from realesr.errors import InvalidOptionError

MODES = ("vanilla", "lsgan", "hinge", "relativistic")


def generator_loss(mode: str, fake: Tensor, real: Tensor | None = None) -> Tensor:
    """Returns the generator's loss, a scalar: small where generated images pass for real ones.

    ``relativistic`` differentiates through both means; basicsr's ESRGAN detaches them.

    Args:
        mode: One of :data:`MODES`.
        fake: Logits of generated images.
        real: Logits of real images; only ``relativistic`` needs them.

    Raises:
        InvalidOptionError: The mode is unknown.
        ValueError: ``real`` is needed and missing.
    """
    fake = fake.float()
    if mode == "vanilla":
        return F.softplus(-fake).mean()
    if mode == "lsgan":
        return (fake - 1).square().mean()
    if mode == "hinge":
        return -fake.mean()
    _check(mode)
    if real is None:
        raise ValueError("the relativistic loss needs the logits of real images")
    real = real.float()
    return 0.5 * (F.softplus(real - fake.mean()).mean() + F.softplus(real.mean() - fake).mean())


def discriminator_loss(mode: str, fake: Tensor, real: Tensor) -> Tensor:
    """Returns the discriminator's loss, a scalar: the sum of its parts on real and fake images.

    ``relativistic`` takes the mean of both parts, as ESRGAN does.

    Args:
        mode: One of :data:`MODES`.
        fake: Logits of generated images.
        real: Logits of real images.

    Raises:
        InvalidOptionError: The mode is unknown.
    """
    fake, real = fake.float(), real.float()
    if mode == "vanilla":
        return F.softplus(-real).mean() + F.softplus(fake).mean()
    if mode == "lsgan":
        return (real - 1).square().mean() + fake.square().mean()
    if mode == "hinge":
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    _check(mode)
    return 0.5 * (F.softplus(fake.mean() - real).mean() + F.softplus(fake - real.mean()).mean())


def _check(mode: str) -> None:
    if mode not in MODES:
        raise InvalidOptionError(f"losses.gan.mode = {mode!r}: must be one of {', '.join(MODES)}")
