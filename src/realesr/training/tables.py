"""TOML tables to dataclasses, strictly: a mistyped key is an error that names the nearest one."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from realesr.errors import InvalidOptionError

T = TypeVar("T")


def from_table(cls: type[T], table: Mapping[str, Any], where: str = "") -> T:
    """Makes a dataclass from a table; nested tables become nested dataclasses.

    A dataclass whose first field is ``weight`` may be written as that number alone.

    Args:
        cls: A dataclass; the types of its fields are checked.
        table: Keys and values, as ``tomllib`` reads them.
        where: Dotted name of the table, for messages.

    Raises:
        InvalidOptionError: A key is unknown or missing, a value is of another type, or the
            dataclass takes no such values.
    """
    hints = get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            raise InvalidOptionError(_unknown(key, fields, where))
    for name, each in fields.items():
        missing = dataclasses.MISSING
        if name not in table and each.default is missing and each.default_factory is missing:
            raise InvalidOptionError(f"{_dotted(where, name)} is missing")
    values = {k: _convert(hints[k], v, _dotted(where, k)) for k, v in table.items()}
    try:
        return cls(**values)
    except ValueError as error:
        place = f"{where}: " if where not in str(error) else ""
        raise InvalidOptionError(f"{place}{error}") from error


def merged(table: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Returns a copy of nested tables in which ``key`` (dotted) has a value."""
    first, _, rest = key.partition(".")
    inner = table.get(first, {})
    if rest:
        inner = inner if isinstance(inner, Mapping) else {"weight": inner}
        value = merged(inner, rest, value)
    return {**table, first: value}


def without(table: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Returns a copy of nested tables that lacks ``key`` (dotted), whether it was there or not."""
    first, _, rest = key.partition(".")
    inner = table.get(first)
    if not rest:
        return {name: value for name, value in table.items() if name != first}
    return {**table, first: without(inner, rest)} if isinstance(inner, Mapping) else {**table}


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _convert_union(arguments, value, where)
    if origin is Literal:
        if value not in arguments:
            raise InvalidOptionError(
                f"{where} = {value!r}: must be one of {', '.join(map(str, arguments))}"
            )
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, int | float) and _has_weight(hint):
            value = {"weight": value}
        if isinstance(value, Mapping):
            return from_table(hint, value, where)
    elif origin in (tuple, Sequence):
        return _convert_list(arguments, value, where)
    elif origin is Mapping:
        if isinstance(value, Mapping):
            return {k: _convert(arguments[1], v, f"{where}.{k}") for k, v in value.items()}
    elif hint is Any or (isinstance(value, hint) and (hint is bool or not isinstance(value, bool))):
        return value
    elif hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    raise InvalidOptionError(f"{where} = {value!r}: must be {_name(hint)}")


def _convert_union(arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    kinds = [each for each in arguments if each is not type(None)]
    if isinstance(value, Mapping):
        kinds = [each for each in kinds if dataclasses.is_dataclass(each)] or kinds
    if len(kinds) == 1:
        return _convert(kinds[0], value, where)
    for kind in kinds:
        try:
            return _convert(kind, value, where)
        except InvalidOptionError:
            continue
    names = " or ".join(map(_name, kinds))
    raise InvalidOptionError(f"{where} = {value!r}: must be {names}")


def _convert_list(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise InvalidOptionError(f"{where} = {value!r}: must be a list")
    if len(arguments) == 1 or arguments[-1] is Ellipsis:
        kinds: Sequence[Any] = [arguments[0]] * len(value)
    else:
        kinds = arguments
    if len(kinds) != len(value):
        raise InvalidOptionError(f"{where} = {value!r}: must have {len(kinds)} values")
    return tuple(
        _convert(kind, each, f"{where}[{i}]")
        for i, (kind, each) in enumerate(zip(kinds, value, strict=True))
    )


def _unknown(key: str, known: Mapping[str, Any], where: str) -> str:
    near = get_close_matches(key, known, 1)
    hint = f"did you mean {_dotted(where, near[0])}?" if near else f"known: {', '.join(known)}"
    return f"{_dotted(where, key)} is not a key of a recipe; {hint}"


def _dotted(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _name(hint: Any) -> str:
    names = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}
    return names.get(hint, "a number or a table" if _has_weight(hint) else "a table")


def _has_weight(hint: Any) -> bool:
    """Returns whether a dataclass may be written as its weight alone."""
    return dataclasses.is_dataclass(hint) and dataclasses.fields(hint)[0].name == "weight"
