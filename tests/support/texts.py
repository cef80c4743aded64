"""Longer texts of the tests: configurations of routers and daemons, and the heads of generated pages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.base.reasons import Reason, ReasonCode

if TYPE_CHECKING:
    from collections.abc import Iterable


def file_text(name: str) -> str:
    """Return a file of `tests/texts`."""
    return (Path(__file__).parents[1] / "texts" / name).read_text("utf-8")


# Golden texts of unit tests, `tests/unit/goldens/NAME.txt`: UPDATE_GOLDENS=1 writes them again.

GOLDENS: Final = Path(__file__).parents[1] / "unit" / "goldens"


def is_golden(shown: str | Iterable[str], name: str) -> None:
    """Compare a text, or its lines, with the golden one, to the blank."""
    text = shown if isinstance(shown, str) else "".join(f"{line}\n" for line in shown)
    path = GOLDENS / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


# A small table of sites for the tests of `dmvpn render`, and what is changed in it.

TABLE = file_text("sites.yaml")


def with_line(table: Path, old: str, new: str) -> Path:
    """Return the table with something else in place of the first `old`."""
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new, 1))
    return table


# Reasons of no feature, for tests that care for the machine that keeps one and not for what it says.


class MadeUp(ReasonCode):
    """Whatever a test wants to hear again."""

    BECAUSE = "<what>", "<evidence>"


def because(what: str, evidence: str = "", *, since: float = 0.0) -> Reason:
    """Return a reason in these words."""
    return Reason(MadeUp.BECAUSE, (what, evidence), since)
