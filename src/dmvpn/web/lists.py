"""Long lists in parts: `?limit=100&offset=200`, and a `Link` to the next part (RFC 8288)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse

from dmvpn.web.described import operation, parameter
from dmvpn.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from dmvpn.ios.filters import Plain

_LARGEST: Final = 1_000_000
_LIMIT: Final[Plain] = {"type": "integer", "minimum": 1, "maximum": _LARGEST}
_OFFSET: Final[Plain] = {"type": "integer", "minimum": 0, "maximum": _LARGEST}


def list_operation(summary: str, item: Plain) -> dict[str, Plain]:
    """Return the description of a resource that is such a list."""
    given = [
        parameter("query", "limit", "At most so many; `Link` of the answer has the next ones", _LIMIT),
        parameter("query", "offset", "So many are left out at the beginning", _OFFSET),
    ]
    return operation(summary, {"type": "array", "items": item}, given=given, refused=[HTTPStatus.BAD_REQUEST])


def listed(request: Request, rows: Sequence[object]) -> JSONResponse:
    """Return the part of a list that a request asks for. Raises Problem."""
    limit, offset = _number(request, "limit", len(rows), 1), _number(request, "offset", 0, 0)
    end = offset + limit
    link = f'<{request.scope["raw_path"].decode("ascii")}?limit={limit}&offset={end}>; rel="next"'
    return JSONResponse([*rows[offset:end]], headers={"Link": link} if end < len(rows) else None)


def _number(request: Request, name: str, default: int, smallest: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(_LARGEST)) else -1
    if not smallest <= number <= _LARGEST:
        raise Problem(HTTPStatus.BAD_REQUEST, f"{name} is a number from {smallest} to {_LARGEST}")
    return number
