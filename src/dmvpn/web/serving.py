"""The process of `dmvpn web`: its socket, its certificate and its server, until SIGINT or SIGTERM.

The certificate is in files that the user gives, or is one of an authority of our own: a folder of `dmvpn pki`
(`tools/authority.py`). It is made if it does not exist; its certificate is used again until it is about to expire, or
the names of this server change.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import ipaddress
import os
import socket
import ssl
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import uvicorn
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes

from dmvpn.base.addresses import IPAddress
from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.shells.descriptors import allow_descriptors
from dmvpn.tools.authority import CA_CERTIFICATE, CA_KEY, Authority, RequestedCertificate
from dmvpn.web.bounds import Bounds
from dmvpn.web.connections import HEADERS, Reception
from dmvpn.web.entrance import CODE_LIFE, Audit, Entrance
from dmvpn.web.fleet import Fleet
from dmvpn.web.guard import LOGIN, MOST_HEADERS, Guard, Names
from dmvpn.web.permission import Role, TokenFile
from dmvpn.web.resources import application

#: Name of the files of the certificate in the folder of an authority.
_NAME: Final = "web"
_DAYS: Final = 397
#: Our own certificate is made again when it has less than this left.
_SOON: Final = timedelta(days=30)

#: Connections that wait to be accepted; seconds for which the end waits for answers.
_BACKLOG, _LEAVE = 200, 2
#: Seconds between two looks whether a token was revoked whose holder has a request open.
_LOOK: Final = 0.25
_LOCAL: Final = "localhost"


# ------------------------------------------------------------------------------------------------ the certificate


class Tls(Value, kw_only=True):
    """What TLS needs. names: of the certificate, small letters; fingerprint: SHA-256; authority: its file, if ours."""

    context: ssl.SSLContext
    names: frozenset[str]
    fingerprint: str
    authority: Path | None = None


def given(certificate: Path, key: Path) -> Tls:
    """Return TLS with a certificate (with those of its authorities behind it) and a key. Raises UserError."""
    found = _read(certificate)
    now = datetime.now(UTC)
    if not found.not_valid_before_utc <= now < found.not_valid_after_utc:
        span = f"{found.not_valid_before_utc:%Y-%m-%d} to {found.not_valid_after_utc:%Y-%m-%d}"
        raise UserError(f"{certificate}: it is valid from {span}, not now")
    try:
        mode = key.stat().st_mode
    except OSError as error:
        raise UserError(f"{key}: {error.strerror}") from error
    if mode & stat.S_IROTH:
        raise UserError(f"{key}: every user of this machine can read the key: chmod 600")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, _no_passphrase)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = getattr(error, "reason", None) or error.args[-1] if error.args else error
        raise UserError(f"{certificate}, {key}: not a certificate and its key, unencrypted ({reason})") from error
    return Tls(context=context, names=_names_in(found), fingerprint=found.fingerprint(hashes.SHA256()).hex(":").upper())


def own_certificate(folder: Path, names: frozenset[str]) -> Tls:
    """Return TLS with a certificate of the authority in a folder; both are made if necessary. Raises UserError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}") from error
    with _locked(folder):
        has_one = (folder / CA_CERTIFICATE).exists() or (folder / CA_KEY).exists()
        authority = Authority.open(folder) if has_one else Authority.make(folder, "dmvpn web", elliptic=True)
        if not _is_good(folder / f"{_NAME}.pem", names, authority):
            addresses = tuple(sorted(name for name in names if _is_address(name)))
            request = RequestedCertificate(
                name=_NAME, fqdns=tuple(sorted(names.difference(addresses))), addresses=addresses, days=_DAYS, web=True
            )
            authority.issue(request, renew=True)
    found = given(folder / f"{_NAME}.pem", folder / f"{_NAME}.key")
    return Tls(
        context=found.context, names=found.names, fingerprint=found.fingerprint, authority=folder / CA_CERTIFICATE
    )


class Renewal:
    """Takes files that were renewed into a server that runs: new connections get the new certificate."""

    def __init__(self, secure: Tls, certificate: Path, key: Path) -> None:
        self._secure = secure
        self._files = (certificate, key)
        self._seen = self._stamps()

    def look(self) -> str:
        """Return what happened, "": nothing. Files that do not fit together are left alone until they do."""
        stamps = self._stamps()
        if stamps == self._seen:
            return ""
        self._seen = stamps
        try:
            fresh = given(*self._files)
            self._secure.context.load_cert_chain(*self._files, _no_passphrase)
        except (UserError, OSError, ValueError) as error:
            return f"the old certificate stays: {error}"
        return f"renewed: SHA-256 {fresh.fingerprint}"

    def _stamps(self) -> tuple[int, ...]:
        try:
            return tuple(path.stat().st_mtime_ns for path in self._files)
        except OSError:
            return ()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder: two servers that start at once have one authority."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _is_good(path: Path, names: frozenset[str], authority: Authority) -> bool:
    try:
        found = _read(path)
        found.verify_directly_issued_by(authority.certificate)
    except (UserError, ValueError, TypeError, InvalidSignature):
        return False
    lasts = found.not_valid_after_utc - datetime.now(UTC) > _SOON
    return lasts and names <= _names_in(found) and path.with_suffix(".key").exists()


def _read(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path}: no certificate in PEM form") from error


def _names_in(certificate: x509.Certificate) -> frozenset[str]:
    """Return its alternative names. The subject does not count (RFC 9525 §2)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = (str(address) for address in found.get_values_for_type(x509.IPAddress))
    return frozenset(name.lower() for name in (*found.get_values_for_type(x509.DNSName), *addresses))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _no_passphrase() -> str:
    """Refuse an encrypted key: a service cannot ask for a passphrase."""
    raise ValueError("the key is encrypted")


# ------------------------------------------------------------------------------------------------ the process


class Where(Value, kw_only=True):
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


def serve(fleet: Fleet, where: Where, role: Role | None, tokens: TokenFile, say: Callable[[str], None]) -> None:
    """Serve until the process gets a signal to end. say: prints a line. Raises UserError.

    role: of the printed code; None: the usual one.
    """
    tokens.tokens()  # a file that cannot be trusted is an error now, not silence later
    address, port = _address(where.listen)
    names = Names(_names(where.names), frozenset(str(_proxy(proxy)) for proxy in where.proxies))
    secure = _tls(where, address, names.names)
    if secure is not None:
        names = Names(names.names | secure.names, names.proxies)
    entrance, audit = Entrance(role or usual_role(address, where.proxies), tokens), Audit()
    allow_descriptors()
    with _listening(where.listen, address, port) as listening:
        guard = application(fleet, entrance, audit, names, Bounds())
        _announce(say, listening, where, secure, entrance)
        config = configuration(guard)
        renewal = Renewal(secure, where.certificate, where.key) if secure and where.certificate and where.key else None
        reception = Reception(listening, secure.context if secure else None, config)
        Server(config, reception, guard, entrance, audit, renewal).run()


def usual_role(address: IPAddress, proxies: tuple[str, ...]) -> Role:
    """Return the role of a printed code if the user named none.

    On loopback the code is for the user who started this process and may do everything anyway. On a server for other
    machines, or behind a proxy, it is for other users.
    """
    return Role.CONFIGURE if address.is_loopback and not proxies else Role.VIEW


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
        return own_certificate(where.authority, names | own)
    if where.certificate is None or where.key is None:
        raise UserError("--certificate and --key belong together")
    return given(where.certificate, where.key)


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
