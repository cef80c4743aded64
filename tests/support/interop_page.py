"""The interoperability page: the software that we ran beside, in which roles, the results, the tests that show them.

    tests/interop/stories.toml       the stories, one table each, with an id: "nat-frr"
    @pytest.mark.story("ID", ...)    above a test: it shows these stories
    docs/reference/interop.md        both together, made by

    python -m support.interop_page   (from the folder tests)

A test fails when the page is old, when a story has no test, and when a mark names none. Limits of foreign daemons are
tested where the versions on the page run, and skipped where others do.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from support.conformance import ROOT, Proof, links, proofs

STORIES = ROOT / "tests" / "interop" / "stories.toml"
PAGE = ROOT / "docs" / "reference" / "interop.md"
MARK = "story"
_INTRO = """\
This page lists the software that this router ran beside, in which roles, with which result, and the tests that show it.
The page is generated from the tests (`python -m support.interop_page` in the folder `tests`), and a test fails when it
is out of date. `make test-interop` runs the tests in a quarter of an hour; user-mode Linux gives the foreign daemons a
kernel of their own. The tests judge by what the other side says: FRR's own tables, strongSwan's lists of SAs, the
kernel's counters, pings and traceroutes of hosts, captures read by tshark.
""".splitlines()

WORKS, ONE_WAY, NOT_HERE = "works", "one direction only", "not with this peer"
RESULTS = (WORKS, ONE_WAY, NOT_HERE)


@dataclass(frozen=True)
class Story:
    """One row.

    why: the limit, or the reason.
    untested: it follows from another row, and there is nothing to run.
    """

    id: str
    peer: str
    ours: str
    what: str
    result: str = WORKS
    why: str = ""
    untested: bool = False


@dataclass(frozen=True)
class Table:
    """One table of the page: a piece of software and its version."""

    title: str
    version: str
    intro: str
    rows: tuple[Story, ...]


def tables() -> list[Table]:
    """Return what the file says."""
    return [
        Table(table["title"], table["version"], table["intro"], tuple(Story(**row) for row in table["row"]))
        for table in tomllib.loads(STORIES.read_text())["table"]
    ]


def stories() -> dict[str, Story]:
    """Return all rows by id."""
    return {row.id: row for table in tables() for row in table.rows}


def shown() -> tuple[Proof, ...]:
    """Return the tests that show stories."""
    return proofs(mark=MARK)


def page() -> str:
    """Return the whole page."""
    by_id: dict[str, list[Proof]] = {}
    for proof in shown():
        for name in proof.ids:
            by_id.setdefault(name, []).append(proof)
    lines = [
        "# Interoperability",
        "",
        *_INTRO,
        "",
    ]
    for table in tables():
        lines += [f"## {table.title}", "", f"Version: {table.version}.", "", *table.intro.strip().splitlines(), ""]
        lines += ["| the other | ours | story | result | tests |", "| --- | --- | --- | --- | --- |"]
        lines += [_row(row, by_id.get(row.id, [])) for row in table.rows]
        lines.append("")
    return "\n".join(lines)


def _row(row: Story, tests: list[Proof]) -> str:
    result = f"{row.result}; {row.why}" if row.why else row.result
    return f"| {row.peer} | {row.ours} | {row.what} | {result} | {links(tests)} |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page())
    print(f"{PAGE.relative_to(ROOT)}: {len(stories())} stories, {len(shown())} tests")


if __name__ == "__main__":
    main()
