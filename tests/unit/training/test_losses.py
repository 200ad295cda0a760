import cv2
import pytest
import torch
from torch.nn import functional as F

from realesr.errors import InvalidOptionError
from realesr.training.losses import adversarial, pixel
from realesr.training.losses.consistency import Consistency
from realesr.training.losses.ldl import artifact_map, ldl

from support.reference import basicsr


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(2, 3, 48, 48, generator=generator) for _ in range(3)]


def test_pixel_losses_are_those_of_basicsr(images):
    losses = basicsr("losses.basic_loss")
    sr, hr, _ = images
    assert torch.allclose(pixel.l1(sr, hr), losses.L1Loss()(sr, hr))
    assert torch.allclose(pixel.mse(sr, hr), losses.MSELoss()(sr, hr))
    near = hr + 1e-3 * (sr - 0.5)  # where the constant matters
    theirs = losses.CharbonnierLoss(eps=1e-6)
    assert torch.allclose(pixel.charbonnier(sr, hr), theirs(sr, hr))
    assert torch.allclose(pixel.charbonnier(near, hr), theirs(near, hr))


def test_averages_forgive_detail_and_not_color(images):
    sr, _, _ = images
    checker = (torch.arange(48)[:, None] + torch.arange(48)) % 2 * 0.2 - 0.1
    assert pixel.averaged_l1(sr + checker, sr) < 1e-6
    assert pixel.averaged_l1(sr + 0.1, sr).item() == pytest.approx(0.1, abs=1e-6)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_weave_repeats_with_the_pixels_of_the_input(images, scale):
    _, hr, noise = images
    side = torch.arange(48)
    woven = ((side % scale == 0)[:, None] & (side % scale == 0)).float()
    dots = 0.1 * (woven - woven.mean())
    found = pixel.weave(hr + dots, hr, scale).item()
    assert found == pytest.approx(dots.square().mean().item(), rel=1e-4)
    grain = dots.std() * (noise - 0.5) / (noise - 0.5).std()
    assert pixel.weave(hr + grain, hr, scale).item() < 0.05 * found  # as strong, but not woven
    assert pixel.weave(hr + 0.1, hr, scale).item() < 1e-12
    shifted = torch.roll(hr + dots, 1, dims=3)
    assert pixel.weave(shifted, torch.roll(hr, 1, dims=3), scale).item() == pytest.approx(
        found, rel=0.2
    )


def test_consistency_sees_color_and_not_detail(images):
    loss = Consistency()
    gray = torch.full((1, 3, 48, 48), 0.5)
    detail = gray + ((torch.arange(48)[:, None] + torch.arange(48)) % 2 * 0.04 - 0.02)
    tinted = gray + torch.tensor([0.02, 0.0, -0.02]).reshape(1, 3, 1, 1)
    brighter = gray + 0.02
    assert loss(gray, gray) == 0
    assert loss(detail, gray) < 0.05 * loss(tinted, gray)
    assert loss(brighter, gray) > 0
    only_chroma = Consistency(luma_weight=0.0)
    assert only_chroma(brighter, gray) < 0.05 * only_chroma(tinted, gray)


def test_lightness_and_chroma_are_those_of_the_standards():
    """CIE L* of mid gray, and Oklab of pure red (Ottosson's table: a 0.225, b 0.126)."""
    loss = Consistency()
    gray = torch.full((1, 3, 24, 24), 119 / 255)
    lightness, chroma = loss._perceived(gray)
    assert lightness.mean().item() == pytest.approx(0.5003, abs=2e-3)
    assert chroma.abs().max() < 1e-3
    red = torch.zeros(1, 3, 24, 24)
    red[:, 0] = 1
    _, chroma = loss._perceived(red)
    assert chroma.mean((0, 2, 3)).tolist() == pytest.approx([0.2249, 0.1258], abs=2e-3)


def test_dark_values_are_on_the_straight_parts_of_both_curves():
    """sRGB is v / 12.92 up to 0.04045 (IEC 61966-2-1), L* 903.3 Y up to 0.008856 (CIE 15)."""
    lightness, _ = Consistency()._perceived(torch.full((1, 3, 4, 4), 0.02))
    assert lightness.mean().item() == pytest.approx(9.033 * 0.02 / 12.92, rel=1e-4)


def test_the_blur_is_that_of_opencv(images):
    sr, _, _ = images
    found = Consistency()._blurred(sr)[0].permute(1, 2, 0).numpy()
    image = sr[0].permute(1, 2, 0).contiguous().numpy()
    expected = cv2.GaussianBlur(image, (21, 21), 3.0, borderType=cv2.BORDER_REFLECT_101)
    assert found == pytest.approx(expected, abs=1e-5)


def test_weights_multiply_lightness_and_chroma():
    """Against black: L* of mid gray, and the mean of |a| and |b| of Oklab's red."""
    black, gray, red = torch.zeros(3, 1, 3, 24, 24)
    gray += 119 / 255
    red[:, 0] = 1
    assert Consistency()(gray, black).item() == pytest.approx(0.5003, abs=2e-3)
    only_luma = Consistency(luma_weight=2.0, chroma_weight=0.0)
    assert only_luma(gray, black).item() == pytest.approx(2 * 0.5003, abs=4e-3)
    only_chroma = Consistency(luma_weight=0.0, chroma_weight=3.0)
    assert only_chroma(red, black).item() == pytest.approx(3 * 0.1753, abs=6e-3)


@pytest.mark.parametrize("value", [0.0, 1e-9, -0.2, 1.0, 1.3])
def test_consistency_has_small_gradients_everywhere(value):
    """A bare cube root's gradient is above 100 at 1e-9; that at mid gray is below 0.01."""
    sr = torch.full((1, 3, 24, 24), value, requires_grad=True)
    tinted = torch.tensor([0.6, 0.5, 0.2]).reshape(1, 3, 1, 1).expand_as(sr)
    Consistency()(sr, tinted).backward()
    assert torch.isfinite(sr.grad).all()
    assert 0 < sr.grad.abs().max() < 0.1


def test_the_artifact_map_is_that_of_basicsr(images):
    reference = basicsr("losses.loss_util")
    sr, hr, average = images
    theirs = reference.get_refined_artifact_map(hr, sr, average, 7)
    assert torch.allclose(artifact_map(sr, hr, average), theirs, rtol=1e-4, atol=1e-6)
    sr.requires_grad_()
    loss = ldl(sr, hr, average)
    expected = basicsr("losses.basic_loss").L1Loss()(theirs * sr, theirs * hr)
    assert torch.allclose(loss, expected, rtol=1e-4)
    loss.backward()
    assert sr.grad.abs().sum() > 0


@pytest.mark.parametrize("mode", ["vanilla", "lsgan", "hinge"])
def test_adversarial_losses_are_those_of_basicsr(mode):
    reference = basicsr("losses.gan_loss")
    theirs = reference.GANLoss(mode, loss_weight=1.0)
    generator = torch.Generator().manual_seed(1)
    fake, real = (2 * torch.randn(3, 1, 5, 5, generator=generator) for _ in range(2))
    assert torch.allclose(adversarial.generator_loss(mode, fake), theirs(fake, True))
    expected = theirs(real, True, is_disc=True) + theirs(fake, False, is_disc=True)
    assert torch.allclose(adversarial.discriminator_loss(mode, fake, real), expected)


def test_the_relativistic_loss_is_that_of_esrgan():
    """Equations 1 and 2, written out with probabilities."""
    generator = torch.Generator().manual_seed(1)
    fake, real = (torch.randn(4, generator=generator) for _ in range(2))
    real_is_more = torch.sigmoid(real - fake.mean())
    fake_is_more = torch.sigmoid(fake - real.mean())
    discriminator = -(real_is_more.log().mean() + (1 - fake_is_more).log().mean()) / 2
    generator_ = -((1 - real_is_more).log().mean() + fake_is_more.log().mean()) / 2
    found = adversarial.discriminator_loss("relativistic", fake, real)
    assert torch.allclose(found, discriminator)
    assert torch.allclose(adversarial.generator_loss("relativistic", fake, real), generator_)
    with pytest.raises(ValueError, match="real images"):
        adversarial.generator_loss("relativistic", fake)


def test_unknown_modes_are_named():
    with pytest.raises(InvalidOptionError, match="'wgan': must be one of vanilla"):
        adversarial.generator_loss("wgan", torch.zeros(1))
    with pytest.raises(InvalidOptionError, match="'wgan'"):
        adversarial.discriminator_loss("wgan", torch.zeros(1), torch.zeros(1))


def test_losses_are_float32_under_autocast(images):
    sr, hr, average = images
    low = sr.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = [
            pixel.charbonnier(low, hr),
            Consistency()(low, hr),
            ldl(low, hr, average),
            adversarial.generator_loss("vanilla", F.avg_pool2d(low, 8)),
        ]
    assert all(each.dtype == torch.float32 for each in found)


def test_consistency_sees_under_autocast_what_bfloat16_cannot_hold():
    """Around 0.5 sRGB, L* / 100 rises by 1.0005 a unit; bfloat16's next value is 0.0039 away."""
    gray = torch.full((1, 3, 24, 24), 0.5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = Consistency(chroma_weight=0.0)(gray + 1e-3, gray)
    assert found.item() == pytest.approx(1.0005e-3, rel=0.01)
