"""Moments as people type them: always in the past, on the router's own clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import UserError
from dmvpn.base.moments import Moment, read_span, read_time
from dmvpn.ios.exec_parser import MomentType
from dmvpn.ios.values import Misfit, Reading, Token, Unfinished
from support.fakes import FakeClock

#: On the fake clock it is Nov 20 06:00:00 2026 at 0, so at 3600 it is 07:00:00.
NOW = 3600.0


def read(text: str) -> Reading | Unfinished | Misfit:
    """What the language makes of these words."""
    tokens, start = [], 0
    for word in text.split():
        tokens.append(Token(word, start))
        start += len(word) + 1
    return MomentType().read(text, tokens, 0)


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("06:30:00", 1800.0),
        ("6:30:00.25", 1800.25),
        ("07:00:00", 3600.0),
        ("07:00:01", 3601.0 - 86400),
        ("23:00:00", -25200.0),
        ("06:00:00 19 nov", -86400.0),
        ("06:00:00 19 November 2026", -86400.0),
        ("06:00:00 21 nov", -364 * 86400.0),
        ("5m", 3300.0),
        ("1h30m", -1800.0),
        ("90s", 3510.0),
        ("2d", NOW - 172800),
        ("0s", NOW),
    ],
)
def test_a_moment_is_the_last_one_that_fits(typed: str, seconds: float) -> None:
    reading = read(typed)
    assert isinstance(reading, Reading)
    assert reading.end == len(typed.split())
    assert isinstance(reading.value, Moment)
    assert reading.value.seconds(FakeClock(), NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "typed", ["24:00:00", "10:60:00", "10:00", "10:00:00.1234", "soon", "m", "5", "-5m", "10:00:00 20 Foo"]
)
def test_what_is_no_moment_is_refused(typed: str) -> None:
    assert isinstance(read(typed), Misfit)


def test_a_day_without_its_month_is_not_finished() -> None:
    assert isinstance(read("10:00:00 20"), Unfinished)


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("06:00:00 30 feb", "there is no 30 Feb"),
        ("06:00:00 29 feb 2025", "there is no 29 Feb 2025"),
        ("07:00:01 20 nov 2026", "Nov 20 07:00:01 is still to come: it is Nov 20 07:00:00"),
        ("07:00:00 20 nov 2027", "Nov 20 2027 07:00:00 is still to come: it is Nov 20 2026 07:00:00"),
    ],
)
def test_a_day_that_is_not_is_said(typed: str, why: str) -> None:
    reading = read(typed)
    assert isinstance(reading, Reading)
    assert isinstance(reading.value, Moment)
    with pytest.raises(UserError, match=why):
        reading.value.seconds(FakeClock(), NOW)


@given(st.text(max_size=12))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    read_span(text)
    read_time(text)
    if text.split():
        read(text)


@given(st.integers(0, 9), st.integers(0, 99), st.integers(0, 999), st.integers(0, 9999))
def test_a_span_is_the_sum_of_its_parts(days: int, hours: int, minutes: int, seconds: int) -> None:
    assert read_span(f"{days}d{hours}h{minutes}m{seconds}s") == ((days * 24 + hours) * 60 + minutes) * 60 + seconds
