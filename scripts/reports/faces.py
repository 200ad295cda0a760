"""Draws what happens to the faces of images, to be looked at for seams and shifts.

    cd scripts/reports
    python faces.py --detector FILE --out docs/faces.png IMAGE...
    python faces.py --detector FILE --restorer FILE --parser FILE --out FILE IMAGE...

A row for each image: the image with boxes and landmarks, its first face aligned, the same
restored, the mask, and the result at twice the size around that face. Without a restorer a
stand-in takes its place, which sharpens strongly and turns colors a little to blue, and all of the
square is taken: what it does must be seen inside, and its border must not.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from realesr.engine.interpolation import Interpolator
from realesr.face.alignment import SIDE, alignment, crop_face
from realesr.face.detection import Detector, Face, load_detector
from realesr.face.enhancer import FaceEnhancer, Parse, Restore
from realesr.face.networks import FaceParser, Restorer, feathered
from realesr.imaging.image import Pixels
from realesr.media.images.decode import read_image
from realesr.options import FaceOptions

CELL = 200
"""Side of an image on the sheet, px."""


def sharpened(faces: Sequence[Pixels]) -> list[Pixels]:
    """The stand-in."""
    results = []
    for face in faces:
        values = face.astype(np.float32)
        sharp = values + 2 * (values - cv2.GaussianBlur(values, (0, 0), 3)) + (-12, 0, 12)
        results.append(np.clip(sharp, 0, 255).astype(np.uint8))
    return results


def all_of_it(faces: Sequence[Pixels]) -> list[NDArray[np.float32]]:
    """The mask that goes with it."""
    return [feathered(np.ones((SIDE, SIDE), bool)) for _ in faces]


def marked(pixels: Pixels, faces: list[Face]) -> Pixels:
    """With boxes and landmarks."""
    image = pixels.copy()
    breadth = max(1, max(image.shape) // 200)
    for face in faces:
        left, top, right, bottom = map(round, face.box)
        cv2.rectangle(image, (left, top), (right, bottom), (0, 255, 0), breadth)
        for x, y in face.landmarks:
            cv2.circle(image, (round(x), round(y)), 2 * breadth, (255, 0, 0), -1)
    return image


def fitted(pixels: Pixels) -> Pixels:
    """Into a square cell, on white."""
    scale = CELL / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    cell = np.full((CELL, CELL, 3), 255, np.uint8)
    cell[: size[1], : size[0]] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return cell


def row_of(path: Path, detector: Detector, restore: Restore, parse: Parse) -> Pixels:
    image = read_image(path)
    faces = detector(image.pixels, detector.confidence)
    if not faces:
        raise SystemExit(f"{path}: no face found")
    view = crop_face(image.pixels, alignment(faces[0].landmarks))
    (restored,) = restore([view])
    (mask,) = parse([restored])
    enhancer = FaceEnhancer(
        Interpolator("bicubic"), FaceOptions(), restore=restore, detector=detector, parse=parse
    )
    (result,) = enhancer.upscale_to([image], image.size.scaled(2))
    x, y = (round(2 * place) for place in faces[0].center)
    reach = round(2.2 * faces[0].side)
    around = result.pixels[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach]
    gray = np.repeat((mask * 255).astype(np.uint8)[..., None], 3, axis=2)
    cells = (marked(image.pixels, faces), view, restored, gray, around)
    return np.hstack([fitted(cell) for cell in cells])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE")
    parser.add_argument("--detector", type=Path, required=True)
    parser.add_argument("--restorer", type=Path)
    parser.add_argument("--parser", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    device = "cpu"
    detector = load_detector(args.detector, device)
    restore = Restorer(args.restorer, device) if args.restorer else sharpened
    parse = FaceParser(args.parser, device) if args.parser else all_of_it
    rows = [row_of(path, detector, restore, parse) for path in args.images]
    cv2.imwrite(str(args.out), np.vstack(rows)[..., ::-1])


if __name__ == "__main__":
    main()
