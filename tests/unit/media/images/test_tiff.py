from PIL import ExifTags
from PIL import Image as PillowImage

from realesr.imaging.image import Image
from realesr.media.images.decode import read_image

from support.images import parse_exif, write_image
from support.networks import random_image


def test_tags_that_describe_storage_stay_behind(tmp_path):
    """A TIFF's directory holds both what it says and how it is stored."""
    exif = PillowImage.Exif()
    exif[ExifTags.Base.Make] = "maker"
    PillowImage.fromarray(random_image(8, 8).pixels).save(
        tmp_path / "in.tif", exif=exif, compression="tiff_lzw", dpi=(300, 300)
    )
    image = read_image(tmp_path / "in.tif")
    assert set(parse_exif(image)) <= {271, 274, 282, 283, 296}
    write_image(tmp_path / "out.tif", Image(random_image(32, 32).pixels, metadata=image.metadata))
    assert (read_image(tmp_path / "out.tif").pixels == random_image(32, 32).pixels).all()
