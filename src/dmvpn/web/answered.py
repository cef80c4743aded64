"""What a router answers about its configuration, checked: a router of another release may answer anything.

`NaN` is no JSON (RFC 8259 §6), so it cannot be passed on. Members that this release does not know are passed on.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dmvpn.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.ios.filters import Plain

#: Members of a running configuration, and their types in JSON.
RUNNING: Final = {"tag": str, "text": str}
#: Members of what became of a change (`face/transaction.py`).
CHANGE: Final = {"tag": str, "result": str, "refused": list, "said": list, "differences": list, "noted": list}
_TEXTS: Final = ("said", "differences", "noted")


def answered(text: str, router: str, members: Mapping[str, type]) -> dict[str, Plain]:
    """Return the object in an answer. Raises Problem (502) if it is no JSON, or has no such members."""
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise _problem(router) from error
    if not isinstance(found, dict) or not all(isinstance(found.get(name), kind) for name, kind in members.items()):
        raise _problem(router)
    lists = (found[name] for name in _TEXTS if name in members)
    if not all(isinstance(line, str) for lines in lists for line in lines):
        raise _problem(router)
    return found


def _problem(router: str) -> Problem:
    return Problem(HTTPStatus.BAD_GATEWAY, f"{router} gives an answer that cannot be read: is it of another release?")


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")
