"""Values of JSON from a file or a peer, each checked before it is used.

read_line(text, made, what)                             a line as the value that `made` makes of it
as_object, as_list, as_text, as_texts, as_whole, as_number, as_flag    a field of one kind; they raise ValueError
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, TypeVar

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def read_line(text: str, made: Callable[[object], T], what: str) -> T:
    """Read a line of JSON. made: reads the value, and raises ValueError or UserError. Raises UserError: "not WHAT"."""
    try:
        return made(json.loads(text, parse_constant=_refused))
    except (ValueError, ArithmeticError, UserError, RecursionError) as error:
        raise UserError(f"not {what}: {error}") from error


def _refused(text: str) -> None:
    raise ValueError(f"{text} is no number")


def as_object(raw: object, what: str) -> dict[str, object]:
    """Return a JSON object. Raises ValueError."""
    if not isinstance(raw, dict):
        raise ValueError(f"{what}: not an object")
    return raw


def as_list(raw: object, what: str) -> list[object]:
    """Return a list. Raises ValueError."""
    if not isinstance(raw, list):
        raise ValueError(f"{what}: not a list")
    return raw


def as_text(raw: object, what: str) -> str:
    """Return a text that can be printed and written. Raises ValueError."""
    if not isinstance(raw, str):
        raise ValueError(f"{what}: not a text")
    try:
        raw.encode()
    except UnicodeEncodeError as error:  # JSON can write half of a character
        raise ValueError(f"{what}: not a text: {error}") from error
    return raw


def as_texts(raw: object, what: str) -> tuple[str, ...]:
    """Return the texts of a list. Raises ValueError."""
    return tuple(as_text(each, what) for each in as_list(raw, what))


def as_flag(raw: object, what: str) -> bool:
    """Return true or false. Raises ValueError."""
    if not isinstance(raw, bool):
        raise ValueError(f"{what}: not true or false")
    return raw


def as_whole(raw: object, what: str) -> int:
    """Return a whole number. Raises ValueError."""
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise ValueError(f"{what}: not a whole number")
    return raw


def as_number(raw: object, what: str) -> float:
    """Return a finite number. Raises ValueError, OverflowError."""
    if not isinstance(raw, int | float) or isinstance(raw, bool):
        raise ValueError(f"{what}: not a number")
    if not math.isfinite(number := float(raw)):
        raise ValueError(f"{what}: too large for a number")
    return number
