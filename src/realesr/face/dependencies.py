"""The optional packages of the extra ``face``."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from realesr.errors import MissingExtraError

PACKAGES = ("facexlib", "gfpgan", "basicsr")


def check_extra() -> None:
    """Checks, before weights are downloaded, that the package for detection is installed.

    Raises:
        MissingExtraError: facexlib is not installed.
    """
    if importlib.util.find_spec("facexlib") is None:
        raise _missing("facexlib is not installed")


@contextmanager
def importing_extra() -> Iterator[None]:
    """Context for importing packages of the extra, without their warnings.

    Raises:
        MissingExtraError: A package is not installed or cannot be imported; the message says
            what to install.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] in PACKAGES:
            why = f"{error.name} is not installed"
        else:
            why = str(error)
        raise _missing(why) from error


def _missing(why: str) -> MissingExtraError:
    return MissingExtraError(
        f"faces need more packages ({why}): pip install 'realesr[face]', or in a clone "
        "pip install -e '.[face]'"
    )
