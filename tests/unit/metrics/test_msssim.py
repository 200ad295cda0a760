import cv2
import numpy as np
import pytest

from realesr.metrics.msssim import EXPONENTS, ms_ssim
from realesr.metrics.psnr import luma

from support.images import textured_pair


@pytest.fixture(scope="module")
def pair():
    return textured_pair(180, 196)


def torchmetrics_value(first, second):
    """The gray planes' value by torchmetrics, in 8-bit levels."""
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional.image")
    planes = (torch.from_numpy(np.ascontiguousarray(p))[None, None] for p in (first, second))
    measure = functional.multiscale_structural_similarity_index_measure
    return float(measure(*planes, data_range=255.0))


@pytest.mark.slow  # importing torchmetrics takes seconds
def test_it_is_that_of_torchmetrics(pair):
    expected = torchmetrics_value(*map(luma, pair))
    assert ms_ssim(*pair) == pytest.approx(expected, abs=1e-4)


def second_formulation(first, second):
    """Wang, Simoncelli and Bovik's equation 7 with plain sums over each window."""
    line = np.exp(-0.5 * ((np.arange(11) - 5) / 1.5) ** 2)
    window = np.outer(line, line) / line.sum() ** 2
    value = 1.0
    for scale, exponent in enumerate(EXPONENTS):
        views = [np.lib.stride_tricks.sliding_window_view(p, (11, 11)) for p in (first, second)]
        means = [np.einsum("hwij,ij->hw", v, window) for v in views]
        centered = [v - m[..., None, None] for v, m in zip(views, means, strict=True)]
        deviations = [np.einsum("hwij,ij->hw", c**2, window) for c in centered]
        shared = np.einsum("hwij,ij->hw", centered[0] * centered[1], window)
        similarity = (2 * shared + 58.5225) / (sum(deviations) + 58.5225)
        if scale == len(EXPONENTS) - 1:
            similarity = similarity * (
                (2 * means[0] * means[1] + 6.5025) / (means[0] ** 2 + means[1] ** 2 + 6.5025)
            )
        value *= np.mean(similarity) ** exponent
        size = tuple(side // 2 for side in first.shape[::-1])
        even = [p[: 2 * size[1], : 2 * size[0]] for p in (first, second)]
        first, second = (cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in even)
    return value


def test_it_is_that_of_the_paper(pair):
    assert ms_ssim(*pair) == pytest.approx(second_formulation(*map(luma, pair)), abs=1e-6)


def test_the_comparison_can_fail(pair, monkeypatch):
    monkeypatch.setattr("realesr.metrics.msssim.EXPONENTS", (0.05, *EXPONENTS[1:]))
    expected = second_formulation(*map(luma, pair))
    assert abs(ms_ssim(*pair) - expected) > 1e-5


def test_equal_images_inverted_images_and_depths(pair):
    first, second = pair
    assert ms_ssim(first, first) == 1
    assert ms_ssim(first, 255 - first) == 0
    deep = [each.astype(np.uint16) * 257 for each in pair]
    assert ms_ssim(*deep) == pytest.approx(ms_ssim(first, second), abs=1e-6)
    grays = [ms_ssim(first[..., c], second[..., c]) for c in range(3)]
    assert ms_ssim(first, second, channel="rgb") == pytest.approx(np.mean(grays))


def test_small_images_are_refused(pair):
    first = pair[0][:180]
    assert ms_ssim(first, first, crop=2) == 1
    with pytest.raises(ValueError, match=r"\(174, 190\) px after a crop of 3 px.*176"):
        ms_ssim(first, first, crop=3)
