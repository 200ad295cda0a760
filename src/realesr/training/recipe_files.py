"""Reading of recipes: TOML files, the bundled ones, and what the command line changes."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from realesr.errors import InvalidOptionError
from realesr.reasons import reason_of
from realesr.training.recipe import Recipe
from realesr.training.tables import from_table, merged, without

_FEATURE_NETWORKS = {
    "squeezenet": "SqueezeNet",
    "texture": "SqueezeNet",
    "vgg": "VGG19",
    "srgan_vgg": "VGG19",
}
"""The network of each loss whose parameters are in a file."""


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Reads a recipe.

    Args:
        path: A TOML file.
        overrides: ``key.of.table=value``; the value is TOML, or a text as it stands. Without a
            value, the key is taken away.

    Raises:
        InvalidOptionError: The file is not TOML, a key is unknown or missing, or a value is of the
            wrong type.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else error
        raise InvalidOptionError(f"{path} cannot be read as a recipe: {reason}") from error
    for override in overrides:
        key, equals, value = override.partition("=")
        if not (equals and all(part.strip() for part in key.split("."))):
            raise InvalidOptionError(
                f"--set {override}: must be KEY=VALUE, such as data.batch_size=8"
            )
        name, value = key.strip(), value.strip()
        table = merged(table, name, _parse(value)) if value else without(table, name)
    try:
        return from_table(Recipe, table)
    except InvalidOptionError as error:
        raise InvalidOptionError(f"{path}: {error}") from error


def bundled_recipe(path: Path) -> Path:
    """Returns the file of a recipe: the path itself, or that of a bundled one by its name.

    Raises:
        InvalidOptionError: There is no such file, and no bundled recipe of that name.
    """
    if path.is_file() or path.parent != Path():
        return path
    bundled = {each.stem: each for each in Path(__file__).with_name("recipes").glob("*.toml")}
    name = path.name.removesuffix(".toml")
    if name in bundled:
        return bundled[name]
    if path.exists():  # a FIFO is read, and a folder is told from one
        return path
    near = get_close_matches(name, bundled, 3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(bundled))}"
    raise InvalidOptionError(f"{path}: no such file, and no bundled recipe; {hint}")


def with_feature_weights(recipe: Recipe, file: str) -> Recipe:
    """Returns a recipe whose losses on features take their network's parameters from a file.

    Raises:
        InvalidOptionError: It has no such loss, or losses of several networks.
    """
    used = [name for name in _FEATURE_NETWORKS if getattr(recipe.losses, name) is not None]
    option = "`perceptual_weights`"
    if not used:
        known = ", ".join(_FEATURE_NETWORKS)
        raise InvalidOptionError(f"{option} {file}: the recipe has none of the losses {known}")
    if len({_FEATURE_NETWORKS[name] for name in used}) > 1:
        settings = " ".join(f"--set losses.{name}.weights=FILE" for name in used)
        raise InvalidOptionError(
            f"{option} {file}: {' and '.join(used)} have different networks; name the file of "
            f"each: {settings}"
        )
    losses = {
        name: dataclasses.replace(getattr(recipe.losses, name), weights=file) for name in used
    }
    return dataclasses.replace(recipe, losses=dataclasses.replace(recipe.losses, **losses))


def _parse(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
