"""The body of a request: an object of JSON."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from dmvpn.web.problems import Problem

if TYPE_CHECKING:
    from starlette.requests import Request


async def body_of(request: Request, meaning: str) -> dict[str, object]:
    """Return the object in the body. meaning: what it is to be, for the problem. Raises Problem."""
    try:
        given = json.loads(await request.body())
        # JSON can write half of a character (RFC 8259 §8.2), which no answer and no file could have.
        json.dumps(given, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {meaning}")
    return given


async def body_or_nothing(request: Request, meaning: str) -> dict[str, object]:
    """Return the object in the body; an empty one if there is no body. Raises Problem."""
    return await body_of(request, meaning) if await request.body() else {}
