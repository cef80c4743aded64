"""A small table of sites for the tests of `dmvpn render`, and what is changed in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.texts import file_text

if TYPE_CHECKING:
    from pathlib import Path

TABLE = file_text("sites.yaml")


def with_line(table: Path, old: str, new: str) -> Path:
    """Return the table with something else in place of the first `old`."""
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new, 1))
    return table
