"""What the search of the documentation site looks through: the sections of all pages, in scripts that its page loads.

A page that was read from a file may load a script, and nothing else. `search-guides.js` has what is found by default,
`search-reference.js` what is found on demand, beside the words (`words_page`). `docs/_site/static/search.js` finds.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: Pages of the folder that is searched on demand.
REFERENCE: Final = "reference"
_SITE: Final = "_site"
_FENCE: Final = re.compile(r"```(\w*)")
_HEADING: Final = re.compile(r"#{1,6} +(.*)")
_RULE_OF_TABLE: Final = re.compile(r"[|: -]+")
_COMMENT: Final = re.compile(r"(?s)<!--.*?-->")
_TAG: Final = re.compile(r"</?(?:details|summary|br)\b[^>]*>")
_LINK: Final = re.compile(r"!?\[([^\]]*)\]\([^)\s]+\)")
_EMPHASIS: Final = re.compile(r"(\*\*?)(?=\S)([^*]+)(?<=\S)\1")
_CELL: Final = re.compile(r"(?<!\\)\|")

#: [anchor, heading, text]
Section = tuple[str, str, str]
#: [address, kind, title, sections]
Page = tuple[str, str, str, list[Section]]


def pages(docs: Path) -> Iterator[Page]:
    """Yield all pages of the documentation."""
    for path in sorted(docs.rglob("*.md")):
        name = path.relative_to(docs).with_suffix("").as_posix()
        if not name.startswith(f"{_SITE}/"):
            found = list(sections(path.read_text(encoding="utf-8")))
            kind = "index" if path.stem == "index" else name.partition("/")[0]
            yield f"{name}.html", kind, found[0][1], found


def is_guide(page: Page) -> bool:
    """Return whether a page is found by default."""
    return not page[0].startswith(f"{REFERENCE}/")


def scripts(docs: Path) -> dict[str, str]:
    """Return the scripts, by name."""
    found = list(pages(docs))
    return {
        "search-guides.js": _script(page for page in found if is_guide(page)),
        "search-reference.js": _script(page for page in found if not is_guide(page)),
    }


def _script(found: Iterable[Page]) -> str:
    return f"(globalThis.SEARCHED ??= []).push(...{as_json(list(found))});\n"


def as_json(value: object) -> str:
    """Return a value for a script: dense, and without an end of the script inside."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")


def sections(page: str) -> Iterator[Section]:
    """Yield the sections of a page in Markdown, as plain text. The first one is before the second heading."""
    seen: dict[str, int] = {}
    heading, lines = "", list[str]()
    fence: str | None = None
    for line in _COMMENT.sub("", page).splitlines():
        if opened := _FENCE.match(line):
            fence = opened[1] if fence is None else None
        elif fence is not None:
            lines += [line] if fence != "mermaid" else []
        elif begun := _HEADING.fullmatch(line):
            if heading:
                yield anchor(heading, seen), heading, _joined(lines)
            heading, lines = plain(begun[1]), []
        elif not _RULE_OF_TABLE.fullmatch(line):
            text = _CELL.sub(" ", line.removeprefix("- ")).replace("\\|", "|")
            lines.append(line if line.startswith("    ") else text)
    yield anchor(heading, seen), heading, _joined(lines)


def _joined(lines: list[str]) -> str:
    return " ".join(plain("\n".join(lines)).split())


def plain(text: str) -> str:
    """Return Markdown as it is read: the text of a link, and no marks of code or emphasis."""
    return _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", _TAG.sub(" ", text))).replace("`", "")


def anchor(heading: str, seen: dict[str, int]) -> str:
    """Return the anchor of a heading, as GitHub and Sphinx make it. seen: how often each was made."""
    made = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    count = seen[made] = seen.get(made, -1) + 1
    return f"{made}-{count}" if count else made
