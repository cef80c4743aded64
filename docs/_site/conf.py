"""Sphinx makes the documentation site from the Markdown of `docs` as it is: `make docs`. What it must know besides is
in `tests/support/site.py`; the site has a search of its own (`tests/support/site_search.py`, `static/search.js`), and
pages of words that are in no file (`tests/support/words_page.py`).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
DOCS = HERE.parent
sys.path.insert(0, str(DOCS.parent / "tests"))

from support import site, site_search, words_page  # noqa: E402 its folder is on the path only now

if TYPE_CHECKING:
    from collections.abc import Iterator

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
html_favicon = "../../src/dmvpn/web/page/icon.svg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["copy.js"]
templates_path = ["templates"]
html_additional_pages = {"search": "search.html"}
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False


def begin(app: Sphinx) -> None:
    """Leave out the search of Sphinx, which finds words in titles alone where the site is read from files."""
    app.builder.search = False


def read(app: Sphinx, name: str, source: list[str]) -> None:
    """Change the source of a page to what the site needs."""
    text = words_page.for_site(source[0]) if name == words_page.NAME else source[0]
    source[0] = site.for_site(DOCS, name, text)


def words(app: Sphinx) -> Iterator[tuple[str, dict[str, str], str]]:
    """Yield the pages of words."""
    for name, title, body in words_page.site_pages(words_page.all_words()):
        yield name, {"title": title, "body": body}, "page.html"


def write(app: Sphinx, problem: Exception | None) -> None:
    """Write what the search looks through, and a page at each old address."""
    if problem is not None:
        return
    made = Path(app.outdir)
    scripts = {**site_search.scripts(DOCS), "words.js": words_page.script(words_page.all_words())}
    for name, text in scripts.items():
        (made / "_static" / name).write_text(text, encoding="utf-8")
    for old, new in site.moved(DOCS).items():
        (made / f"{old}.html").write_text(site.moved_page(old, new), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register them."""
    app.connect("builder-inited", begin)
    app.connect("source-read", read)
    app.connect("html-collect-pages", words)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}
