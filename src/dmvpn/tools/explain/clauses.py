"""Clauses of standards: where the code names them, and what the conformance page has of them.

The sources are read where they are installed: each clause stands in a docstring or comment beside what it asks for.
Requirements and tests come from the pages `docs/reference/conformance-*.md`, which are made from the tests; without the
documentation at hand only the code is named.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import dmvpn
from dmvpn.tools.explain.answer import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUESTION: Final = re.compile(
    r"rfc ?(\d+)(?:[ -]*§ ?| ?- ?| section | )(\d+(?:\.[\dA-Z]+)+|[A-Z]\.\d+)\.?", re.IGNORECASE
)
_SCOPE: Final = re.compile(r"^( *)(?:class|def) (\w+)")
_LINK: Final = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
_SOURCES: Final = Path(dmvpn.__file__).parent
_PAGES: Final = _SOURCES.parents[1] / "docs" / "reference"
_MOST: Final = 12


def explain_clause(text: str) -> Found | None:
    """The answer, if the question is a clause: "RFC2332-5.2.3", "RFC 2332 §5.2.3"."""
    match = _QUESTION.fullmatch(text.strip())
    if match is None:
        return None
    rfc, section = match[1], match[2]
    code = list(dict.fromkeys(_places(rfc, section)))
    rows = list(_requirements(rfc, section))
    if not code and not rows:
        return None
    what = f"The code names this clause in {len(code)} place{'' if len(code) == 1 else 's'}"
    if rows:
        what += f"; the conformance page has {len(rows)} requirement{'' if len(rows) == 1 else 's'} of it"
    details = [("code", place) for place in code[:_MOST]]
    for requirement, status, tests in rows:
        details.append(("asked", f"{requirement} ({status})"))
        details += [("test", test) for test in tests]
    return Found(
        word=f"RFC {rfc} §{section}",
        kind="clause",
        place=f"https://www.rfc-editor.org/rfc/rfc{rfc}#section-{section}",
        screens=(),
        what=f"{what}.",
        clause=f"RFC {rfc} §{section}",
        details=tuple(details),
    )


def _places(rfc: str, section: str) -> Iterator[str]:
    """Files, and the class or function around the clause's name."""
    named = re.compile(rf"RFC {rfc} (?:§[\d.A-Z]+(?:,| and) )*§{re.escape(section)}(?![\d.]*\d)")
    for path in sorted(_SOURCES.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        # Texts that explain are no place where something is done.
        if "explain" in path.relative_to(_SOURCES).as_posix() or not named.search(text):
            continue
        scope = ""
        for line in text.splitlines():
            begins = _SCOPE.match(line)
            scope = begins[2] if begins is not None else scope
            if named.search(line):
                yield f"{path.relative_to(_SOURCES.parent).as_posix()}{f': {scope}' if scope else ''}"


def _requirements(rfc: str, section: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """What the conformance page asks: the requirement, its status, its tests."""
    page = _PAGES / f"conformance-rfc{rfc}.md"
    if not page.is_file():
        return
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 4 and cells[0] == section:
            tests = tuple(f"{path.removeprefix('../../')}: {name}" for name, path in _LINK.findall(cells[3]))
            yield cells[1], cells[2], tests
