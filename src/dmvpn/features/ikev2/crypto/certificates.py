"""Certificates: whose they are, and why we believe them. RFC 5280 §6, RFC 4945, RFC 7296 §3.6 and §3.7.

As much of path validation as a VPN of routers needs: signatures, dates, basic constraints, path length, key usage, and
revocation lists that were given to us. A certificate with a critical extension that we do not look at is refused.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtensionOID, NameOID

from dmvpn.features.ikev2.identity import address_of, text_of
from dmvpn.features.ikev2.wire.numbers import IdType

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dmvpn.features.ikev2.crypto.signatures import PublicKey
    from dmvpn.features.ikev2.wire.payloads import Identification

#: Certificates from the peer's to the one that we believe, which counts.
LONGEST_PATH: Final = 8
#: Signatures on the way there: certificates of one name can be put into any order, and a stranger makes them so.
MOST_CHECKS: Final = 32
#: Bits of an RSA key; shorter ones are refused (RFC 8247 §4.1).
SHORTEST_RSA: Final = 2048
_LOOKED_AT: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
)
_UNSTRUCTURED_ADDRESS: Final = x509.ObjectIdentifier("1.2.840.113549.1.9.8")
#: What reading a certificate raises, now or later: most of its parts are decoded when they are looked at.
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
E = TypeVar("E", bound=x509.ExtensionType)


class Untrusted(Exception):
    """A certificate is not believed. The text says why, for the log."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """Whom we believe. authorities: their certificates. lists: revocation lists. must_check: one has to be at hand."""

    authorities: tuple[x509.Certificate, ...]
    lists: tuple[x509.CertificateRevocationList, ...] = ()
    must_check: bool = False

    @property
    def requests(self) -> tuple[bytes, ...]:
        """What CERTREQ says: the hashes of our authorities' keys, RFC 7296 §3.7."""
        return tuple(
            hashlib.sha1(
                authority.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
                usedforsecurity=False,
            ).digest()
            for authority in self.authorities
        )

    def believe(self, chain: tuple[bytes, ...], theirs: Identification, when: datetime) -> PublicKey:
        """The key of the first certificate of a chain (DER), if a path leads to one of us and it names the peer.

        when: wall time, UTC. Raises Untrusted.
        """
        if not chain:
            raise Untrusted("the peer sent no certificate")
        try:
            return self._judge(chain, theirs, when)
        except _UNREADABLE as error:
            raise Untrusted("the peer sent a certificate that cannot be read") from error

    def _judge(self, chain: tuple[bytes, ...], theirs: Identification, when: datetime) -> PublicKey:
        certificates = [x509.load_der_x509_certificate(octets) for octets in chain[: LONGEST_PATH + 1]]
        leaf = certificates[0]
        _names(leaf, theirs)
        key = leaf.public_key()
        usage = _extension(leaf, x509.KeyUsage)
        if usage is not None and not (usage.digital_signature or usage.content_commitment):
            raise Untrusted(f"{_subject(leaf)}: this key is not for signatures")
        self._follow(leaf, certificates[1:], when, iter(range(MOST_CHECKS)))
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < SHORTEST_RSA:
            raise Untrusted(f"{_subject(leaf)}: an RSA key of {key.key_size} bits is too short")
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise Untrusted(f"{_subject(leaf)}: a key that is neither RSA nor ECDSA")
        return key

    def _follow(
        self,
        certificate: x509.Certificate,
        others: list[x509.Certificate],
        when: datetime,
        checks: Iterator[int],
        *,
        depth: int = 0,
    ) -> None:
        """Up to an authority that we believe. Raises Untrusted.

        checks: as long as it yields something, one more signature may be checked. depth: authorities below this one's
        issuer.
        """
        _is_current(certificate, when)
        _has_no_secrets(certificate)
        if certificate in self.authorities:
            return
        if depth > LONGEST_PATH:
            raise Untrusted(f"{_subject(certificate)}: the path to an authority is too long")
        refusal = f"{_subject(certificate)}: issued by {certificate.issuer.rfc4514_string()}, whom we do not know"
        for issuer in (*self.authorities, *others):
            if issuer.subject != certificate.issuer or issuer == certificate:
                continue
            if next(checks, None) is None:
                raise Untrusted(f"{_subject(certificate)}: more ways to an authority than we try")
            try:
                certificate.verify_directly_issued_by(issuer)
                _may_issue(issuer, depth)
                self._is_not_revoked(certificate, issuer, when)
                rest = [other for other in others if other is not issuer]
                self._follow(issuer, rest, when, checks, depth=depth + 1)
            except (InvalidSignature, *_UNREADABLE):
                refusal = f"{_subject(certificate)}: its signature is not by {_subject(issuer)}"
            except Untrusted as error:
                refusal = str(error)
            else:
                return
        raise Untrusted(refusal)

    def _is_not_revoked(self, certificate: x509.Certificate, issuer: x509.Certificate, when: datetime) -> None:
        checked = False
        for revoked in self.lists:
            key = issuer.public_key()
            if revoked.issuer != issuer.subject or not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
                continue
            if not revoked.is_signature_valid(key):
                continue
            if revoked.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
                raise Untrusted(f"{_subject(certificate)}: revoked by {_subject(issuer)}")
            checked |= revoked.next_update_utc is None or when <= revoked.next_update_utc
        if self.must_check and not checked:
            raise Untrusted(f"{_subject(certificate)}: no current revocation list of {_subject(issuer)} is at hand")


def _subject(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"serial {certificate.serial_number:x}"


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except _UNREADABLE as error:
        raise Untrusted(f"{_subject(certificate)}: its extensions cannot be read") from error


def _is_current(certificate: x509.Certificate, when: datetime) -> None:
    if when < certificate.not_valid_before_utc:
        raise Untrusted(
            f"{_subject(certificate)}: valid only from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        )
    if when > certificate.not_valid_after_utc:
        raise Untrusted(f"{_subject(certificate)}: expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")


def _has_no_secrets(certificate: x509.Certificate) -> None:
    """RFC 5280 §4.2: an extension that must be understood and is not makes the certificate useless."""
    try:
        critical = [extension.oid for extension in certificate.extensions if extension.critical]
    except _UNREADABLE as error:
        raise Untrusted(f"{_subject(certificate)}: its extensions cannot be read") from error
    for oid in critical:
        if oid not in _LOOKED_AT:
            raise Untrusted(f"{_subject(certificate)}: critical extension {oid.dotted_string} is unknown")


def _may_issue(issuer: x509.Certificate, depth: int) -> None:
    constraints, usage = _extension(issuer, x509.BasicConstraints), _extension(issuer, x509.KeyUsage)
    if constraints is None or not constraints.ca or (usage is not None and not usage.key_cert_sign):
        raise Untrusted(f"{_subject(issuer)}: it is no certificate authority")
    if constraints.path_length is not None and depth > constraints.path_length:
        raise Untrusted(f"{_subject(issuer)}: it may have only {constraints.path_length} authorities below it")


def _names(certificate: x509.Certificate, theirs: Identification) -> None:
    """Is the certificate about who the peer says it is? RFC 4945 §3.1. Raises Untrusted.

    IOS asks its authority for a host name and an address in the subject (RFC 2985 §5.4), not in alternative names.
    """
    if theirs.kind == IdType.DER_ASN1_DN:
        if certificate.subject.public_bytes() == theirs.data:
            return
        raise Untrusted(f"{_subject(certificate)}: the peer says it has another name")
    alternatives = _extension(certificate, x509.SubjectAlternativeName) or x509.SubjectAlternativeName([])
    match theirs.kind:
        case IdType.FQDN:
            known = {name.lower() for name in alternatives.get_values_for_type(x509.DNSName)}
            known |= _in_subject(certificate, NameOID.UNSTRUCTURED_NAME)
            if text_of(theirs).lower() in known:
                return
        case IdType.RFC822_ADDR:
            known = {name.lower() for name in alternatives.get_values_for_type(x509.RFC822Name)}
            if text_of(theirs).lower() in known:
                return
        case IdType.IPV4_ADDR | IdType.IPV6_ADDR:
            if address_of(theirs) in alternatives.get_values_for_type(x509.IPAddress):
                return
            if str(address_of(theirs)) in _in_subject(certificate, _UNSTRUCTURED_ADDRESS):
                return
        case _:
            raise Untrusted("an identity of this kind cannot be proved by a certificate")
    shown = address_of(theirs) or text_of(theirs)
    raise Untrusted(f"{_subject(certificate)}: {shown} is not among its alternative names")


def _in_subject(certificate: x509.Certificate, kind: x509.ObjectIdentifier) -> set[str]:
    return {str(attribute.value).lower() for attribute in certificate.subject.get_attributes_for_oid(kind)}
