"""Values of JSON from a file or a peer, each checked before it is used.

read_line(text, made, what)                             a line as the value that `made` makes of it
as_object, as_list                                      a value of one kind; they raise ValueError
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import TypeVar

from dmvpn.base.errors import UserError

T = TypeVar("T")


def read_line(text: str, made: Callable[[object], T], what: str) -> T:
    """Read a line of JSON. made: reads the value, and raises ValueError or UserError. Raises UserError: "not WHAT"."""
    try:
        raw = json.loads(text, parse_constant=_refused, parse_float=_finite)
        json.dumps(raw, ensure_ascii=False).encode()  # JSON can write half of a character
        return made(raw)
    except (ValueError, ArithmeticError, UserError, RecursionError) as error:
        raise UserError(f"not {what}: {error}") from error


def _refused(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is too large for a number")
    return number


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
