"""The conformance pages: what a standard asks, what we do, and the tests that say so.

    tests/conformance/nhrp.toml      the requirements, one table each, with an id: "5.2.3-unique"
    tests/conformance/ikev2.toml     the same, with the standard before a colon: "ike:2.6-cookie"
    tests/conformance/ikev1.toml     likewise, of several documents: "ike1:5.4-address", "isakmp:3.1-cookies"
    tests/conformance/bfd.toml       likewise: "bfd:6.5-final"
    tests/conformance/bgp.toml       and "bgp:6.5-hold"
    tests/conformance/ospf.toml      likewise: "ospf:13.1-newer"
    tests/conformance/eigrp.toml     and "eigrp:3.2-feasible"
    @pytest.mark.conforms("ID", ...) above a test, or `conforms ID ...` in a story: it proves these requirements
    docs/reference/conformance-*.md  both together, made by

    python -m support.conformance    (from the folder tests)

Tests are found by reading their files, not by importing them, so that the pages can be made without pytest. A test of
this folder fails when a page is old, when a requirement has no test, and when a mark names none.
"""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MARK = "conforms"

DONE, DIFFERENT, NOT_APPLICABLE = "done", "deliberately different", "not applicable"
PARTLY, NOT_DONE = "partly", "not done"
STATUSES = (DONE, PARTLY, DIFFERENT, NOT_DONE, NOT_APPLICABLE)
#: What no test can prove.
UNPROVED = (NOT_DONE, NOT_APPLICABLE)


@dataclass(frozen=True)
class Standard:
    """A page.

    file: of its requirements.
    page: where it goes.
    """

    title: str
    file: Path
    page: Path


STANDARDS = tuple(
    Standard(title, ROOT / "tests" / "conformance" / file, ROOT / "docs" / "reference" / page)
    for title, file, page in (
        ("NHRP", "nhrp.toml", "conformance-rfc2332.md"),
        ("IKEv2", "ikev2.toml", "conformance-rfc7296.md"),
        ("IKEv1", "ikev1.toml", "conformance-rfc2409.md"),
        ("BFD", "bfd.toml", "conformance-rfc5880.md"),
        ("BGP", "bgp.toml", "conformance-rfc4271.md"),
        ("OSPF", "ospf.toml", "conformance-rfc2328.md"),
        ("EIGRP", "eigrp.toml", "conformance-rfc7868.md"),
    )
)


@dataclass(frozen=True)
class Requirement:
    """One row.

    place: what its first column says.
    why: why not, or what instead.
    """

    id: str
    place: str
    what: str
    status: str = DONE
    why: str = ""


@dataclass(frozen=True)
class Table:
    """One table of the page. first: the head of the first column."""

    title: str
    intro: str
    first: str
    rows: tuple[Requirement, ...]


@dataclass(frozen=True)
class Proof:
    """A test that carries the mark. path: from the root of the project."""

    path: str
    name: str
    ids: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Its name, to be read."""
        return self.name.removeprefix("test_").replace("_", " ")


def tables(standard: Standard) -> list[Table]:
    """Return what its file says. A row without `place` belongs to the part of its id between colon and dash."""
    found: list[Table] = []
    for table in tomllib.loads(standard.file.read_text())["table"]:
        rows = [Requirement(**{"place": row["id"].rpartition(":")[2].partition("-")[0], **row}) for row in table["row"]]
        found.append(Table(table["title"], table["intro"], table["first"], tuple(rows)))
    return found


def rows() -> list[Requirement]:
    """Return all rows of all pages."""
    return [row for standard in STANDARDS for table in tables(standard) for row in table.rows]


def requirements() -> dict[str, Requirement]:
    """Return all rows by id."""
    return {row.id: row for row in rows()}


@cache
def proofs(folder: Path = ROOT / "tests", mark: str = MARK) -> tuple[Proof, ...]:
    """Return all tests that carry the mark, by file and place."""
    found: list[Proof] = []
    for path in sorted([*folder.rglob("test_*.py"), *folder.rglob("stories/*.txt")]):
        text, place = path.read_text(), path.relative_to(ROOT).as_posix()
        if mark in text and path.suffix == ".txt":
            found += [Proof(place, *one) for one in _told(text, mark)]
        elif mark in text:
            found += _proofs_in(ast.parse(text), place, mark)
    return tuple(found)


def _told(text: str, mark: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the name of each story (`support/stories.py`) that carries the mark, and what it names."""
    for name, *lines in (block.split("\n") for block in text.split("\n\n")):
        for line in lines:
            if line.startswith(f"{mark} "):
                yield name, tuple(line.split()[1:])


def _proofs_in(tree: ast.Module, path: str, mark: str) -> Iterator[Proof]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            ids = [name for decorator in node.decorator_list for name in _ids(decorator, mark)]
            if ids:
                yield Proof(path, node.name, tuple(ids))


def _ids(decorator: ast.expr, mark: str) -> list[str]:
    """Return the ids of one decorator, if it is the mark."""
    match decorator:
        case ast.Call(func=ast.Attribute(attr=attribute), args=arguments) if attribute == mark:
            return [ast.literal_eval(argument) for argument in arguments]
    return []


def page(standard: Standard) -> str:
    """Return the whole page."""
    by_id: dict[str, list[Proof]] = {}
    for proof in proofs():
        for name in proof.ids:
            by_id.setdefault(name, []).append(proof)
    lines = [
        f"# Conformance: {standard.title}",
        "",
        "What the standard asks, in our own words; what this router does; and the tests that prove it. The page is",
        "made from the tests themselves (`python -m support.conformance` in the folder `tests`), and a test fails",
        "when it is old. *Deliberately different* means that routers in the field do otherwise, or that the clause",
        "would do harm; the tests show what happens instead.",
        "",
    ]
    for table in tables(standard):
        counts = Counter(row.status for row in table.rows)
        summary = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
        lines += [f"## {table.title}", "", *table.intro.strip().splitlines(), "", f"{summary}.", ""]
        lines += [f"| {table.first} | requirement | status | tests |", "| --- | --- | --- | --- |"]
        lines += [_row(row, by_id.get(row.id, [])) for row in table.rows]
        lines.append("")
    return "\n".join(lines)


def _row(row: Requirement, tests: list[Proof]) -> str:
    status = f"{row.status}: {row.why}" if row.why else row.status
    return f"| {row.place} | {row.what} | {status} | {links(tests)} |"


def links(tests: list[Proof]) -> str:
    """Return the last cell of a row: where the tests are."""
    return "; ".join(f"[{test.sentence}](../../{test.path})" for test in tests)


def main() -> None:
    """Write the pages."""
    for standard in STANDARDS:
        standard.page.write_text(page(standard))
        print(f"{standard.page.relative_to(ROOT)}: {sum(len(table.rows) for table in tables(standard))} requirements")
    print(f"{len(proofs())} tests")


if __name__ == "__main__":
    main()
