"""Makes a file to ship of trained ones: mixes them, fits colors, and evens out even areas.

    python scripts/finish_weights.py OUT.safetensors 0.5*A.safetensors 0.5*B.safetensors --data DIR

Parameters are mixed by their shares, which sum to 1. DIR is that of the training. Patches that its
recipe makes, with much JPEG and noise, are what the color is fitted to; see
``realesr.training.color_fit``. The first images, reduced by area to a quarter, with noise of 0, 2
or 6 levels, hold the correction of even areas down; see ``realesr.training.evenness``. Without DIR
nothing but the mixture is made. The file is float16; the last lines say its size and hash for the
catalog.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from torch import Tensor

from realesr.media.images.index import index_images, read_entry
from realesr.media.images.manifest import allowed_files
from realesr.models.loader import load_model
from realesr.models.networks.srvgg import SRVGGNetCompact
from realesr.models.registry import describe
from realesr.training.builders import build_dataset
from realesr.training.color_fit import fit_color
from realesr.training.evenness import even_out
from realesr.training.recipe import Recipe
from realesr.training.recipe_files import bundled_recipe, load_recipe
from realesr.weights.fetch import sha256_of
from realesr.weights.torch_checkpoint import load_state_dict, save_weights

PATCHES = 900
DAMAGE = {"clean": 0.05, "light": 0.15, "camera": 0.1, "noisy": 0.25, "compressed": 0.45}
"""Shares of damage of the patches to which the color is fitted, levels of the recipe."""
PICTURES = 24
SIDE = 128
"""Largest side of these pictures, px of the input."""
NOISE = (0.0, 2.0, 6.0)


def mixed(parts: list[str]) -> SRVGGNetCompact:
    """Returns the network whose parameters are the mixture of files, ``SHARE*FILE``."""
    shares, files = zip(*(part.split("*", 1) for part in parts), strict=True)
    if abs(sum(map(float, shares)) - 1) > 1e-6:
        raise SystemExit("the shares must sum to 1")
    network = cast(SRVGGNetCompact, load_model(Path(files[0])))
    states = [load_state_dict(Path(file)) for file in files]
    network.load_state_dict(
        {
            name: sum(
                float(share) * state[name].float()
                for share, state in zip(shares, states, strict=True)
            )
            for name in states[0]
        }
    )
    return network.float().eval()


def patches(recipe: Recipe, data_root: Path) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields damaged and clean patches, (1, 3, h, w) and (1, 3, H, W) in [0, 1]."""
    damaged = replace(recipe, data=replace(recipe.data, damage=DAMAGE))
    dataset = build_dataset(damaged, data_root=data_root)
    for index in range(PATCHES):
        lr, hr, _ = dataset[index]
        yield lr[None], hr[None]


def small_pictures(recipe: Recipe, data_root: Path) -> Iterator[Tensor]:
    """Yields (1, 3, H, W) in [0, 1]: reduced to a quarter, at most 128 px, with noise."""
    data, source = recipe.data, recipe.data.sources[0]
    manifest, path = data_root / str(source.manifest or data.manifest), data_root / source.path
    rng = np.random.default_rng(0)
    allowed = allowed_files(manifest, data.licenses, path)
    for entry in index_images(path, allowed)[:PICTURES]:
        image = read_entry(entry)
        image = cv2.resize(image, None, fx=1 / 4, fy=1 / 4, interpolation=cv2.INTER_AREA)
        small = image[:SIDE, :SIDE].astype(np.float32)
        small += rng.normal(0, rng.choice(NOISE), small.shape).astype(np.float32)
        yield torch.from_numpy(np.ascontiguousarray(small.transpose(2, 0, 1)))[None] / 255


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("parts", nargs="+", metavar="SHARE*FILE")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--recipe", type=Path, default=Path("photo-x4-crisp"))
    parser.add_argument("--version", default="", help="metadata of the file")
    parser.add_argument("--made", default="", help="metadata of the file: what it is made of")
    options = parser.parse_args()
    network = mixed(options.parts)
    if options.data is not None:
        recipe = load_recipe(bundled_recipe(options.recipe))
        network = fit_color(network, patches(recipe, options.data))
        network = even_out(network, small_pictures(recipe, options.data))
    metadata = {"version": options.version, "made": options.made}
    save_weights(
        network.state_dict(),
        options.out,
        dtype=torch.float16,
        **{name: text for name, text in metadata.items() if text},
        **describe(network.config),
    )
    print(f"size_bytes={options.out.stat().st_size}\nsha256={sha256_of(options.out)}")


if __name__ == "__main__":
    main()
