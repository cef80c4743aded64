"""The documentation as a site: what Sphinx must know besides the Markdown, which is written for readers of files.

Pages link to files outside of `docs`; the site names their paths instead. Lists of pages (`index.md`) become the
navigation. Diagrams for Mermaid and sessions are shown as their text. Addresses that pages had once lead to the page
that has their text now.
"""

from __future__ import annotations

import html
import posixpath
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LINK: Final = re.compile(r"(?<!!)\[([^\]\n]*(?:\n[^\]\n]+)?)\]\(([^)\s]+)\)")
_PAGE_LINK: Final = re.compile(r"\]\(([\w./-]+)\.md(?:#[^)]*)?\)")
_FENCE: Final = re.compile(r"(?m)^```(\w+)?.*?^```$", re.DOTALL)
#: Pages that are no more: old name, new name with its anchor.
_MOVED: Final = "_site/redirects.txt"
_MOVED_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Moved</title>
<link rel="canonical" href="{page}">
<meta name="robots" content="noindex">
<meta http-equiv="refresh" content="0; url={target}">
<p>This page is now at <a href="{target}">{target}</a>.</p>
</html>
"""


def for_site(docs: Path, name: str, text: str) -> str:
    """Return the source of a page for Sphinx. name: of the page, without its ending."""
    text = _outside_of_fences(text, lambda part: _LINK.sub(lambda link: _link(name, link), part))
    text = re.sub(r"(?m)^```(mermaid|json|console)$", "```text", text)
    entries = list(_entries(docs, name, text))
    return text + _toctree(entries) if entries else text


def _outside_of_fences(text: str, change: Callable[[str], str]) -> str:
    """Return a text in which all but blocks of code is changed."""
    made, position = [], 0
    for fence in _FENCE.finditer(text):
        made += [change(text[position : fence.start()]), fence[0]]
        position = fence.end()
    return "".join([*made, change(text[position:])])


def _link(name: str, link: re.Match[str]) -> str:
    """Return a link as it is, or the path of a file outside of `docs` in its place."""
    text, target = link[1], link[2]
    if re.match(r"[a-z]+:|#", target):
        return link[0]
    path, _, _ = target.partition("#")
    whole = posixpath.normpath(posixpath.join("docs", posixpath.dirname(name), path))
    if whole.startswith("docs/") and re.search(r"\.(md|svg)$", whole):
        return link[0]
    plain = text.strip("`")
    return f"`{whole}`" if plain in whole else f"{text} (`{whole}`)"


def _entries(docs: Path, name: str, text: str) -> Iterator[str]:
    """Yield the pages below a page, from its folder: those that it links to in that order, then the others."""
    folder, _, own = name.rpartition("/")
    if own == "index":
        here = docs / folder
        there = [each.name[:-3] for each in sorted(here.glob("*.md")) if each.name != "index.md"]
        below = [f"{each.parent.name}/index" for each in sorted(here.glob("*/index.md"))]
        pages = [*there, *below]
    elif (docs / name).is_dir():
        pages = [f"{own}/{each.stem}" for each in sorted((docs / name).glob("*.md"))]
    else:
        return
    linked = [page for page in dict.fromkeys(_PAGE_LINK.findall(text)) if page in pages]
    yield from linked
    yield from (page for page in pages if page not in linked)


def _toctree(entries: list[str]) -> str:
    return "\n\n```{toctree}\n:hidden:\n\n" + "\n".join(entries) + "\n```\n"


def moved(docs: Path) -> dict[str, str]:
    """Return the names of pages that are no more, each with the name of the new page and maybe its anchor."""
    lines = (docs / _MOVED).read_text(encoding="utf-8").splitlines()
    pairs = (line.partition(" ") for line in lines if line and not line.startswith("#"))
    return {old: new.strip() for old, _, new in pairs}


def moved_page(old: str, new: str) -> str:
    """Return the page at an old address: it leads to the new one, with and without the browser's help."""
    page, hash_, anchor = new.partition("#")
    address = posixpath.relpath(f"{page}.html", posixpath.dirname(old) or ".")
    target = html.escape(f"{address}{hash_}{anchor}")
    return _MOVED_PAGE.format(page=html.escape(address), target=target)
