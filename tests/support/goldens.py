"""Golden texts of unit tests, `tests/unit/goldens/NAME.txt`: UPDATE_GOLDENS=1 writes them again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

GOLDENS: Final = Path(__file__).parents[1] / "unit" / "goldens"


def is_golden(shown: str | Iterable[str], name: str) -> None:
    """Compare a text, or its lines, with the golden one, to the blank."""
    text = shown if isinstance(shown, str) else "".join(f"{line}\n" for line in shown)
    path = GOLDENS / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()
