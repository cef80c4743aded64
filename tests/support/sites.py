"""A small table of sites for the tests of `dmvpn render`, and what is changed in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TABLE = """\
name: net
phase: 3
tunnel: {network: 10.255.0.0/24}
pools:
  lan: {network: 10.1.0.0/16, length: 24}
  nbma: {network: 100.64.0.0/16, length: 30}
hubs:
  HUB: {}
spokes:
  A: {}
  B: {}
"""


def with_line(table: Path, old: str, new: str) -> Path:
    """Return the table with something else in place of the first `old`."""
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new, 1))
    return table
