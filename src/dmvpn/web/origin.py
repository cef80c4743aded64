"""From where a request comes, and at which name of this server it arrives: `Host`, `Origin`, a proxy's headers.

`Host` must be a name of this server: else a page of a stranger, whose name was made to point here, could read answers
(DNS rebinding). An address as `Host` must be the destination of the connection. The port is not compared, so a tunnel
of SSH works; `Origin`, which browsers send, must equal scheme, name and port of the request.

Behind a reverse proxy the client's address, `Host` and scheme are what `X-Forwarded-For` (its last address),
`X-Forwarded-Host` and `X-Forwarded-Proto` say. Only the proxy's own address is believed, and it must send all three.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.web.problems import Problem

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.types import Scope

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?)(:\d{1,5})?")
_LOCAL: Final = "localhost"
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Names:
    """What this server may be called. names: of the certificate and of the user, small letters, `*.` allowed.

    proxies: the addresses of reverse proxies.
    """

    names: frozenset[str] = frozenset()
    proxies: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Origin:
    """A request's origin. place: the client's address; host: as the client named this server; secure: TLS."""

    place: str
    host: str
    secure: bool


def origin_of(scope: Scope, headers: Headers, names: Names) -> Origin:
    """Return from where a request comes. Raises Problem."""
    place = _plain(scope["client"][0]) if scope.get("client") else ""
    if place in names.proxies:
        found = _behind_proxy(headers)
        local = ""
    else:
        found = Origin(place, _only(headers, "host").lower(), scope["scheme"] == "https")
        local = _plain(scope["server"][0]) if scope.get("server") else ""
    matched = _HOST.fullmatch(found.host)
    if matched is None or not _is_ours(matched[1], local, names):
        raise Problem(HTTPStatus.MISDIRECTED_REQUEST, "the Host of the request is not this server")
    _check_page(headers, found)
    return found


def _behind_proxy(headers: Headers) -> Origin:
    place = headers.getlist("x-forwarded-for")[-1:]
    address = _plain(place[0].rpartition(",")[2].strip()) if place else ""
    host, scheme = _only(headers, "x-forwarded-host").lower(), _only(headers, "x-forwarded-proto").lower()
    if not address or not host or not scheme:
        what = "X-Forwarded-For, X-Forwarded-Host and X-Forwarded-Proto, each once"
        raise Problem(HTTPStatus.BAD_REQUEST, f"the proxy must send {what}")
    if scheme != "https":
        raise Problem(HTTPStatus.FORBIDDEN, "the client reached the proxy without TLS")
    return Origin(address, host, secure=True)


def _only(headers: Headers, name: str) -> str:
    """Return a header that may come once; "" where it is missing or comes again."""
    found = headers.getlist(name)
    return found[0].strip() if len(found) == 1 and len(found[0]) <= _LONGEST else ""


def _plain(place: str) -> str:
    """Return an address as it is written usually; "" for none. A socket of both families has IPv4 inside of IPv6."""
    try:
        address = ipaddress.ip_address(place.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _is_ours(name: str, local: str, names: Names) -> bool:
    literal = _plain(name.strip("[]"))
    if literal:
        return literal == local or literal in names.names
    if name == _LOCAL and local and ipaddress.ip_address(local).is_loopback:
        return True
    return any(fits(name, pattern) for pattern in names.names)


def fits(name: str, pattern: str) -> bool:
    """Return whether a name is the one of a certificate; `*` is one whole label, the first (RFC 9525 §6.3)."""
    if not pattern.startswith("*."):
        return name == pattern
    return name.partition(".")[2] == pattern[2:] and fnmatch.fnmatchcase(name, "?*.*")


def _check_page(headers: Headers, found: Origin) -> None:
    """Refuse what a browser sends for a page of another server. Raises Problem.

    A port of the same host is another server, and `null` is one, too.
    """
    origin = headers.getlist("origin")
    ours = f"{'https' if found.secure else 'http'}://{found.host}"
    # Where the port is the usual one, browsers leave it out in both.
    if any(one.lower() != ours for one in origin):
        raise Problem(HTTPStatus.FORBIDDEN, "the request comes from a page of another server")
    site = headers.get("sec-fetch-site", "none")
    is_visit = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    if site not in ("same-origin", "none") and not is_visit:
        raise Problem(HTTPStatus.FORBIDDEN, "the request comes from a page of another server")
