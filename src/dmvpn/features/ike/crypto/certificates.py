"""Certificates: whose they are, and why we believe them. RFC 5280 §6, RFC 4945, RFC 7296 §3.6 and §3.7.

This is as much of path validation as a VPN of routers needs: signatures, dates, basic constraints, path length, key
usage, sizes of keys, and revocation lists that were given to us. A certificate with a critical extension that we do not
check is refused; critical name constraints are one.

A path is built from our authorities downwards: a stranger's certificates only cost few checks, with keys of ours.

Trustpoints are parsed here, too: the one place where credentials in DER become keys and certificates.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key
from cryptography.x509.oid import ExtensionOID, NameOID

from dmvpn.base.certificates import CLOCK_TOLERANCE, LARGEST, certificate_of, other_use, serial_number, weakness
from dmvpn.base.protection import Credentials
from dmvpn.base.values import Value
from dmvpn.features.ike.identity import LONGEST_PATH, Identification, Proof, address_of, text_of
from dmvpn.features.ike.numbers import IdType

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


#: Signatures on the way there: as many as the longest path has, and some for authorities with the same name.
MOST_CHECKS: Final = 12
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


class UnknownIssuer(Untrusted):
    """It leads to an authority that is none of ours."""


class Checks:
    """How many signatures may still be checked for one attempt of a stranger, over all trustpoints together."""

    __slots__ = ("left",)

    def __init__(self, left: int = MOST_CHECKS) -> None:
        self.left = left

    def take(self, certificate: x509.Certificate) -> None:
        """Count one check. Raises Untrusted."""
        if self.left <= 0:
            raise Untrusted(f"{_subject(certificate)}: more ways to an authority than we try")
        self.left -= 1


class _Link(Value):
    """A certificate with its two names, which are costly to read often.

    ours: the configuration has it.
    """

    certificate: x509.Certificate
    subject: x509.Name
    issuer: x509.Name
    ours: bool = False

    @classmethod
    def of(cls, certificate: x509.Certificate, *, ours: bool = False) -> _Link:
        return cls(certificate, certificate.subject, certificate.issuer, ours)


class Anchors(Value):
    """Whom we believe.

    authorities: their certificates.
    lists: revocation lists.
    must_check: a revocation list has to be at hand.
    between: certificates of authorities below them that the configuration has.
    any_use: what a certificate is for (extended key usage) does not matter.
    """

    authorities: tuple[x509.Certificate, ...]
    lists: tuple[x509.CertificateRevocationList, ...] = ()
    must_check: bool = False
    between: tuple[x509.Certificate, ...] = ()
    any_use: bool = False

    @property
    def requests(self) -> tuple[bytes, ...]:
        """Return the CERTREQ: the hashes of our authorities' keys, RFC 7296 §3.7."""
        return tuple(
            hashlib.sha1(
                authority.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
                usedforsecurity=False,
            ).digest()
            for authority in self.authorities
        )

    @property
    def names(self) -> tuple[bytes, ...]:
        """Return the names of our authorities in DER: a CERTREQ of IKEv1 has one each, RFC 2408 §3.10."""
        return tuple(authority.subject.public_bytes() for authority in self.authorities)

    def believe(
        self, chain: tuple[bytes, ...], theirs: Identification, when: datetime, checks: Checks | None = None
    ) -> PublicKey:
        """Return the key of the first certificate of a chain (DER), if a path leads to one of us and it names the peer.

        when: wall time, UTC.
        checks: what the peer has left; None: it begins now. Raises Untrusted.
        """
        if not chain:
            raise Untrusted("the peer sent no certificate")
        if any(len(octets) > LARGEST for octets in chain[: LONGEST_PATH + 1]):
            raise Untrusted(f"the peer sent a certificate of more than {LARGEST} octets")
        try:
            return self._judge(chain, theirs, when, checks or Checks())
        except _UNREADABLE as error:
            raise Untrusted("the peer sent a certificate that cannot be read") from error

    def _judge(self, chain: tuple[bytes, ...], theirs: Identification, when: datetime, checks: Checks) -> PublicKey:
        certificates = [certificate_of(octets) for octets in chain[: LONGEST_PATH + 1]]
        leaf = certificates[0]
        _names(leaf, theirs)
        key = leaf.public_key()
        usage = _extension(leaf, x509.KeyUsage)
        if usage is not None and not (usage.digital_signature or usage.content_commitment):
            raise Untrusted(f"{_subject(leaf)}: this key is not for signatures")
        if not self.any_use and (use := _use(leaf)):
            raise Untrusted(f"{_subject(leaf)}: a certificate for {use}, not for IKE (extended-key-usage ignore)")
        _is_sound(leaf, when)
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise Untrusted(f"{_subject(leaf)}: a key that is neither RSA nor ECDSA")
        if leaf not in self.authorities:
            self._descend(_Link.of(leaf), certificates[1:], when, checks)
        return key

    def _descend(self, leaf: _Link, others: list[x509.Certificate], when: datetime, checks: Checks) -> None:
        """Go down from our authorities to the leaf: every key that checks something was signed by an authority
        that we trust.

        Raises Untrusted.
        """
        strange = [one for one in others if one not in self.authorities and one not in self.between]
        links = [_Link.of(one, ours=True) for one in self.between] + [_Link.of(one) for one in strange]
        waiting = _above(leaf, links)
        issued = f"{_subject(leaf.certificate)}: issued by {leaf.issuer.rfc4514_string()}"
        refusal: Untrusted = UnknownIssuer(f"{issued}, whom we do not know")
        believed = [(_Link.of(one, ours=True), LONGEST_PATH) for one in self.authorities]
        while believed:
            issuer, room = believed.pop(0)
            below = [one for one in (leaf, *waiting) if one.issuer == issuer.subject and one != issuer]
            if not below:
                continue
            try:
                _is_sound(issuer.certificate, when)
                room = min(room, _room(issuer.certificate))
            except Untrusted as error:
                refusal = error
                continue
            for one in below:
                if one is not leaf and room == 0:
                    refusal = Untrusted(f"{_subject(issuer.certificate)}: it may have only 0 authorities below it")
                    continue
                try:
                    self._step(issuer.certificate, one, checks, when)
                except Untrusted as error:
                    refusal = error
                    continue
                if one is leaf:
                    return
                waiting.remove(one)
                believed.append((one, room - 1))
        raise refusal

    def _step(self, issuer: x509.Certificate, below: _Link, checks: Checks, when: datetime) -> None:
        """Check one certificate, issued by an authority that we trust. Raises Untrusted."""
        if not below.ours:
            checks.take(below.certificate)
        if not is_signed(below.certificate, issuer):
            raise Untrusted(f"{_subject(below.certificate)}: its signature is not by {_subject(issuer)}")
        self._is_not_revoked(below.certificate, issuer, when)

    def _is_not_revoked(self, certificate: x509.Certificate, issuer: x509.Certificate, when: datetime) -> None:
        checked = False
        for revoked in self.lists:
            key = issuer.public_key()
            if revoked.issuer != issuer.subject or not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
                continue
            if not revoked.is_signature_valid(key):
                continue
            if revoked.get_revoked_certificate_by_serial_number(serial_number(certificate)) is not None:
                raise Untrusted(f"{_subject(certificate)}: revoked by {_subject(issuer)}")
            checked |= is_current(revoked, when)
        if self.must_check and not checked:
            raise Untrusted(f"{_subject(certificate)}: no current revocation list of {_subject(issuer)} is at hand")


def is_current(revoked: x509.CertificateRevocationList, when: datetime) -> bool:
    """Return whether a revocation list is current (RFC 5280 §6.3.3). One from the future is not.

    when: UTC.
    """
    has_begun = revoked.last_update_utc <= when + CLOCK_TOLERANCE
    return has_begun and (revoked.next_update_utc is None or when <= revoked.next_update_utc)


def _above(leaf: _Link, links: list[_Link]) -> list[_Link]:
    """Return those whose names may lead to the leaf; the others would only cost signatures."""
    found: list[_Link] = []
    wanted = [leaf]
    while wanted:
        below = wanted.pop(0)
        more = [one for one in links if one.subject == below.issuer and one not in found]
        found += more
        wanted += more
    return found


def is_signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *_UNREADABLE):
        return False
    return True


def _subject(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"serial {serial_number(certificate):x}"


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
    """Check critical extensions: a certificate with an unknown one is useless (RFC 5280 §4.2)."""
    try:
        critical = [extension.oid for extension in certificate.extensions if extension.critical]
    except _UNREADABLE as error:
        raise Untrusted(f"{_subject(certificate)}: its extensions cannot be read") from error
    for oid in critical:
        if oid not in _LOOKED_AT:
            raise Untrusted(f"{_subject(certificate)}: critical extension {oid.dotted_string} is unknown")


def _is_sound(certificate: x509.Certificate, when: datetime) -> None:
    """Check a certificate by itself, and its key, before anything is computed with it. Raises Untrusted."""
    _is_current(certificate, when)
    _has_no_secrets(certificate)
    if why := weakness(certificate.public_key()):
        raise Untrusted(f"{_subject(certificate)}: {why}")


def _use(certificate: x509.Certificate) -> str:
    try:
        return other_use(certificate)
    except _UNREADABLE as error:
        raise Untrusted(f"{_subject(certificate)}: its extensions cannot be read") from error


def _room(issuer: x509.Certificate) -> int:
    """Return how many authorities may be below this one. Raises Untrusted if it is none itself."""
    constraints, usage = _extension(issuer, x509.BasicConstraints), _extension(issuer, x509.KeyUsage)
    if constraints is None or not constraints.ca or (usage is not None and not usage.key_cert_sign):
        raise Untrusted(f"{_subject(issuer)}: it is no certificate authority")
    return LONGEST_PATH if constraints.path_length is None else min(LONGEST_PATH, constraints.path_length)


def _names(certificate: x509.Certificate, theirs: Identification) -> None:
    """Check that the certificate is about the identity of the peer, RFC 4945 §3.1. Raises Untrusted.

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


# ---------------------------------------------------------------------------------------------- trustpoints, out of DER


class Trustpoint(Value):
    """What a trustpoint gives.

    given: of what it was made.
    requests, names: the CERTREQ of IKEv2, and those of IKEv1.
    proof: None: we have no certificate.
    """

    given: Credentials
    anchors: Anchors
    requests: tuple[bytes, ...]
    names: tuple[bytes, ...]
    proof: Proof | None

    def believe(
        self, chain: tuple[bytes, ...], theirs: Identification, when: datetime, checks: Checks
    ) -> PublicKey | Untrusted:
        """Return the key of a chain that leads to an authority and names the peer; or why not."""
        try:
            return self.anchors.believe(chain, theirs, when, checks)
        except Untrusted as error:
            return error


def parsed(given: Credentials) -> Trustpoint:
    """Parse credentials that were checked when they were configured."""
    anchors = Anchors(
        tuple(certificate_of(octets) for octets in given.anchors),
        tuple(x509.load_der_x509_crl(octets) for octets in given.crls),
        given.revocation,
        tuple(certificate_of(octets) for octets in given.intermediates),
        given.any_use,
    )
    return Trustpoint(given, anchors, anchors.requests, anchors.names, _proof_of(given))


def _proof_of(given: Credentials) -> Proof | None:
    if not given.chain or not given.key:
        return None
    key = load_der_private_key(given.key, None)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return None
    subject = certificate_of(given.chain[0]).subject
    return Proof(key=key, chain=given.chain, name=Identification(IdType.DER_ASN1_DN, subject.public_bytes()))
