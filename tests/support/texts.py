"""Longer texts of the tests: configurations of routers and daemons, and the heads of generated pages."""

from __future__ import annotations

from pathlib import Path


def file_text(name: str) -> str:
    """Return a file of `tests/texts`."""
    return (Path(__file__).parents[1] / "texts" / name).read_text("utf-8")
