"""Manifests: CSV files that say what is known of each image of a source, above all its license."""

from __future__ import annotations

import csv
import io
import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path

from realesr.errors import InvalidOptionError
from realesr.reasons import reason_of

Row = Mapping[str, str]

_LICENSE = "licence", "license"
"""Columns that name a license; the first one that is filled in counts."""


def read_manifest(content: bytes, name: str, *, has_licenses: bool = False) -> dict[str, Row]:
    """Returns the rows of a manifest by their ``file``.

    Args:
        content: Bytes of the CSV file, UTF-8 with or without a byte-order mark.
        name: What errors call it.
        has_licenses: Whether there must be a column of licenses.

    Raises:
        InvalidOptionError: It is no text, or lacks a column.
    """
    try:
        text = io.StringIO(content.decode("utf-8-sig"), newline="")
        table = csv.DictReader(text, restkey="", restval="")
        columns = table.fieldnames or ()
        for needed in (("file",), _LICENSE)[: 1 + has_licenses]:
            if not {*needed} & {*columns}:
                found = ", ".join(columns) or "nothing"
                wanted = " or ".join(map(repr, needed))
                raise _unreadable(
                    name, f"it has no column {wanted}; the columns of its first line are {found}"
                )
        return {row["file"].removeprefix("./"): row for row in table}
    except UnicodeError as error:
        raise _unreadable(name, "it is no UTF-8 text: save it as such") from error
    except csv.Error as error:
        raise _unreadable(name, error) from error


def license_of(row: Row) -> str:
    """Returns the license that a row names; empty if it names none."""
    return next((row[column] for column in _LICENSE if row.get(column)), "")


def allowed_files(manifest: Path, licenses: Sequence[str], source: Path) -> frozenset[str]:
    """Reads which images of a source have a license that starts with one of ``licenses``.

    Args:
        manifest: CSV file with the columns ``file`` and ``licence`` or ``license``. Files are
            relative to the source, or to the folder of the manifest.
        licenses: Beginnings of licenses.
        source: Folder or tar file of the images.

    Returns:
        Names in the tar file, or relative to the folder.

    Raises:
        InvalidOptionError: The manifest cannot be read.
    """
    try:
        content = manifest.read_bytes()
    except OSError as error:
        raise _unreadable(manifest, reason_of(error)) from error
    rows = read_manifest(content, str(manifest), has_licenses=True)
    beginnings = tuple(licenses)
    files = [file for file, row in rows.items() if license_of(row).startswith(beginnings)]
    base = _folder(source if source.is_dir() else source.parent)
    whole = (posixpath.normpath(_folder(manifest.parent) + file) for file in files)
    return frozenset((*files, *(file.removeprefix(base) for file in whole)))


def _folder(path: Path) -> str:
    """Returns a folder's whole name, with slashes, also at the end."""
    return path.resolve().as_posix().removesuffix("/") + "/"


def _unreadable(name: object, reason: object) -> InvalidOptionError:
    return InvalidOptionError(f"{name} cannot be read as a manifest: {reason}")
