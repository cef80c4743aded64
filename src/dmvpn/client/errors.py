"""What can go wrong for a program that asks `dmvpn web`.

ClientError
├── UsageError            this side cannot do it: no such show, no token, no pandas. Nothing was sent
├── NotReachedError       there is no connection, or it broke, or nothing came in time
├── AnswerError           the answer is not what the API promises: another program, or another version
└── ProblemError          the server refuses, and says why (RFC 9457)
    ├── RefusedError      400  no such show or command, or not for this privilege level
    ├── TokenError        401  the token is wrong, revoked or expired
    ├── RoleError         403  the role of the token is not enough
    ├── MissingError      404  no such lab or router
    ├── UnavailableError  408, 429, 503  later perhaps: `retry_after` says when, if the server does
    └── RouterError       502  the router or the lab does not answer
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from dmvpn.base.errors import DmvpnError, UserError

#: Characters of a text of the server in an error.
_LONGEST: Final = 1000


class ClientError(DmvpnError):
    """The root."""


class UsageError(ClientError, UserError):
    """This side cannot do it."""


class NotReachedError(ClientError):
    """There is no connection, or it broke, or nothing came in time."""


class AnswerError(ClientError):
    """The answer is not what the API promises."""


class ProblemError(ClientError):
    """The server refuses. status, title, detail, type: the members of RFC 9457. retry_after: seconds, None: unknown."""

    def __init__(
        self, status: int, title: str, detail: str, *, type: str = "about:blank", retry_after: float | None = None
    ) -> None:
        self.status = status
        self.title = _clean(title)
        self.detail = _clean(detail)
        self.type = _clean(type)
        self.retry_after = retry_after
        super().__init__(f"{status} {self.title}: {self.detail}" if self.detail else f"{status} {self.title}")


class RefusedError(ProblemError):
    """No such show or command, or not for this privilege level."""


class TokenError(ProblemError):
    """The token is wrong, revoked or expired."""


class RoleError(ProblemError):
    """The role of the token is not enough."""


class MissingError(ProblemError):
    """There is no such lab, router or resource."""


class UnavailableError(ProblemError):
    """The server has no time or no place, or the router does not run."""


class RouterError(ProblemError):
    """The router or the lab does not answer."""


#: The class of each status; others are a `ProblemError`.
OF_STATUS: Final[dict[int, type[ProblemError]]] = {
    HTTPStatus.BAD_REQUEST: RefusedError,
    HTTPStatus.UNAUTHORIZED: TokenError,
    HTTPStatus.FORBIDDEN: RoleError,
    HTTPStatus.NOT_FOUND: MissingError,
    HTTPStatus.REQUEST_TIMEOUT: UnavailableError,
    HTTPStatus.TOO_MANY_REQUESTS: UnavailableError,
    HTTPStatus.SERVICE_UNAVAILABLE: UnavailableError,
    HTTPStatus.BAD_GATEWAY: RouterError,
}


def _clean(text: str) -> str:
    """Return a text of a server so that it controls no terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_LONGEST])
