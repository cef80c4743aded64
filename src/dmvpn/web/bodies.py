"""The body of a request: an object of JSON.

To read a large one keeps all other requests waiting, so one user has a tenth of the time for that.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dmvpn.web.problems import Problem

if TYPE_CHECKING:
    from starlette.requests import Request

#: Octets of a body that is read at once. The pause after a larger one, as a multiple of the time that it took.
_SMALL: Final = 1 << 14
PAUSE: Final = 9


async def body_of(request: Request, meaning: str) -> dict[str, object]:
    """Return the object in the body. meaning: what it is to be, for the problem. Raises Problem."""
    octets = await request.body()
    if len(octets) <= _SMALL:
        return _object(octets, meaning)
    bounds, caller, loop = request.scope["bounds"], request.scope["caller"], asyncio.get_running_loop()
    await bounds.await_turn("parses", caller)
    began = loop.time()
    try:
        return _object(octets, meaning)
    finally:
        loop.call_later(PAUSE * (loop.time() - began), bounds.release, "parses", caller)


def _object(octets: bytes, meaning: str) -> dict[str, object]:
    try:
        given = json.loads(octets)
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
