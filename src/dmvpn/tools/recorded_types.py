"""Whether the fields of a recorded event have the types that its class says.

`base/recording` makes objects of what a line has, whatever types its values have: a router would fail later, at a place
that does not name the line. Types are looked up in the source (`ios/shapes`), which no running router needs.
"""

from __future__ import annotations

import types
import typing
from dataclasses import is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.recording import LONGEST_TIME
from dmvpn.ios.shapes import hints_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Fits = typing.Callable[[object], bool]
_UNIONS: Final = (typing.Union, types.UnionType)


def check_types(value: object) -> None:
    """Raise UserError if a field of a dataclass, or of one in it, has another type than it should have."""
    kind: type = type(value)
    for name, fits in checks_of(kind):
        found = getattr(value, name)
        if not fits(found):
            raise UserError(f"{type(value).__name__}: {name} cannot be {repr(found)[:80]}")


@lru_cache(maxsize=1024)
def checks_of(kind: type) -> tuple[tuple[str, Fits], ...]:
    """Return the fields of a dataclass, and for each what says whether a value fits."""
    return tuple((name, _check(hint)) for name, hint in hints_of(kind))


def _check(hint: object) -> Fits:
    """Return what says whether a value has a type: a class, a union of types, or a tuple of them."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in _UNIONS:
        return _any_of([_check(one) for one in inside])
    if origin is tuple and inside[-1:] == (Ellipsis,):
        item = _check(inside[0])
        return lambda value: isinstance(value, tuple) and all(map(item, value))
    if origin is tuple:
        return _row([_check(one) for one in inside])
    if hint is float:  # JSON may write it without its point
        return _is_time
    if not isinstance(hint, type):
        raise TypeError(f"{hint} is in an event, and nothing here knows it")
    return _instance(hint)


def _is_time(value: object) -> bool:
    """Return whether this is a number of seconds, as all floats of events are."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LONGEST_TIME


def _any_of(checks: Sequence[Fits]) -> Fits:
    return lambda value: any(fits(value) for fits in checks)


def _row(checks: Sequence[Fits]) -> Fits:
    def fits(value: object) -> bool:
        return (
            isinstance(value, tuple)
            and len(value) == len(checks)
            and all(one(item) for one, item in zip(checks, value, strict=True))
        )

    return fits


def _instance(kind: type) -> Callable[[object], bool]:
    if not is_dataclass(kind):
        return lambda value: isinstance(value, kind) and (kind is not int or not isinstance(value, bool))

    def fits(value: object) -> bool:
        return isinstance(value, kind) and all(check(getattr(value, name)) for name, check in checks_of(type(value)))

    return fits
