"""Clauses of standards: their places in the code, their rows in the conformance page, and the words that cite them.

The installed sources are read: each clause is in a docstring or comment beside the code that implements it.
Requirements and tests come from the pages `docs/reference/conformance-*.md`, which are made from the tests; without the
documentation at hand only the code is named.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import dmvpn
from dmvpn.tools.explain.answer import FoundMeaning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.router.vocabulary import Vocabulary

_SECTION: Final = r"(?:\d+(?:\.[\dA-Z]+)*|[A-Z](?:\.\d+)+)"
#: With a dot in its number a section needs no sign before it; "RFC 2332 14" asks for a code.
_QUESTION: Final = re.compile(
    rf"rfc ?(\d+)(?:(?:[ -]*§ ?| ?- ?| section )({_SECTION})| (\d+(?:\.[\dA-Z]+)+|[A-Z]\.\d+))\.?", re.IGNORECASE
)
#: What the clause of a word names: "RFC 2332 §5.2.1 and §5.2.2", "RFC 792, type 3", "RFC 4303, RFC 3948", a draft.
_NAMED: Final = re.compile(rf"(?:RFC (\d+)|(draft-[\w-]+))|§({_SECTION})")
_SCOPE: Final = re.compile(r"^( *)(?:class|def) (\w+)")
_LINK: Final = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
_SOURCES: Final = Path(dmvpn.__file__).parent
_PAGES: Final = _SOURCES.parents[1] / "docs" / "reference"
_MOST: Final = 12


def explain_clause(text: str, words: Vocabulary) -> list[FoundMeaning]:
    """Return the answer, if the question is a clause ("RFC2332-5.2.3", "RFC 2332 §5.2.3"), or is printed as one.

    words: explanations that may name the clause. An answer may name several clauses: "RFC 2332 §5.2.1 and §5.2.2".
    """
    match = _QUESTION.fullmatch(text.strip())
    if match is not None:
        wanted = [(match[1], (match[2] or match[3]).upper())]
    elif text.casefold() in {meaning.clause.casefold() for meaning in words.all()} - {""}:
        wanted = list(_clauses(text[:3].upper() + text[3:] if text[:3].casefold() == "rfc" else text.casefold()))
    else:
        return []
    return [found for document, section in wanted if (found := _explained(document, section, words)) is not None]


def _clauses(text: str) -> Iterator[tuple[str, str]]:
    """Yield the clauses that a text names: the number of the RFC, or the name of a draft, and the section or ""."""
    document, sections = "", 0
    for match in _NAMED.finditer(text):
        if match[3] is not None:
            sections += 1
            yield document, match[3]
            continue
        if document and not sections:
            yield document, ""
        document, sections = match[1] or match[2], 0
    if document and not sections:
        yield document, ""


def _explained(document: str, section: str, words: Vocabulary) -> FoundMeaning | None:
    code = list(dict.fromkeys(_places(document, section)))
    rows = list(_requirements(document, section))
    resting = [each for each in words.all() if (document, section) in _clauses(each.clause)]
    if not code and not rows and not resting:
        return None
    parts = (
        (code, f"the code names this clause in {_counted(len(code), 'place')}"),
        (rows, f"the conformance page has {_counted(len(rows), 'requirement')} of it"),
        (resting, f"{_counted(len(resting), 'explained word')} {'rests' if len(resting) == 1 else 'rest'} on it"),
    )
    what = "; ".join(text for found, text in parts if found)
    details = [("code", place) for place in code[:_MOST]]
    for requirement, status, tests in rows:
        details.append(("asked", f"{requirement} ({status})"))
        details += [("test", test) for test in tests]
    details += [("word", f"{each.explanation.word} ({each.group.title})") for each in resting[:_MOST]]
    if len(resting) > _MOST:
        details.append(("word", f"and {len(resting) - _MOST} more"))
    name = f"RFC {document}" if document.isdecimal() else document
    clause = f"{name} §{section}" if section else name
    return FoundMeaning(
        word=clause,
        kind="clause",
        place=_address(document, section),
        screens=(),
        what=f"{what[0].upper()}{what[1:]}.",
        clause=clause,
        details=tuple(details),
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _address(document: str, section: str) -> str:
    """Return the URL of a clause."""
    if not document.isdecimal():
        return f"https://datatracker.ietf.org/doc/{document}"
    anchor = f"#{'section' if section[0].isdigit() else 'appendix'}-{section}" if section else ""
    return f"https://www.rfc-editor.org/rfc/rfc{document}{anchor}"


def _places(document: str, section: str) -> Iterator[str]:
    """Return files, and the class or function around the clause's name."""
    name = f"RFC {document}" if document.isdecimal() else re.escape(document)
    sections = rf" (?:§[\d.A-Z]+(?:,| and) )*§{re.escape(section)}(?![\d.]*\d)" if section else r"(?!\d)"
    named = re.compile(name + sections)
    return (place for place, line in _lines_with_names() if named.search(line))


@cache
def _lines_with_names() -> tuple[tuple[str, str], ...]:
    """Return the lines of the sources that name a standard: the place, and the line."""
    found: list[tuple[str, str]] = []
    for path in sorted(_SOURCES.rglob("*.py")):
        # Texts that explain are no place where something is done.
        if "explain" in path.relative_to(_SOURCES).as_posix():
            continue
        file, scope = path.relative_to(_SOURCES.parent).as_posix(), ""
        for line in path.read_text(encoding="utf-8").splitlines():
            begins = _SCOPE.match(line)
            scope = begins[2] if begins is not None else scope
            if "RFC " in line or "draft-" in line:
                found.append((f"{file}{f': {scope}' if scope else ''}", line))
    return tuple(found)


def _requirements(document: str, section: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield the requirements of a clause in the conformance page, each with its status and its tests."""
    page = _PAGES / f"conformance-rfc{document}.md"
    if not page.is_file():
        return
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 4 and cells[0] == section:
            tests = tuple(f"{path.removeprefix('../../')}: {name}" for name, path in _LINK.findall(cells[3]))
            yield cells[1], cells[2], tests
