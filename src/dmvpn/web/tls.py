"""The certificate of this server: files that the user gives, or one of an authority of our own.

Our own authority is a folder of `dmvpn pki` (`tools/authority.py`). It is made if it does not exist; its
certificate is used again until it is about to expire, or the names of this server change.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import os
import ssl
import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.tools.authority import CA_CERTIFICATE, CA_KEY, Authority, RequestedCertificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Name of the files of the certificate in the folder of an authority.
_NAME: Final = "web"
_DAYS: Final = 397
#: Our own certificate is made again when it has less than this left.
_SOON: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
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
    return Tls(context=context, names=_names(found), fingerprint=found.fingerprint(hashes.SHA256()).hex(":").upper())


def own(folder: Path, names: frozenset[str]) -> Tls:
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
    return lasts and names <= _names(found) and path.with_suffix(".key").exists()


def _read(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path}: no certificate in PEM form") from error


def _names(certificate: x509.Certificate) -> frozenset[str]:
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
