import numpy as np
import pytest

from realesr.degradation import kernels

from support.reference import basicsr

SIZES = [7, 13, 21]


def theirs(name, *args):
    return getattr(basicsr("data.degradations"), name)(*args)


def family_of_theirs(name, *args):
    """The last two arguments: no precomputed grid, not isotropic."""
    return theirs(name, *args, None, False)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("angle", [0.0, 0.7, -2.0])
def test_gaussian_families_equal_basicsr(size, angle):
    sigmas = (2.1, 0.6)
    ours = kernels.generalized_gaussian(size, *sigmas, angle)
    expected = family_of_theirs("bivariate_Gaussian", size, *sigmas, angle)
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    for shape in (0.6, 3.0):
        ours = kernels.generalized_gaussian(size, *sigmas, angle, shape)
        expected = theirs(
            "bivariate_generalized_Gaussian", size, *sigmas, angle, shape, None, False
        )
        np.testing.assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_plateau_equals_basicsr(size):
    ours = kernels.plateau(size, 1.5, 0.9, 0.4, 1.7)
    expected = family_of_theirs("bivariate_plateau", size, 1.5, 0.9, 0.4, 1.7)
    np.testing.assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cutoff", [np.pi / 5, 2.0, np.pi])
def test_sinc_equals_basicsr(size, cutoff):
    expected = theirs("circular_lowpass_kernel", cutoff, size, 0)
    np.testing.assert_allclose(kernels.sinc(size, cutoff), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("ours", "name", "values"),
    [
        (kernels.generalized_gaussian, "bivariate_Gaussian", (2.1, 0.6, 0.7)),
        (kernels.generalized_gaussian, "bivariate_generalized_Gaussian", (2.1, 0.6, 0.7, 3.0)),
        (kernels.plateau, "bivariate_plateau", (1.5, 0.9, 0.4, 1.7)),
        (lambda size, cutoff: kernels.sinc(size, cutoff), "sinc", (2.0,)),
    ],
    ids=["Gaussian", "generalized", "plateau", "sinc"],
)
def test_one_percent_of_any_parameter_is_noticed(ours, name, values):
    """The comparisons above can fail."""
    if name == "sinc":
        expected = theirs("circular_lowpass_kernel", *values, 13, 0)
    else:
        expected = family_of_theirs(name, 13, *values)
    np.testing.assert_allclose(ours(13, *values), expected, atol=1e-6)
    for index, value in enumerate(values):
        changed = (*values[:index], value * 1.01, *values[index + 1 :])
        with pytest.raises(AssertionError):
            np.testing.assert_allclose(ours(13, *changed), expected, atol=1e-6)


def test_the_bessel_function_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    values = np.linspace(0, 50, 501)
    expected = torch.special.bessel_j1(torch.from_numpy(values)).numpy()
    np.testing.assert_allclose(kernels._bessel_j1(values), expected, atol=1e-6)


@pytest.mark.parametrize(
    "kernel",
    [
        kernels.generalized_gaussian(9, 0.2, 3.0, 1.0),
        kernels.generalized_gaussian(21, 3.0, 3.0, 0.0, 0.5),
        kernels.plateau(7, 0.3, 2.0, 0.1, 2.0),
        kernels.sinc(15, 1.0),
    ],
)
def test_kernels_sum_to_one_and_are_point_symmetric(kernel):
    assert kernel.dtype == np.float32
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-6)


@pytest.mark.parametrize("size", [0, 8, -3])
def test_even_sizes_are_refused(size):
    with pytest.raises(ValueError, match="odd"):
        kernels.sinc(size, 1.0)
