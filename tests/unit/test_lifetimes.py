"""Lifetimes of keys: what is none is refused, however large its numbers are."""

from __future__ import annotations

from datetime import datetime

import pytest

from dmvpn.base.keychains import Lifetime
from dmvpn.ios.common import read_lifetime


@pytest.mark.parametrize(
    ("text", "lifetime"),
    [
        ("00:00:00 Jan 1 2026 infinite", Lifetime(datetime(2026, 1, 1), None)),
        (
            "local 1:02:03 31 december 2026 duration 60",
            Lifetime(datetime(2026, 12, 31, 1, 2, 3), datetime(2026, 12, 31, 1, 3, 3), local=True),
        ),
        ("00:00:00 Jan 1 2026 00:00:00 Feb 1 2026", Lifetime(datetime(2026, 1, 1), datetime(2026, 2, 1))),
    ],
)
def test_a_lifetime_is_read_with_its_days_in_either_order(text: str, lifetime: Lifetime) -> None:
    assert read_lifetime(text) == lifetime


@pytest.mark.parametrize(
    "text",
    [
        "00:00:00 Feb 30 2026 infinite",
        "24:00:00 Jan 1 2026 infinite",
        f"00:00:00 Jan 1 {'9' * 20} infinite",
        f"{'9' * 20}:00:00 Jan 1 2026 infinite",
        "00:00:00 Jan 1 2026 duration 0",
        "00:00:00 Jan 1 9999 duration 2147483646",
        f"00:00:00 Jan 1 2026 duration {'9' * 5000}",
    ],
)
def test_a_lifetime_that_no_calendar_has_is_refused(text: str) -> None:
    """A year of twenty digits, or an end behind the year 9999, ended the reading of the line with a traceback."""
    assert read_lifetime(text) is None
