"""Sphinx makes the documentation site from the Markdown of `docs` as it is: `make docs`. What it must know besides is
in `tests/support/site.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
DOCS = HERE.parent
sys.path.insert(0, str(DOCS.parent / "tests"))

from support import site  # noqa: E402 its folder is on the path only now

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "dmvpn"
author = "dmvpn"
extensions = ["myst_parser"]
root_doc = "index"
exclude_patterns = ["_site"]
myst_heading_anchors = 6
# Highlighting would need a lexer for the command line; the sessions and configurations are plain.
highlight_language = "none"
html_theme = "furo"
html_title = "dmvpn"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
# A browser loads no other page for an excerpt: the site is also read from files, where that is forbidden.
html_show_search_summary = False


def read(app: Sphinx, name: str, source: list[str]) -> None:
    """Change the source of a page to what the site needs."""
    source[0] = site.for_site(DOCS, name, source[0])


def write(app: Sphinx, problem: Exception | None) -> None:
    """Write the words that the page of words finds."""
    if problem is None:
        (Path(app.outdir) / "_static" / "words.js").write_text(site.words(DOCS), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register both."""
    app.connect("source-read", read)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}
