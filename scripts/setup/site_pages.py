"""Gives the documentation site the folders of the repository; MkDocs calls it (see ``mkdocs.yml``).

MkDocs knows the files of ``docs/`` only. This module adds the README, the other pages outside
``docs/`` and every file that a page links to, each under its path in the repository. So a relative
link leads to the same file on GitHub and on the site.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("*.md", "docs/*.md", "weights/*.md")
LINK = re.compile(r"\]\(([^)#:\s]+)[^)]*\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replaces the files of ``docs/`` by all pages of the repository and what they link to."""
    theme = [file for file in files if file.src_dir != config.docs_dir]
    pages = {page for pattern in PAGES for page in ROOT.glob(pattern)}
    chosen = pages.union(*map(linked_files, pages))
    return Files([*theme, *(site_file(path, config) for path in sorted(chosen))])


def linked_files(page: Path) -> set[Path]:
    """Returns the files of this repository that a Markdown page links to."""
    links = LINK.findall(page.read_text(encoding="utf-8"))
    targets = {(page.parent / link).resolve() for link in links}
    return {path for path in targets if path.is_file() and path.is_relative_to(ROOT)}


def site_file(path: Path, config: MkDocsConfig) -> File:
    """Returns a file as MkDocs sees it, under its path in the repository."""
    name = path.relative_to(ROOT).as_posix()
    return File(name, str(ROOT), config.site_dir, config.use_directory_urls)
