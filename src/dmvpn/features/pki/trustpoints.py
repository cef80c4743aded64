"""The content of a trustpoint: its certificates sorted out, with the key that fits and the list that is newest."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from dmvpn.base.errors import UserError
from dmvpn.base.protection import Credentials
from dmvpn.base.values import dataclass
from dmvpn.features.pki.material import Key, der_of, fits, newest, read_certificate, read_key, read_list

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.features.pki.model import Trustpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """own: the certificate that we prove ourselves with. stray: our other certificates, without a key of ours.

    unreadable: descriptions of damaged parts.
    """

    trustpoint: Trustpoint
    credentials: Credentials
    own: x509.Certificate | None = None
    stray: tuple[x509.Certificate, ...] = ()
    authorities: tuple[x509.Certificate, ...] = ()
    lists: tuple[x509.CertificateRevocationList, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether it contains any certificate."""
        return bool(self.own or self.stray or self.authorities) and self.concerns_us

    @property
    def concerns_us(self) -> bool:
        """The certificate of a foreign router's web server does not."""
        return bool(self.trustpoint.certificates) and self.trustpoint.enrollment != "selfsigned"


@dataclass(slots=True)
class _Found:
    """The parts read so far."""

    own: list[x509.Certificate] = field(default_factory=list)
    authorities: list[x509.Certificate] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def gather(trustpoint: Trustpoint, keys: tuple[bytes, ...], lists: tuple[bytes, ...]) -> Holdings:
    """Combine the certificates of the configuration with the keys and lists outside of it."""
    found = _read(trustpoint)
    readable = [key for key in (_key(octets, found.unreadable) for octets in keys) if key is not None]
    pairs = [(certificate, key) for certificate in found.own for key in readable if fits(key, certificate)]
    own = newest(certificate for certificate, _ in pairs)
    key = next((key for certificate, key in pairs if certificate is own), None)
    known = _lists(lists, found.unreadable)
    anchors = tuple(one for one in found.authorities if not _is_below(one, found.authorities))
    between = tuple(one for one in found.authorities if one not in anchors)
    return Holdings(
        trustpoint=trustpoint,
        credentials=Credentials(
            trustpoint=trustpoint.name,
            chain=_der((own, *_above(own, between))) if own else (),
            key=der_of(key) if key else b"",
            anchors=_der(anchors),
            intermediates=_der(between),
            crls=() if trustpoint.asks_nobody else tuple(one.public_bytes(Encoding.DER) for one in known),
            revocation=trustpoint.must_ask,
            any_use=trustpoint.any_use,
        ),
        own=own,
        stray=() if own else tuple(found.own),
        authorities=tuple(found.authorities),
        lists=known,
        unreadable=tuple(found.unreadable),
    )


def _read(trustpoint: Trustpoint) -> _Found:
    found = _Found()
    for shown in trustpoint.certificates:
        try:
            certificate = read_certificate(shown.octets)
        except UserError:
            found.unreadable.append(f"certificate {shown.serial}")
            continue
        (found.authorities if shown.is_authority else found.own).append(certificate)
    return found


def _key(octets: bytes, unreadable: list[str]) -> Key | None:
    try:
        return read_key(octets)
    except UserError:
        unreadable.append("private key")
        return None


def _lists(lists: tuple[bytes, ...], unreadable: list[str]) -> tuple[x509.CertificateRevocationList, ...]:
    known: list[x509.CertificateRevocationList] = []
    for octets in lists:
        try:
            known.append(read_list(octets))
        except UserError:
            unreadable.append("revocation list")
    return newest_lists(known)


def newest_lists(lists: Iterable[x509.CertificateRevocationList]) -> tuple[x509.CertificateRevocationList, ...]:
    """Return the latest list of each issuer."""
    newest_: dict[bytes, x509.CertificateRevocationList] = {}
    for one in sorted(lists, key=lambda one: (one.last_update_utc, _number(one))):
        newest_[one.issuer.public_bytes()] = one
    return tuple(newest_.values())


def _number(one: x509.CertificateRevocationList) -> int:
    """Return the number of a list: lists of one second have an order, too (RFC 5280 §5.2.3)."""
    try:
        return one.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return 0


def _is_below(certificate: x509.Certificate, others: list[x509.Certificate]) -> bool:
    """Return whether another one of them issued it."""
    if certificate.issuer == certificate.subject:
        return False
    return any(other.subject == certificate.issuer for other in others if other != certificate)


def _above(own: x509.Certificate, between: tuple[x509.Certificate, ...]) -> list[x509.Certificate]:
    """Return the intermediate authorities, from the issuer of our certificate upward, without the trust anchor."""
    path: list[x509.Certificate] = []
    issuer = own.issuer
    while above := next((one for one in between if one.subject == issuer and one not in path), None):
        path.append(above)
        issuer = above.issuer
    return path


def _der(certificates: tuple[x509.Certificate, ...]) -> tuple[bytes, ...]:
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in certificates)
