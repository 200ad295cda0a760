"""Checks the types of options: from Python, anything can be passed."""

from __future__ import annotations

import dataclasses
import reprlib
import types
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import cache
from numbers import Integral, Rational, Real
from os import PathLike
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from realesr.errors import InvalidOptionError

_WORDS = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    Fraction: "a number",
    str: "a text",
    Path: "a path",
}


def adopt_types(options: Any) -> None:
    """Gives the fields of a frozen dataclass the types that are declared, from ``__post_init__``.

    Whole numbers of NumPy become ``int``, other numbers ``float`` or ``Fraction`` (the decimal one
    that they are written as), texts ``Path``, and lists ``tuple``.

    Raises:
        InvalidOptionError: A value is of another type.
    """
    kind: type = type(options)
    for name, hint in _hints(kind).items():
        value = getattr(options, name)
        try:
            adopted = _adopted(hint, value)
        except _WrongTypeError as error:
            raise InvalidOptionError(f"`{name}` {reprlib.repr(value)}: must be {error}") from None
        if adopted is not value:
            object.__setattr__(options, name, adopted)


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


class _WrongTypeError(Exception):
    """A value is of another type; the message says of which it must be."""


def _adopted(hint: Any, value: Any) -> Any:
    arguments = get_args(hint)
    if isinstance(hint, types.UnionType):  # with None
        kinds = [each for each in arguments if each is not types.NoneType]
        return None if value is None else _adopted(kinds[0], value)
    if get_origin(hint) is tuple:
        return _tuple(arguments, value)
    if hint is bool:
        is_right = isinstance(value, bool)
    elif isinstance(value, bool):
        is_right = False
    elif hint is int:
        is_right, value = isinstance(value, Integral), _plain(value)
    elif hint is float and isinstance(value, Real):
        is_right, value = True, _plain(value) if isinstance(value, Integral) else float(value)
    elif hint is Fraction and isinstance(value, Real):
        is_right, value = True, _fraction(value)
    elif hint is Path and isinstance(value, str | PathLike):
        is_right, value = True, value if isinstance(value, Path) else Path(value)
    else:
        is_right = isinstance(value, hint)
    if not is_right:
        raise _WrongTypeError(_WORDS.get(hint, f"a {hint.__name__}"))
    return value


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, Integral) else value


def _fraction(value: Any) -> Fraction:
    try:
        return Fraction(value if isinstance(value, Rational) else str(float(value)))
    except ValueError as error:  # not finite
        raise _WrongTypeError(_WORDS[Fraction]) from error


def _tuple(arguments: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise _WrongTypeError("a list or tuple")
    items = tuple(value)
    kinds = [arguments[0]] * len(items) if arguments[-1] is Ellipsis else list(arguments)
    if len(kinds) != len(items):
        raise _WrongTypeError(f"{len(kinds)} items")
    return tuple(_adopted(kind, item) for kind, item in zip(kinds, items, strict=True))
