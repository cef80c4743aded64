"""The process of `dmvpn web`: its socket, its certificate and its server, until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING, Final

import uvicorn

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.shells.descriptors import allow_descriptors
from dmvpn.web import tls
from dmvpn.web.audit import Audit
from dmvpn.web.bounds import Bounds
from dmvpn.web.connections import HEADERS, Reception
from dmvpn.web.entrance import CODE_LIFE, Entrance
from dmvpn.web.framing import MOST_HEADERS
from dmvpn.web.guard import LOGIN
from dmvpn.web.origin import Names
from dmvpn.web.resources import application
from dmvpn.web.tls import Renewal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dmvpn.web.fleet import Fleet
    from dmvpn.web.guard import Guard
    from dmvpn.web.roles import Role
    from dmvpn.web.tls import Tls
    from dmvpn.web.tokens import TokenFile

#: Connections that wait to be accepted; seconds for which the end waits for answers.
_BACKLOG, _LEAVE = 200, 2
#: Seconds between two looks whether a token was revoked whose holder has a request open.
_LOOK: Final = 0.25
_LOCAL: Final = "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where the server listens, and as whom. listen: ADDRESS:PORT.

    certificate, key: files for TLS. authority: folder of an authority of our own, instead of them.
    names: other names and addresses of this server. proxies: addresses of reverse proxies.
    """

    listen: str
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    names: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()


def serve(fleet: Fleet, where: Where, role: Role, tokens: TokenFile, say: Callable[[str], None]) -> None:
    """Serve until the process gets a signal to end. role: of the printed code. say: prints a line. Raises UserError."""
    tokens.tokens()  # a file that cannot be trusted is an error now, not silence later
    address, port = _address(where.listen)
    names = Names(_names(where.names), frozenset(str(_proxy(proxy)) for proxy in where.proxies))
    secure = _tls(where, address, names.names)
    if secure is not None:
        names = Names(names.names | secure.names, names.proxies)
    entrance, audit = Entrance(role, tokens), Audit()
    allow_descriptors()
    with _listening(where.listen, address, port) as listening:
        guard = application(fleet, entrance, audit, names, Bounds())
        _announce(say, listening, where, secure, entrance)
        config = configuration(guard)
        renewal = Renewal(secure, where.certificate, where.key) if secure and where.certificate and where.key else None
        reception = Reception(listening, secure.context if secure else None, config)
        Server(config, reception, guard, entrance, audit, renewal).run()


def configuration(guard: Guard) -> uvicorn.Config:
    """Return what uvicorn is to do."""
    return uvicorn.Config(
        guard,
        access_log=False,
        h11_max_incomplete_event_size=MOST_HEADERS,
        http="h11",
        lifespan="off",
        log_config=None,
        log_level="critical",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_LEAVE,
        timeout_keep_alive=int(HEADERS),
        ws="none",
    )


class Server(uvicorn.Server):
    """A server of uvicorn that takes its connections from our reception, and looks after revoked tokens."""

    def __init__(
        self,
        config: uvicorn.Config,
        reception: Reception,
        guard: Guard,
        entrance: Entrance,
        audit: Audit,
        renewal: Renewal | None = None,
    ) -> None:
        super().__init__(config)
        self._reception = reception
        self._guard = guard
        self._entrance = entrance
        self._audit = audit
        self._renewal = renewal
        self._looking: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin."""
        await super().startup(sockets=[])
        self.servers.append(self._reception)  # type: ignore[arg-type]
        self._reception.start(self.server_state)
        self._looking = asyncio.create_task(self._look())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End."""
        if self._looking is not None:
            self._looking.cancel()
        self._entrance.note_uses(self._entrance.unnoted_uses())
        await super().shutdown(sockets)

    async def _look(self) -> None:
        trouble = ""
        while True:
            await asyncio.sleep(_LOOK)
            self._guard.end_revoked()
            if uses := self._entrance.unnoted_uses():
                await asyncio.to_thread(self._entrance.note_uses, uses)
            if self._renewal is not None and (news := self._renewal.look()):
                self._audit.note("certificate", said=news)
            if self._entrance.trouble != trouble:
                trouble = self._entrance.trouble
                self._audit.note("tokens", problem=trouble or "solved")


def _announce(
    say: Callable[[str], None], listening: socket.socket, where: Where, secure: Tls | None, entrance: Entrance
) -> None:
    address, port = listening.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    if ipaddress.ip_address(address).is_unspecified:
        shown = where.names[0]
    own = f"{'http' if secure is None else 'https'}://{shown}:{port}"
    base = f"https://{where.names[0]}" if where.proxies else own
    say(f"{own}/api/v1/ is served until Ctrl-C, for the role {entrance.role.value}")
    say(f"open this once, within {CODE_LIFE / 60:.0f} minutes: {base}{LOGIN}#{entrance.code}")
    if secure is not None:
        authority = f"; clients trust {secure.authority}" if secure.authority else ""
        say(f"SHA-256 of the certificate: {secure.fingerprint}{authority}")


# ---------------------------------------------------------------------------------------------------- what was asked


def _address(listen: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    """Read ADDRESS:PORT. Raises UserError."""
    text, colon, port = listen.rpartition(":")
    try:
        address = ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
        number = int(port) if colon and port.isascii() and port.isdigit() else -1
    except ValueError:
        number = -1
    if not 0 <= number < 65536:
        raise UserError(f"--listen {listen}: it takes ADDRESS:PORT, as in 127.0.0.1:8080 or [::1]:8080")
    return address, number


def _names(names: tuple[str, ...]) -> frozenset[str]:
    for name in names:
        if not name or len(name) > 253 or not all(letter.isalnum() or letter in ".-_:" for letter in name):
            raise UserError(f"--name {name}: it takes a name or an address of this server, without a port")
    return frozenset(name.lower() for name in names)


def _proxy(proxy: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(proxy)
    except ValueError:
        raise UserError(f"--behind-proxy {proxy}: it takes the address from which the proxy connects") from None


def _tls(where: Where, address: ipaddress.IPv4Address | ipaddress.IPv6Address, names: frozenset[str]) -> Tls | None:
    """Return what TLS needs; None: without TLS. Raises UserError."""
    if where.proxies and not names:
        raise UserError("--behind-proxy needs --name: the name by which clients know the proxy")
    if where.authority is None and where.certificate is None:
        if not address.is_loopback:
            raise UserError(
                f"--listen {where.listen}: other addresses than loopback need TLS: --authority, or --certificate "
                "and --key"
            )
        return None
    if address.is_unspecified and not names:
        raise UserError(f"--listen {where.listen} needs --name: a name or an address by which clients know this server")
    if where.authority is not None:
        own = {str(address)} if not address.is_unspecified else set()
        own |= {_LOCAL} if address.is_loopback else set()
        return tls.own(where.authority, names | own)
    if where.certificate is None or where.key is None:
        raise UserError("--certificate and --key belong together")
    return tls.given(where.certificate, where.key)


def _listening(listen: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> socket.socket:
    """Return a socket that is bound. Raises UserError."""
    server = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((str(address), port))
        server.listen(_BACKLOG)  # what is printed is true at once: a client may connect
    except OSError as error:
        server.close()
        raise UserError(f"--listen {listen}: {error.strerror}") from error
    return server
