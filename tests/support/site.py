"""The documentation as a site: what Sphinx must know besides the Markdown, which is written for readers of files.

Pages link to files outside of `docs`; the site names their paths instead. Lists of pages (`index.md`) become the
navigation. Diagrams for Mermaid and sessions are shown as their text. The page of words gets a field that finds words.
"""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LINK: Final = re.compile(r"(?<!!)\[([^\]\n]*(?:\n[^\]\n]+)?)\]\(([^)\s]+)\)")
_PAGE_LINK: Final = re.compile(r"\]\(([\w./-]+)\.md(?:#[^)]*)?\)")
_FENCE: Final = re.compile(r"(?m)^```(\w+)?.*?^```$", re.DOTALL)
_ROW: Final = re.compile(r"(?<!\\)\|")
_WORDS: Final = "reference/words"
_FIELD: Final = """
```{raw} html
<div id="explain"></div>
<script src="../_static/words.js"></script>
<script src="../_static/explain.js"></script>
```
"""


def for_site(docs: Path, name: str, text: str) -> str:
    """Return the source of a page for Sphinx. name: of the page, without its ending."""
    text = _outside_of_fences(text, lambda part: _LINK.sub(lambda link: _link(name, link), part))
    text = re.sub(r"(?m)^```(mermaid|json|console)$", "```text", text)
    if name == _WORDS:
        head, _, rest = text.partition("\n\n")
        text = f"{head}\n{_FIELD}\n{rest}"
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


def words(docs: Path) -> str:
    """Return a script with all words: [page, anchor, place, word, meaning, next step] of each."""
    # Words of a screen come before what the doctor and the prompt say: of several that fit, a reader has seen these.
    pages = sorted((docs / _WORDS).glob("*.md"), key=lambda page: (page.stem == "commands", page.stem))
    found = [word for page in pages for word in _words(page)]
    return f"const WORDS = {json.dumps(found, ensure_ascii=False, separators=(',', ':'))};\n".replace("</", "<\\/")


def _words(page: Path) -> Iterator[list[str]]:
    place = anchor = ""
    seen: dict[str, int] = {}
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            place = line.removeprefix("## ")
            anchor = _anchor(place, seen)
        elif line.startswith("| `") or line.startswith("| ``"):
            word, meaning, following, _ = (cell.strip().replace("\\|", "|") for cell in _ROW.split(line)[1:5])
            yield [page.stem, anchor, place, word.strip("`"), meaning.replace("`", ""), following]


def _anchor(heading: str, seen: dict[str, int]) -> str:
    """Return the anchor of a heading, as GitHub and Sphinx make it. seen: how often each was made."""
    plain = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    count = seen[plain] = seen.get(plain, -1) + 1
    return f"{plain}-{count}" if count else plain
