from dataclasses import replace

from PIL import ExifTags
from PIL import Image as PillowImage

from realesr.imaging.image import Metadata
from realesr.media.images.decode import read_image
from realesr.options import EncodingOptions

from support.images import write_image
from support.networks import random_image

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


def test_xmp_in_jpeg_has_its_header(tmp_path):
    write_image(tmp_path / "a.jpg", replace(random_image(8, 8), metadata=Metadata(xmp=XMP)))
    assert b"http://ns.adobe.com/xap/1.0/\0" + XMP in (tmp_path / "a.jpg").read_bytes()


def test_what_a_jpeg_segment_does_not_hold_is_told(tmp_path):
    notices = []
    exif = PillowImage.Exif()
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.MakerNote: bytes(70_000)}
    metadata = Metadata(exif=exif.tobytes()[6:], xmp=XMP + bytes(70_000))
    image = replace(random_image(8, 8), metadata=metadata)
    write_image(tmp_path / "a.jpg", image, EncodingOptions(), notices.append)
    assert len(notices) == 2
    assert not read_image(tmp_path / "a.jpg").metadata
    notices.clear()
    write_image(tmp_path / "a.png", image, EncodingOptions(), notices.append)
    assert not notices
    assert read_image(tmp_path / "a.png").metadata.xmp == metadata.xmp
