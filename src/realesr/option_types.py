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
    if isinstance(value, bool) == (hint is bool):  # to Python, True is a whole number, too
        if hint in (int, float) and isinstance(value, Integral):
            return int(value)
        if hint is float and isinstance(value, Real):
            return float(value)
        if hint is Fraction and isinstance(value, Real):
            return _fraction(value)
        if isinstance(value, hint):
            return value
        if hint is Path and isinstance(value, str | PathLike):
            return Path(value)
    raise _WrongTypeError(_WORDS.get(hint, f"a {hint.__name__}"))


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
