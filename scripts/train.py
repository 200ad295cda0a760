"""Trains a network from a recipe: ``python scripts/train.py RECIPE --data DIR --out DIR``.

Started again with the same folder, it goes on where it stopped.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from realesr.training.config import load_recipe
from realesr.training.trainer import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="root of the recipe's paths")
    parser.add_argument("--out", type=Path, required=True, help="checkpoints, log and weights")
    parser.add_argument("--init", type=Path, help="weights of an earlier run to start from")
    parser.add_argument("--workers", type=int, default=1, help="processes that make patches")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = load_recipe(args.recipe)
    weights = train(
        config,
        data_root=args.data,
        out_dir=args.out,
        initial_weights=args.init,
        workers=args.workers,
    )
    print(weights)


if __name__ == "__main__":
    main()
