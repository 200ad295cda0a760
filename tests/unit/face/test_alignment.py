import cv2
import numpy as np
import pytest

from realesr.errors import RealesrError
from realesr.face.alignment import (
    OUTSIDE,
    SIDE,
    TEMPLATE,
    alignment,
    crop_face,
    full_frame_matrix,
    paste_face,
)
from realesr.face.networks import feathered


def smooth_image(width, height, dtype=np.uint8):
    """Gradients and soft blobs: what a warp and back must keep nearly exactly."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    channels = [
        x / width,
        y / height,
        0.5 + 0.25 * np.sin(x / 29) + 0.25 * np.cos(y / 23),
    ]
    return np.rint(np.stack(channels, -1) * np.iinfo(dtype).max).astype(dtype)


def placed(angle, scale, x, y):
    """Landmarks of a face turned by degrees, so many times the template's size, centred there."""
    turn = np.deg2rad(angle)
    matrix = scale * np.array([(np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))])
    return (TEMPLATE - TEMPLATE.mean(0)) @ matrix.T + (x, y)


@pytest.mark.parametrize(("angle", "scale"), [(0, 1), (30, 0.3), (-75, 2.5), (180, 0.1)])
def test_landmarks_come_to_their_places(angle, scale):
    landmarks = placed(angle, scale, 300, 200)
    matrix = alignment(landmarks)
    assert landmarks @ matrix[:, :2].T + matrix[:, 2] == pytest.approx(TEMPLATE, abs=1e-2)


def test_one_landmark_that_is_off_does_not_turn_the_face():
    landmarks = placed(10, 0.5, 300, 200)
    expected = alignment(landmarks)
    landmarks[2] += (25, -18)
    assert alignment(landmarks) == pytest.approx(expected, abs=1e-2)


def test_landmarks_in_one_place_are_refused():
    with pytest.raises(RealesrError, match="one place"):
        alignment(np.full((5, 2), 7.0))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("upscaled", [1, 2, 4])
@pytest.mark.parametrize(
    ("angle", "scale"), [(0, 1), (20, 0.6), (-50, 0.25), (5, 1.7)], ids=lambda v: str(v)
)
def test_a_face_that_nobody_changed_goes_back_where_it_was(dtype, upscaled, angle, scale):
    """The identity as restorer: outside the mask not a bit changes, inside a level at most."""
    image = smooth_image(640, 520)
    matrix = alignment(placed(angle, scale, 330, 250))
    view = crop_face(image, matrix)
    size = (640 * upscaled, 520 * upscaled)
    background = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    result = background.astype(dtype) * (257 if dtype == np.uint16 else 1)
    before = result.copy()
    mask = feathered(np.ones((SIDE, SIDE), bool))
    paste_face(result, view, mask, matrix, (upscaled, upscaled))
    level = 257 if dtype == np.uint16 else 1
    # Where the aligned face shows something of the image, and not the gray around it:
    y, x = np.mgrid[: size[1], : size[0]]
    places = np.stack(((x + 0.5) / upscaled - 0.5, (y + 0.5) / upscaled - 0.5), -1)
    aligned = places @ matrix[:, :2].T + matrix[:, 2]
    is_inside = ((aligned > -1) & (aligned < SIDE)).all(-1)
    assert (result[~is_inside] == before[~is_inside]).all()
    difference = abs(result.astype(int) - before.astype(int))
    inner = slice(20 * upscaled, -20 * upscaled)
    assert difference[inner, inner].max() <= 2 * level  # one of the trip, one of the background
    assert difference[inner, inner].mean() < 0.4 * level


def test_a_face_really_goes_in_and_fades_out():
    result = np.zeros((400, 500, 3), np.uint8)
    matrix = alignment(placed(15, 0.5, 250, 200))
    white = np.full((SIDE, SIDE, 3), 255, np.uint8)
    paste_face(result, white, feathered(np.ones((SIDE, SIDE), bool)), matrix, (1, 1))
    assert (result[200, 250] == 255).all()
    assert (result[0, 0] == 0).all()
    steps = abs(np.diff(result[..., 0].astype(int), axis=0))
    assert steps.max() < 40, "no seam"


def test_half_of_a_mask_takes_half_of_a_face():
    result = np.full((64, 64, 3), 100, np.uint8)
    face = np.full((SIDE, SIDE, 3), 200, np.uint8)
    paste_face(
        result, face, np.full((SIDE, SIDE), 0.5, np.float32), full_frame_matrix(64, 64), (1, 1)
    )
    assert (result == 150).all()


def test_what_lies_outside_the_image_is_gray_and_harmless():
    image = smooth_image(80, 60)
    matrix = alignment(placed(0, 0.2, 2, 3))
    view = crop_face(image, matrix)
    assert (view[0, 0] == OUTSIDE).all()
    result = image.copy()
    paste_face(result, view, feathered(np.ones((SIDE, SIDE), bool)), matrix, (1, 1))
    far = alignment(placed(0, 0.2, -500, -500))
    assert (crop_face(image, far) == OUTSIDE).all()
    paste_face(result, view, np.ones((SIDE, SIDE), np.float32), far, (1, 1))


def test_gray_does_not_mix_into_the_border_of_the_image():
    image = np.full((120, 160, 3), 250, np.uint8)
    matrix = alignment(placed(10, 0.3, 20, 60))
    result = cv2.resize(image, (640, 480))
    mask = feathered(np.ones((SIDE, SIDE), bool))
    paste_face(result, crop_face(image, matrix), mask, matrix, (4, 4))
    assert result.min() >= 249


def test_a_large_face_is_reduced_without_aliasing():
    stripes = np.zeros((2048, 2048, 3), np.uint8)
    stripes[:, ::2] = 255
    view = crop_face(stripes, full_frame_matrix(2048, 2048))
    assert abs(view.astype(int) - 128).max() <= 2


def test_a_image_that_is_a_face_is_stretched_to_the_square_and_back():
    image = smooth_image(300, 200)
    matrix = full_frame_matrix(300, 200)
    result = image.copy()
    paste_face(result, crop_face(image, matrix), np.ones((SIDE, SIDE), np.float32), matrix, (1, 1))
    assert abs(result.astype(int) - image)[5:-5, 5:-5].max() <= 2


def test_the_mask_is_soft_and_ends_before_the_square_does():
    mask = feathered(np.ones((SIDE, SIDE), bool))
    assert mask[SIDE // 2, SIDE // 2] == 1
    assert not mask[:10].any()
    assert not mask[:, -10:].any()
    assert abs(np.diff(mask, axis=0)).max() < 0.06
    assert not feathered(np.zeros((SIDE, SIDE), bool)).any()
