"""One error, as JSON: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http import HTTPStatus

    from dmvpn.ios.filters import Plain

_LONGEST: Final = 1000
NO_LAB: Final = "no lab of this name runs"
#: Of an answer behind which nothing on the connection can be believed.
CLOSE: Final = {"Connection": "close"}


class Problem(Exception):
    """A request that fails. detail: a sentence for the user; headers: of the answer; more: members of its object."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Plain] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    @property
    def body(self) -> dict[str, Plain]:
        """The object. Its type is `about:blank`: the status says what kind of error it is (RFC 9457 §4.2.1)."""
        return {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail[:_LONGEST].encode(errors="replace").decode(),  # of a file it may have any octets
            **self.more,
        }

    def response(self) -> JSONResponse:
        """Return the answer."""
        headers = {**self.headers, "Cache-Control": "no-store"}
        return JSONResponse(self.body, self.status.value, headers, media_type="application/problem+json")
