"""Options from Python: what fits is adopted, what does not is told with the name of its field."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from realesr.comparison.options import CompareOptions
from realesr.errors import InvalidOptionError
from realesr.media.urls import path_of
from realesr.options import (
    EncodingOptions,
    FaceOptions,
    FileOptions,
    PieceOptions,
    Target,
    UpscaleOptions,
    VideoOptions,
)
from realesr.serving.options import ServeOptions


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        (VideoOptions(fps=24), "fps", Fraction(24)),
        (VideoOptions(fps=23.976), "fps", Fraction(2997, 125)),
        (VideoOptions(start=np.float32(0.5)), "start", Fraction(1, 2)),
        (VideoOptions(frames=np.int64(3)), "frames", 3),
        (VideoOptions(encoder_args=["-tune", "film"]), "encoder_args", ("-tune", "film")),
        (VideoOptions(ffmpeg="/usr/bin/ffmpeg"), "ffmpeg", Path("/usr/bin/ffmpeg")),
        (EncodingOptions(strip=["location"]), "strip", ("location",)),
        (UpscaleOptions(model_path="a.pth"), "model_path", Path("a.pth")),
        (UpscaleOptions(strength=np.float64(0.5)), "strength", 0.5),
        (UpscaleOptions(faces=FaceOptions()), "faces", FaceOptions()),
    ],
)
def test_what_fits_is_adopted(options, name, value):
    found = getattr(options, name)
    assert found == value
    assert type(found) is type(value)


def test_addresses_stay_what_they_are():
    """They are paths of their own kind, in which two slashes follow each other."""
    address = path_of("s3://bucket/in")
    (kept,) = FileOptions(inputs=(address,), output=Path("out")).inputs
    assert kept is address
    assert str(kept) == "s3://bucket/in"


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (VideoOptions, {"frames": 2.5}, "`frames` 2.5: must be a whole number"),
        (VideoOptions, {"fps": "24"}, "`fps` '24': must be a number"),
        (VideoOptions, {"fps": float("inf")}, "`fps` inf: must be a number"),
        (VideoOptions, {"start": None}, "`start` None: must be a number"),
        (VideoOptions, {"encoder_args": "-tune film"}, "must be a list or tuple"),
        (VideoOptions, {"encoder_args": (1,)}, "must be a text"),
        (UpscaleOptions, {"tile": 32.5}, "`tile` 32.5"),
        (UpscaleOptions, {"threads": True}, "`threads` True"),
        (UpscaleOptions, {"memory_budget": "2G"}, "`memory_budget` '2G'"),
        (UpscaleOptions, {"faces": True}, "`faces` True: must be a FaceOptions"),
        (UpscaleOptions, {"color_lock": 1}, "`color_lock` 1: must be True or False"),
        (UpscaleOptions, {"model_path": 5}, "`model_path` 5: must be a path"),
        (EncodingOptions, {"strip": "location"}, "`strip` 'location'"),
        (Target, {"width": 12.0}, "`width` 12.0"),
        (PieceOptions, {"restart": "no"}, "`restart` 'no'"),
        (CompareOptions, {"frames": "9"}, "`frames` '9'"),
        (ServeOptions, {"port": "80"}, "`port` '80'"),
    ],
)
def test_what_does_not_fit_is_told(kind, values, message):
    with pytest.raises(InvalidOptionError) as error:
        kind(**values)
    assert message in str(error.value)
