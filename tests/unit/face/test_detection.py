"""Real detectors on real faces, and what they are told."""

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from realesr.errors import UnsupportedCheckpointError
from realesr.face import detection
from realesr.face.alignment import alignment
from realesr.face.detection import Face, YuNetDetector, load_detector
from realesr.media.images.decode import read_image

from support.faces import needs_extra
from support.networks import random_image
from support.paths import shared

CPU = "cpu"
DETECTORS = [
    pytest.param("retinaface_mobilenet0.25_Final.pth", marks=needs_extra("facexlib")),
    "yunet_n_dynamic.onnx",
]


@pytest.fixture(params=DETECTORS)
def detector(request):
    made = load_detector(shared(f"weights/face/{request.param}"), CPU)
    if "retinaface" in request.param:
        # An early file of Pytorch_Retinaface: trained with plain ReLU, where later ones leak.
        for module in made._network.modules():
            if isinstance(module, nn.LeakyReLU):
                module.negative_slope = 0.0
    return made


def image_of(name):
    return read_image(shared(f"eval/real_faces/{name}.png")).pixels


def only(faces):
    (face,) = faces
    return face


def middle(face: Face):
    return np.array(face.center)


@pytest.mark.parametrize("name", ["face_03", "face_07", "face_08", "face_10"])
def test_a_portrait_has_one_face(detector, name):
    pixels = image_of(name)
    face = only(detector(pixels, detector.confidence))
    height, width = pixels.shape[:2]
    left, top, right, bottom = face.box
    assert 0 < left < right < width
    assert -5 < top < bottom < height + 5
    eyes, mouth = face.landmarks[:2], face.landmarks[3:]
    assert eyes[0, 0] < eyes[1, 0], "the eye that is left in the image first"
    assert mouth[0, 0] < mouth[1, 0]
    assert eyes[:, 1].max() < face.landmarks[2, 1] < mouth[:, 1].min()
    matrix = alignment(face.landmarks)
    turned = face.landmarks @ matrix[:, :2].T + matrix[:, 2]
    assert abs(turned[0] - (193, 240)).max() < 25


def test_two_faces_are_found_where_they_were_put(detector):
    left, right = image_of("face_03"), image_of("face_07")
    alone = [only(detector(each, detector.confidence)) for each in (left, right)]
    height = max(left.shape[0], right.shape[0]) + 60
    both = np.full((height, left.shape[1] + right.shape[1] + 90, 3), 128, np.uint8)
    places = ((20, 30), (left.shape[1] + 60, 10))
    for pixels, (x, y) in zip((left, right), places, strict=True):
        both[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
    found = sorted(detector(both, detector.confidence), key=lambda face: face.box[0])
    assert len(found) == 2
    for face, before, place in zip(found, alone, places, strict=True):
        expected = np.array(before.box) + np.tile(place, 2)
        assert abs(np.array(face.box) - expected).max() < 0.08 * before.side
        assert abs(face.landmarks - before.landmarks - place).max() < 0.04 * before.side


def test_a_large_image_is_reduced_for_detection_and_places_fit_it(detector, monkeypatch):
    pixels = image_of("face_03")
    expected = only(detector(pixels, detector.confidence))
    monkeypatch.setattr(detection, "LONGEST_SIDES", (max(pixels.shape) * 2 // 3,))
    face = only(detector(pixels, detector.confidence))
    assert abs(np.array(face.box) - expected.box).max() < 0.06 * expected.side


def test_a_face_that_fills_a_large_image_is_found_once(detector):
    pixels = image_of("face_10")
    expected = only(detector(pixels, detector.confidence))
    large = cv2.resize(pixels, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
    face = only(detector(large, detector.confidence))
    assert abs(np.array(face.box) - 6 * np.array(expected.box)).max() < 6 * 0.08 * expected.side


def test_noise_has_no_face(detector):
    assert detector(random_image(300, 200).pixels, detector.confidence) == []


@pytest.mark.parametrize("size", [(1, 1), (5, 40)])
def test_a_tiny_image_has_no_face(detector, size):
    assert detector(random_image(*size).pixels, detector.confidence) == []


def test_what_is_no_detector_is_refused(tmp_path):
    path = tmp_path / "bad.onnx"
    path.write_bytes(b"no")
    with pytest.raises(UnsupportedCheckpointError, match=str(path)):
        YuNetDetector(path)
    path = tmp_path / "bad.pth"
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(UnsupportedCheckpointError, match="RetinaFace"):
        load_detector(path, CPU)
