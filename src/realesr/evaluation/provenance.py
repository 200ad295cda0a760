"""What shapes figures besides pictures and weights: the code, and the packages below it.

Figures of an earlier run are taken over only if nothing of this has changed since.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]

RESULTS = ("engine", "imaging", "loading", "models", "evaluation/worker.py")
"""Modules and packages that turn an input into a result."""
MEASURES = ("metrics", "perceptual", "evaluation/judges.py", "degradation/operations.py")
"""Those that turn a result into figures."""
PACKAGES = ("numpy", "opencv-python", "pillow", "torch", "torchvision", "torchmetrics")


@cache
def code_identity(parts: tuple[str, ...], root: Path = ROOT) -> str:
    """Returns a hash of what code does; comments, docstrings and layout do not change it.

    Args:
        parts: Modules and packages, relative to ``root``. Compiled libraries in them count, too.
        root: Folder of this package.

    Returns:
        16 hexadecimal digits; other versions of Python and of :data:`PACKAGES` have others.
    """
    digest = hashlib.sha256()
    for path in sorted(_files(root, parts)):
        digest.update(path.relative_to(root).as_posix().encode())
        content = path.read_bytes()
        digest.update(_meaning(content).encode() if path.suffix == ".py" else content)
    digest.update(" ".join(_versions(PACKAGES)).encode())
    return digest.hexdigest()[:16]


def _files(root: Path, parts: Iterable[str]) -> Iterator[Path]:
    for part in parts:
        path = root / part
        if path.is_dir():
            for pattern in ("*.py", "*.so", "*.dylib", "*.dll"):
                yield from path.rglob(pattern)
        else:
            yield path


def _meaning(source: bytes) -> str:
    """Returns the syntax tree of a module as text, without strings that only describe."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if not _is_description(each)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_description(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _versions(packages: Iterable[str]) -> Iterator[str]:
    for name in packages:
        try:
            yield f"{name}=={metadata.version(name)}"
        except metadata.PackageNotFoundError:
            yield name
