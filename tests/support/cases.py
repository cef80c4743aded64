"""Many cases of one kind, or costly ones: some are tried every day, all of them by `make test-all`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from _pytest.mark.structures import ParameterSet

T = TypeVar("T")


def every_day_but(rare: Collection[T], cases: Collection[T]) -> list[T | ParameterSet]:
    """Return the cases for `parametrize`; those that are rare are marked `slow`."""
    unknown = [case for case in rare if case not in cases]
    assert not unknown, unknown
    return [pytest.param(case, marks=pytest.mark.slow) if case in rare else case for case in cases]


def one_in(number: int, cases: Iterable[T]) -> list[T | ParameterSet]:
    """Return the cases for `parametrize`; all but one in so many are marked `slow`."""
    return [pytest.param(case, marks=pytest.mark.slow) if index % number else case for index, case in enumerate(cases)]


def few_examples(count: int) -> settings:
    """Return the settings of a property whose examples are costly: so many of them every day, and in a fresh round."""
    return settings(max_examples=count) if settings.get_current_profile_name() in ("dev", "fresh") else settings()
