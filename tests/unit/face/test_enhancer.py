"""Faces in images, with stand-ins for the networks."""

import json
from pathlib import Path

import numpy as np
import pytest

from realesr.engine.interpolation import Interpolator
from realesr.face.alignment import SIDE, TEMPLATE
from realesr.face.detection import Face
from realesr.face.enhancer import FaceEnhancer
from realesr.face.networks import feathered
from realesr.geometry import Size
from realesr.imaging.image import Image
from realesr.options import FaceOptions

from support.networks import random_image

IMAGE = random_image(160, 120)
SIZE = Size(320, 240)


class Detector:
    confidence = 0.9

    def __init__(self, *places, score=0.99):
        self.faces = [
            Face((x, y, x + 40, y + 50), score, TEMPLATE * 0.1 + (x, y)) for x, y in places
        ]
        self.seen = []

    def __call__(self, pixels, min_score):
        self.seen.append((pixels.dtype, pixels.shape))
        return [face for face in self.faces if face.score >= min_score]


def whitened(faces):
    return [np.full_like(face, 255) for face in faces]


def reddened(faces):
    return [face // 2 + np.array((120, 0, 0), np.uint8) for face in faces]


def everywhere(faces):
    return [feathered(np.ones((SIDE, SIDE), bool)) for _ in faces]


def enhancer(*places, restore=whitened, parse=everywhere, detector=None, **options):
    return FaceEnhancer(
        Interpolator("bicubic"),
        FaceOptions(**options),
        restore=restore,
        detector=detector or Detector(*places),
        parse=parse,
    )


def plain(image=IMAGE):
    return Interpolator("bicubic").upscale_to([image], SIZE)[0]


def test_a_face_is_put_in_and_the_rest_stays_bit_for_bit():
    (result,) = enhancer((60, 40)).upscale_to([IMAGE], SIZE)
    changed = (result.pixels != plain().pixels).any(-1)
    assert (result.pixels[130, 170] == 255).all()
    rows, columns = np.nonzero(changed)
    assert 100 < columns.min() < columns.max() < 240
    assert 60 < rows.min() < rows.max() < 190


def test_the_input_is_left_as_it_is():
    image = random_image(160, 120)
    before = image.pixels.copy()
    image.pixels.flags.writeable = False
    (result,) = enhancer((60, 40)).upscale_to([image], image.size)
    assert (result.pixels != before).any()
    assert (image.pixels == before).all()


def test_without_faces_nothing_is_restored():
    def never(faces):
        raise AssertionError

    (result,) = enhancer(restore=never, parse=never).upscale_to([IMAGE], SIZE)
    assert (result.pixels == plain().pixels).all()


def test_a_weight_blends():
    whole = enhancer((60, 40)).upscale_to([IMAGE], SIZE)[0].pixels.astype(int)
    half = enhancer((60, 40), weight=0.5).upscale_to([IMAGE], SIZE)[0].pixels
    assert abs(half - (whole + plain().pixels) / 2).max() <= 1


def test_sixteen_bits_stay_sixteen_bits():
    image = random_image(160, 120, np.uint16)
    (result,) = enhancer((60, 40)).upscale_to([image], SIZE)
    assert result.pixels.dtype == np.uint16
    assert (result.pixels[130, 170] == 65535).all()
    outside = result.pixels[:50]
    assert (outside == Interpolator("bicubic").upscale_to([image], SIZE)[0].pixels[:50]).all()


def test_gray_stays_gray_and_alpha_stays():
    gray = random_image(160, 120, gray=True, alpha=True)
    detector = Detector((60, 40))
    (result,) = enhancer(restore=reddened, detector=detector).upscale_to([gray], SIZE)
    assert result.is_gray
    assert (result.pixels == result.pixels[..., :1]).all()
    expected = plain(gray)
    assert (result.alpha == expected.alpha).all()
    assert (result.pixels != expected.pixels).any()
    assert detector.seen == [(np.uint8, (120, 160, 3))]


def test_small_doubtful_and_far_faces_are_left_alone():
    def count(**options):
        seen = []
        both = Detector((10, 10), (70, 40))

        def restore(faces):
            seen.extend(faces)
            return faces

        enhancer(restore=restore, detector=both, **options).upscale_to([IMAGE], SIZE)
        return len(seen)

    assert count() == 2
    assert count(min_size=51) == 0
    assert count(min_size=50) == 2
    assert count(confidence=0.995) == 0
    assert count(only_center=True) == 1


def test_the_face_in_the_middle_is_the_one():
    (result,) = enhancer((5, 5), (60, 40), only_center=True).upscale_to([IMAGE], SIZE)
    assert (result.pixels[130, 170] == 255).all()
    assert (result.pixels[:90, :90] == plain().pixels[:90, :90]).all()


def test_a_face_that_was_cut_out_is_restored_as_a_whole():
    made = FaceEnhancer(
        Interpolator("bicubic"),
        FaceOptions(is_aligned=True),
        restore=whitened,
        detector=None,
        parse=None,
    )
    assert (made.upscale_to([IMAGE], SIZE)[0].pixels == 255).all()


def test_the_report_has_a_line_for_each_image(tmp_path):
    report = tmp_path / "faces.jsonl"
    report.write_text("old")
    made = enhancer((60, 40), report=report)
    made.session(Path("a.png"), is_video=False).upscale_to([IMAGE], SIZE)
    video = made.session(Path("b.mkv"), is_video=True)
    video.upscale_to([IMAGE, IMAGE], SIZE)
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert [(line["input"], line["frame"]) for line in lines] == [
        ("a.png", 0),
        ("b.mkv", 0),
        ("b.mkv", 1),
    ]
    (face,) = lines[0]["faces"]
    assert face["box"] == [60, 40, 100, 90]
    assert face["score"] == pytest.approx(0.99)
    assert len(face["landmarks"]) == 5


def test_a_video_holds_a_face_that_is_missed_and_a_image_does_not():
    detector = Detector((60, 40))
    made = enhancer(detector=detector)
    for is_video in (True, False):
        job = made.session(Path("x"), is_video=is_video)
        detector.faces = Detector((60, 40)).faces
        job.upscale_to([IMAGE], SIZE)
        detector.faces = []
        (result,) = job.upscale_to([IMAGE], SIZE)
        assert (result.pixels != plain().pixels).any() == is_video


def test_landmarks_that_make_no_face_are_left_alone():
    detector = Detector((60, 40))
    detector.faces[0].landmarks[:] = 5
    (result,) = enhancer(detector=detector).upscale_to([IMAGE], SIZE)
    assert (result.pixels == plain().pixels).all()


def test_many_faces_go_through_the_networks_in_batches():
    sizes = []

    def restore(faces):
        sizes.append(len(faces))
        return faces

    places = [(x, y) for x in (5, 40, 75, 110) for y in (5, 60)]
    for batch in (1, 3):
        sizes.clear()
        made = enhancer(*places, restore=restore)
        made._batch = batch
        made.upscale_to([IMAGE, Image(IMAGE.pixels)], SIZE)
        assert sum(sizes) == 16
        assert max(sizes) == batch
