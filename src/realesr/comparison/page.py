"""Writes a comparison as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from realesr.comparison.blind import BlindComparison
from realesr.comparison.content import Comparison, Subject, View, amount
from realesr.errors import InvalidOptionError
from realesr.outputs import whole_file

_TEMPLATE = "template"
_SCRIPTS = ("content", "camera", "panes", "clips", "questions", "controls")
"""Parts of the script, in an order in which each may use those before it."""


def write_page(content: Comparison | BlindComparison, path: Path, *, title: str, limit: int) -> int:
    """Writes a page; it gets its name when it is complete.

    Args:
        content: What is shown; blind, names are hidden and the viewer is asked.
        path: The destination. A missing folder is created.
        title: Title of the page.
        limit: Largest size, bytes.

    Returns:
        The size of the page, bytes.

    Raises:
        InvalidOptionError: The page would be larger than the limit.
        UnwritableMediaError: The file cannot be written.
    """
    parts = [part.encode(errors="replace") for part in _page_parts(content, title)]
    size_bytes = sum(map(len, parts))
    if size_bytes > limit:
        raise InvalidOptionError(
            f"{path}: would hold {amount(size_bytes)}, and {amount(limit)} are allowed: allow more "
            "with `limit`, or compare less"
        )
    with whole_file(path) as file:
        file.writelines(parts)
    return size_bytes


def _page_parts(content: Comparison | BlindComparison, title: str) -> Iterator[str]:
    """Yields the page in parts, of which those with media are large."""
    blind = content if isinstance(content, BlindComparison) else None
    comparison = content if isinstance(content, Comparison) else content.comparison
    style = _read("page.css")
    script = _script()
    before, after = _read("page.html").split("{{media}}")
    values = {
        "title": html.escape(title),
        "style": style,
        "script": script,
        "policy": _policy(style, script),
        "data": _for_script(_describe(comparison, blind)),
    }
    yield _filled(before, values)
    for number, subject in enumerate(comparison.subjects):
        for index, view in enumerate(subject.views):
            # The type keeps browsers from running or rendering the text.
            yield f'<script type="text/plain" id="{_media_id(number, index)}">'
            yield base64.b64encode(view.data).decode()
            yield "</script>\n"
    yield _filled(after, values)


def _filled(template: str, values: dict[str, str]) -> str:
    """Fills a template in one pass, so that no value is searched for other names."""
    text, *rest = template.split("{{")
    for part in rest:
        name, _, following = part.partition("}}")
        text += values[name] + following
    return text


def _read(name: str) -> str:
    template = resources.files("realesr.comparison") / _TEMPLATE / name
    return template.read_text(encoding="utf-8")


def _script() -> str:
    parts = "\n".join(_read(f"{name}.js") for name in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _policy(style: str, script: str) -> str:
    """Returns a content security policy: this style and script alone, and no network."""

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return (
        "default-src 'none'; img-src data: blob:; media-src data: blob:; "
        f"style-src 'sha256-{digest(style)}'; script-src 'sha256-{digest(script)}'"
    )


def _for_script(value: dict[str, Any]) -> str:
    """Returns JSON that cannot end the element that it stands in."""
    return json.dumps(value, ensure_ascii=True).replace("<", "\\u003c")


def _media_id(subject: int, view: int) -> str:
    return f"media-{subject}-{view}"


def _describe(comparison: Comparison, blind: BlindComparison | None) -> dict[str, Any]:
    """Returns what the script must know; of a blind comparison nothing that tells names."""
    is_hidden = blind is not None
    described: dict[str, Any] = {
        "id": _identity(comparison, blind),
        "kind": comparison.kind,
        "entries": comparison.entries,
        "subjects": [
            _describe_subject(number, subject, is_hidden=is_hidden)
            for number, subject in enumerate(comparison.subjects)
        ],
        "blind": None,
    }
    if blind is not None:
        names = ("left", "right") if blind.ask == "pairs" else ("view",)
        described["blind"] = {
            "ask": blind.ask,
            "seed": blind.seed,
            "key": blind.key,
            "tasks": [
                {"subject": task.subject, **dict(zip(names, task.views, strict=True))}
                for task in blind.tasks
            ],
        }
    return described


def _describe_subject(number: int, subject: Subject, *, is_hidden: bool) -> dict[str, Any]:
    def describe_view(index: int, view: View) -> dict[str, Any]:
        return {
            "name": None if is_hidden and index else view.name,
            "media": _media_id(number, index),
            "mime": view.mime,
            "width": view.size.width,
            "height": view.size.height,
            "bytes": len(view.data),
            "seconds": view.seconds,
        }

    return {
        "name": subject.name,
        "width": subject.size.width,
        "height": subject.size.height,
        "fps": None if subject.fps is None else float(subject.fps),
        "frames": subject.frames,
        "views": [describe_view(index, view) for index, view in enumerate(subject.views)],
    }


def _identity(comparison: Comparison, blind: BlindComparison | None) -> str:
    """Returns a name of content and questions, under which a browser keeps answers."""
    digest = hashlib.sha256()
    if blind is not None:
        digest.update(repr((blind.ask, blind.tasks)).encode())
    for subject in comparison.subjects:
        digest.update(os.fsencode(subject.name))
        for view in subject.views:
            digest.update(os.fsencode(view.name) + hashlib.sha256(view.data).digest())
    return digest.hexdigest()[:16]
