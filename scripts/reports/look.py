"""Measures the corrections after the network: color lock, strength and consistency.

    python scripts/reports/look.py --data DIR [--model NAME[=FILE] ...] [--few NAME[=FILE] ...]
        [--sets SET ...] [--squeezenet FILE]

DIR holds the sets ``Set5``, ``CID22val`` and ``art``. Models are names of the catalog, or files.
The tables of docs/look.md are printed in Markdown: PSNR of luma in dB, the share of the correction
that ``--consistency`` makes, and the color shift from a bicubic upscaling in levels; with
``--squeezenet`` the distance of features, too. ``--few`` takes the middle 256 px of three
photographs and drawings for a slow model.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from realesr import Upscaler
from realesr.evaluation.sets import Case, TestPicture, list_pictures, make_case
from realesr.imaging.color_lock import lock_color
from realesr.imaging.consistency import make_consistent
from realesr.metrics.colorshift import color_shift
from realesr.metrics.psnr import psnr

SCALE = 4
SETS = {
    "Set5": ("bicubic", "light", "medium", "heavy"),
    "CID22val": ("light", "medium", "heavy"),
    "art": ("light", "medium", "heavy"),
}
DRAWINGS = (
    "emoji_12", "gopher_33", "hazen_pop-m3lvin_1", "sketch_10", "vnbg_club_0", "vnsprite_09_1",
)  # fmt: skip
FEW, FEW_SIDE = 3, 256
FEATURES = {"Set5": 5, "CID22val": 2, "art": 2}
"""Number of pictures whose features are compared."""
FEATURES_SIDE = 256
VERSIONS = ("network", "locked", "strength", "consistent")

Distance = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Model:
    """A network without and with ``--strength 0.5``."""

    name: str
    plain: Upscaler
    mixed: Upscaler

    @classmethod
    def named(cls, text: str) -> Model:
        """Loads ``NAME`` of the catalog, or ``NAME=FILE``."""
        name, _, file = text.partition("=")
        load = Upscaler.from_file if file else Upscaler.from_name
        plain, mixed = (load(file or name, **o) for o in ({"color_lock": False}, {"strength": 0.5}))
        return cls(name, plain, mixed)

    def results(self, lr: np.ndarray) -> tuple[dict[str, np.ndarray], float]:
        """Returns all versions of a result, and the share of the consistency correction."""
        network = self.plain(lr)
        locked = network.copy()
        lock_color(locked, lr)
        consistent = locked.copy()
        share = make_consistent(consistent, lr, 1.0)
        return dict(
            zip(VERSIONS, (network, locked, self.mixed(lr), consistent), strict=True)
        ), share


def pictures_of(data: Path, name: str, is_few: bool) -> list[TestPicture]:
    """Returns the pictures of a set."""
    found = list_pictures([data / name], scale=SCALE)
    if name == "art":
        found = [picture for picture in found if picture.name in DRAWINGS]
    return found[:FEW] if is_few and name != "Set5" else found


def case_of(picture: TestPicture, level: str, is_few: bool) -> Case:
    """Makes an input; the middle of it for a slow model."""
    case = make_case(picture, level, scale=SCALE, seed=0)
    if not is_few or picture.set_name == "Set5":
        return case
    side = FEW_SIDE // SCALE
    top, left = ((length - side) // 2 for length in case.lr.shape[:2])
    low = np.s_[top : top + side, left : left + side]
    high = np.s_[SCALE * top : SCALE * (top + side), SCALE * left : SCALE * (left + side)]
    return replace(case, lr=np.ascontiguousarray(case.lr[low]), hr=case.hr[high])


def rows(
    model: Model, data: Path, sets: list[str], is_few: bool, distance: Distance | None
) -> Iterator[str]:
    """Yields the table of a model, and that of its features."""
    yield f"\n### {model.name}\n"
    yield (
        "| Set, damage | Network | Locked | `--strength 0.5` | `--consistency 1` | Shift, network "
        "| Shift, locked |"
    )
    yield "|---|---|---|---|---|---|---|"
    of_features = []
    upscale = Upscaler.from_name("bicubic")
    for name in sets:
        pictures = pictures_of(data, name, is_few)
        for level in SETS[name]:
            figures, shares, shifts, features = [], [], [], []
            for number, picture in enumerate(pictures):
                case = case_of(picture, level, is_few)
                results, share = model.results(case.lr)
                figures.append([psnr(sr, case.hr, crop=SCALE) for sr in results.values()])
                shares.append(share)
                bicubic = upscale(case.lr)
                shifts.append([color_shift(results[each], bicubic) for each in VERSIONS[:2]])
                if distance is not None and number < FEATURES[name]:
                    features.append([distance(sr, case.hr) for sr in results.values()])
            network, locked, mixed, consistent = np.mean(figures, axis=0)
            shift = np.mean(shifts, axis=0)
            title = f"{name} ({len(pictures)}), {'clean' if level == 'bicubic' else level}"
            yield (
                f"| {title} | {network:.2f} | {locked:.2f} | {mixed:.2f} | {consistent:.2f} "
                f"({np.mean(shares):.0%}) | {shift[0]:.2f} | {shift[1]:.2f}, at most "
                f"{max(each[1] for each in shifts):.2f} |".replace("%)", " %)")
            )
            if features:
                cells = " | ".join(f"{each:.2f}" for each in np.mean(features, axis=0))
                title = title.replace(f"({len(pictures)})", f"({len(features)})")
                of_features.append(f"| {model.name} | {title} | {cells} |")
    if of_features:
        yield "\n| Model | Set, damage | Network | Locked | `--strength 0.5` | `--consistency 1` |"
        yield "|---|---|---|---|---|---|"
        yield from of_features


def feature_distance_of(weights: Path) -> Distance:
    """Returns the distance of SqueezeNet's features in the upper left corner of two images."""
    import torch

    from realesr.perceptual.distance import feature_distance
    from realesr.perceptual.squeezenet import squeezenet

    network = squeezenet(weights)

    def features(image: np.ndarray) -> list[torch.Tensor]:
        part = np.ascontiguousarray(image[:FEATURES_SIDE, :FEATURES_SIDE].transpose(2, 0, 1))
        return network(torch.from_numpy(part).float()[None] / 255)

    @torch.inference_mode()
    def distance(sr: np.ndarray, hr: np.ndarray) -> float:
        return float(feature_distance(features(sr), features(hr)).mean())

    return distance


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", action="append", default=[], metavar="NAME[=FILE]")
    parser.add_argument("--few", action="append", default=[], metavar="NAME[=FILE]")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--squeezenet", type=Path)
    args = parser.parse_args()
    distance = None if args.squeezenet is None else feature_distance_of(args.squeezenet)
    for text in (*args.model, *args.few):
        for row in rows(Model.named(text), args.data, args.sets, text in args.few, distance):
            print(row, flush=True)


if __name__ == "__main__":
    main()
