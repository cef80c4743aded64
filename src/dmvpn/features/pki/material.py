"""Certificates, keys and revocation lists as people have them: PEM, DER, PKCS #12. Values in DER come out.

    pem, pkcs12 --> Material --> chain of the configuration, private key, revocation list

All functions raise `UserError` for unreadable input, with its kind in one line. Names and dates are written as on IOS.
"""

from __future__ import annotations

import base64
import binascii
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import field
from datetime import datetime
from typing import Final, TypeGuard

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from dmvpn.base.certificates import certificate_of, other_use, serial_number, weakness
from dmvpn.base.errors import UserError
from dmvpn.base.values import Value

#: Most specific first, by IOS's words for them.
WORDS: Final = {
    NameOID.UNSTRUCTURED_NAME: "hostname",
    x509.ObjectIdentifier("1.2.840.113549.1.9.8"): "ipaddress",
    NameOID.EMAIL_ADDRESS: "e",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.COMMON_NAME: "cn",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "ou",
    NameOID.ORGANIZATION_NAME: "o",
    NameOID.LOCALITY_NAME: "l",
    NameOID.STATE_OR_PROVINCE_NAME: "st",
    NameOID.COUNTRY_NAME: "c",
    NameOID.DOMAIN_COMPONENT: "dc",
}
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def parts(name: x509.Name) -> Iterator[str]:
    """Yield "cn=R1", "o=Example": the most specific first, as certificates say it last."""
    for attribute in reversed(list(name)):
        word = WORDS.get(attribute.oid, attribute.oid.dotted_string)
        value = attribute.value if isinstance(attribute.value, str) else attribute.value.hex()
        yield f"{word}={printable(value)}"


def text_of(name: x509.Name) -> str:
    """Return the whole name in one line: "cn=R1,o=Example"."""
    return ",".join(parts(name))


def printable(text: str) -> str:
    """Escape unprintable characters: the text comes from outside, and goes to terminals and logs."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def moment(when: datetime) -> str:
    """Return "06:00:00 UTC Nov 20 2026"; English whatever the locale is."""
    return f"{when:%H:%M:%S} UTC {_MONTHS[when.month - 1]} {when.day} {when.year}"


def serial_of(number: int) -> str:
    """Return whole octets in capital letters, as IOS writes a serial number."""
    text = f"{number:X}"
    return text.zfill(len(text) + len(text) % 2)


#: Digits of a group, and groups of a line.
_GROUP: Final = 8
_GROUPS: Final = 8


def chain_lines(trustpoint: str, own: bytes, authorities: tuple[bytes, ...]) -> list[str]:
    """Return the whole chain of a trustpoint again. own: our certificate in DER, b"" without one."""
    lines = [f"no crypto pki certificate chain {trustpoint}", f"crypto pki certificate chain {trustpoint}"]
    if own:
        lines += _certificate("", own)
    for authority in authorities:
        lines += _certificate("ca ", authority)
    return [*lines, "exit"]


def trustpoint_lines(name: str, enrollment: str) -> list[str]:
    """Return a new trustpoint. enrollment: "pkcs12", "terminal pem"."""
    return [f"crypto pki trustpoint {name}", f" enrollment {enrollment}", " revocation-check crl", "exit"]


def _certificate(kind: str, octets: bytes) -> list[str]:
    serial = serial_of(serial_number(certificate_of(octets)))
    groups = textwrap.wrap(octets.hex().upper(), _GROUP)
    rows = (groups[start : start + _GROUPS] for start in range(0, len(groups), _GROUPS))
    return [f" certificate {kind}{serial}", *(f"  {' '.join(row)}" for row in rows), "  quit"]


Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
#: What reading a certificate raises, now or later: most of its parts are decoded when they are looked at.
UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
#: Curves that IKE has signatures for (RFC 4754).
_CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")


class Material(Value):
    """The parts of an import, in DER.

    key: PKCS #8.
    own: the certificate that the key fits, b"" without one.
    authorities: all other certificates.
    lists: revocation lists.
    """

    key: bytes = field(default=b"", repr=False)
    own: bytes = b""
    authorities: tuple[bytes, ...] = ()
    lists: tuple[bytes, ...] = ()

    @classmethod
    def of(
        cls,
        key: Key | None,
        certificates: Iterable[x509.Certificate],
        lists: Iterable[x509.CertificateRevocationList] = (),
    ) -> Material:
        """Sort certificates by owner. Raises UserError for a certificate without an owner, or a key without a
        certificate.
        """
        all_ = list(dict.fromkeys(certificates))
        own = [certificate for certificate in all_ if key is not None and fits(key, certificate)]
        if key is not None and all_ and not own:
            raise UserError("the private key fits none of the certificates")
        if any(not is_authority(certificate) for certificate in all_ if certificate not in own):
            raise UserError("there is a certificate that is neither an authority's nor fits the private key")
        ours = newest(own)
        return cls(
            key=der_of(key) if key else b"",
            own=ours.public_bytes(Encoding.DER) if ours else b"",
            authorities=tuple(certificate.public_bytes(Encoding.DER) for certificate in all_ if certificate not in own),
            lists=tuple(one.public_bytes(Encoding.DER) for one in lists),
        )


def read_pem(data: bytes, passphrase: bytes | None = None) -> Material:
    """Return all PEM blocks of some text, in any order. Raises UserError."""
    key: Key | None = None
    certificates: list[x509.Certificate] = []
    lists: list[x509.CertificateRevocationList] = []
    for label, block in blocks(data):
        if is_key(label):
            key = read_key(block, passphrase)
        elif label in ("CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"):
            certificates.append(read_certificate(block))
        elif label in ("X509 CRL", "CRL"):
            lists.append(read_list(block))
    return Material.of(key, certificates, lists)


def blocks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Return the PEM blocks of some text, each with its label."""
    return ((match[1].decode(), match[0] + b"\n") for match in _BLOCK.finditer(data))


def is_key(label: str) -> bool:
    """Return whether a block with this label is a private key."""
    return label.endswith("PRIVATE KEY")


def read_pkcs12(data: bytes, password: str) -> Material:
    """Return a PKCS #12 file, or its base 64. Raises UserError."""
    octets = data if data[:1] == b"\x30" else octets_of(data)
    try:
        key, own, others = pkcs12.load_key_and_certificates(octets, password.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UserError("this PKCS #12 file cannot be opened: a wrong password, or damaged") from error
    if own is None or key is None:
        raise UserError("there is no private key with its certificate in this PKCS #12 file")
    return Material.of(usable(key), (own, *others))


def doubts(found: Material) -> tuple[str, ...]:
    """Return warnings about parts that peers, or we, will not accept; each in one line. The import proceeds anyway."""
    said = []
    for octets in (*((found.own,) if found.own else ()), *found.authorities):
        certificate = certificate_of(octets)
        who = certificate.subject.rfc4514_string() or f"serial {serial_number(certificate):x}"
        if why := weakness(certificate.public_key()):
            said.append(f"% Warning: {who}: {why}: no peer is accepted with it")
        if octets == found.own and (use := other_use(certificate)):
            said.append(f"% Warning: {who}: a certificate for {use}, not for IKE: peers refuse it")
        if any(one.critical and one.oid == x509.NameConstraints.oid for one in certificate.extensions):
            said.append(f"% Warning: {who}: critical name constraints are not understood: no peer is accepted with it")
    return tuple(said)


def read_key(data: bytes, passphrase: bytes | None = None) -> Key:
    """Return a private key, PEM or DER. Raises UserError."""
    load = load_pem_private_key if b"-----BEGIN" in data else load_der_private_key
    encrypted = b"ENCRYPTED" in data
    try:
        return usable(load(data, passphrase if encrypted else None))
    except TypeError as error:
        raise UserError("the private key is encrypted, and no passphrase was given") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        why = "a wrong passphrase, or damaged" if encrypted else "it is damaged, or of an unknown kind"
        raise UserError(f"the private key cannot be read: {why}") from error


def usable(key: object) -> Key:
    """Return a key that IKE can sign with. Raises UserError."""
    if isinstance(key, rsa.RSAPrivateKey) and not weakness(key.public_key()):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return key
    raise UserError("the private key is neither RSA of 2048 to 8192 bits nor on one of the curves P-256, P-384, P-521")


def read_certificate(data: bytes) -> x509.Certificate:
    """Return a certificate: PEM, DER, or base 64 without the lines around it. Raises UserError."""
    try:
        is_whole = b"-----BEGIN" in data or data[:1] == b"\x30"
        # All parts that are read later are decoded here, so that errors appear now or never.
        certificate = certificate_of(data if is_whole else octets_of(data))
        for part in (certificate.subject, certificate.issuer):
            part.rfc4514_string()
        certificate.public_key(), certificate.not_valid_before_utc, certificate.not_valid_after_utc
        tuple(certificate.extensions)
        return certificate
    except UNREADABLE as error:
        raise UserError("this is no certificate that can be read") from error


def read_list(data: bytes) -> x509.CertificateRevocationList:
    """Return a revocation list: PEM, DER, or base 64. Raises UserError."""
    try:
        if b"-----BEGIN" in data:
            return x509.load_pem_x509_crl(data)
        return x509.load_der_x509_crl(data if data[:1] == b"\x30" else octets_of(data))
    except UNREADABLE as error:
        raise UserError("this is no revocation list that can be read") from error


def octets_of(text: bytes) -> bytes:
    """Return the octets of base 64. Raises UserError."""
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except (ValueError, binascii.Error) as error:
        raise UserError("this is no base 64") from error


def fits(key: Key, certificate: x509.Certificate) -> bool:
    """Return whether it is the key of this certificate."""
    return _public(key.public_key()) == _public(certificate.public_key())


def newest(certificates: Iterable[x509.Certificate]) -> x509.Certificate | None:
    """Return the certificate with the latest start of validity."""
    return max(certificates, key=lambda certificate: certificate.not_valid_before_utc, default=None)


def is_authority(certificate: x509.Certificate) -> bool:
    """Return whether it may issue certificates."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, *UNREADABLE):
        return False


def der_of(key: Key) -> bytes:
    """Return a private key as PKCS #8."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def is_signing_key(key: object) -> TypeGuard[rsa.RSAPublicKey | ec.EllipticCurvePublicKey]:
    """Return whether it is of a kind that we can check signatures with."""
    return isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)


def _public(key: object) -> bytes:
    if is_signing_key(key):
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b""
