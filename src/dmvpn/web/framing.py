"""Requests that two programs could read in two ways, or that carry a secret where logs keep it: they are refused."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote_to_bytes

from dmvpn.web.bounded import LARGEST_BODY, TOO_LARGE
from dmvpn.web.problems import CLOSE, Problem
from dmvpn.web.tokens import SECRET

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.types import Scope

MOST_HEADERS: Final = 1 << 15
_SECRET_WORDS: Final = ("token", "access_token", "code", "session_key", "authorization")
#: Parts of a path in front of the words of a show, where a slash is one between two parts.
_STRUCTURE: Final = 8


def check_framing(scope: Scope, headers: Headers) -> None:
    """Refuse a body whose end two programs could see in two places (RFC 9112 §6.1), and long headers. Raises Problem.

    h11 bounds headers that arrive in pieces alone.
    """
    octets = sum(len(name) + len(value) + 4 for name, value in headers.raw)
    if octets + len(scope["raw_path"]) + len(scope["query_string"]) > MOST_HEADERS:
        raise Problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers have at most 32 KiB", CLOSE)
    if "transfer-encoding" in headers and ("content-length" in headers or scope["http_version"] == "1.0"):
        raise Problem(HTTPStatus.BAD_REQUEST, "a body has either a length or chunks", CLOSE)
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > LARGEST_BODY:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE, CLOSE)


def check_path(scope: Scope) -> None:
    """Refuse a path or query that two programs could read in two ways, or that has a secret in it. Raises Problem."""
    raw: bytes = scope["raw_path"]
    parts = raw.split(b"/")
    if not raw.startswith(b"/") or b"\\" in raw or any(part in (b".", b"..") for part in parts):
        raise Problem(HTTPStatus.BAD_REQUEST, "no path of this server")
    if any(b"%2f" in part.lower() for part in parts[:_STRUCTURE]):
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such resource: %2F is for the words of a show")
    names = [name.lower() for name, _ in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)]
    address = unquote_to_bytes(raw + b"?" + scope["query_string"])
    if any(name in _SECRET_WORDS for name in names) or SECRET.search(address):
        detail = "a token or code never belongs in an address, which logs keep: revoke it, if it was one"
        raise Problem(HTTPStatus.BAD_REQUEST, detail)
