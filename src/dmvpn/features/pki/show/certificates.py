"""`show crypto pki certificates`, `show crypto pki trustpoints` and `show crypto pki crls`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from dmvpn.base.certificates import serial_number
from dmvpn.base.values import Value
from dmvpn.features.pki.machine import LARGEST, PkiMachine
from dmvpn.features.pki.material import moment, parts, printable, serial_of
from dmvpn.features.pki.trustpoints import Holdings, alternatives
from dmvpn.ios import Args, ShowContext


def chosen(ctx: ShowContext, args: Args) -> list[Holdings]:
    """Return the trustpoint that a command names, or all."""
    name = args.text("name", "")
    return [held for held in ctx.machine(PkiMachine).holdings.values() if name in ("", held.trustpoint.name)]


def fingerprint(octets: bytes, kind: str) -> str:
    """Return the fingerprint of a certificate, in groups of eight hexadecimal digits."""
    return grouped(hashlib.new(kind, octets, usedforsecurity=False).digest())


def grouped(octets: bytes) -> str:
    """Return groups of eight hexadecimal digits."""
    return octets.hex(" ", -4).upper()


#: Bits of KeyUsage by their names, as IOS prints them, the most significant first (RFC 5280 §4.2.1.3).
_USAGES: Final = (
    ("digital_signature", "Digital Signature"),
    ("content_commitment", "Non Repudiation"),
    ("key_encipherment", "Key Encipherment"),
    ("data_encipherment", "Data Encipherment"),
    ("key_agreement", "Key Agreement"),
    ("key_cert_sign", "Key Cert Sign"),
    ("crl_sign", "CRL Signature"),
)
_AUTHORITY: Final = "CA Certificate"

#: What the identifiers of all signature algorithms of ECDSA begin with (RFC 5758 §3.2).
_ECDSA: Final = "1.2.840.10045.4."


class Particulars(Value, kw_only=True):
    """What `verbose` says besides.

    key: "rsaEncryption" and bits.
    usage: names. identifiers: of keys, hexadecimal.
    """

    version: int
    key: tuple[str, int]
    signature: str
    md5: str
    sha1: str
    sha256: str
    usage: tuple[str, ...] = ()
    is_authority: bool | None = None
    subject_key: str = ""
    authority_key: str = ""
    alternatives: tuple[str, ...] = ()


class CertificateView(Value, kw_only=True):
    """One certificate.

    heading: "Certificate" or "CA Certificate".
    names: host names that it is for.
    """

    heading: str
    serial: str
    usage: str
    issuer: tuple[str, ...]
    subject: tuple[str, ...]
    names: tuple[str, ...]
    points: tuple[str, ...]
    begin: str
    end: str
    trustpoints: tuple[str, ...]
    storage: str
    particulars: Particulars


class Certificates(Value):
    """`show crypto pki certificates`."""

    certificates: tuple[CertificateView, ...]
    verbose: bool


def certificates(ctx: ShowContext, args: Args) -> Certificates:
    """Return the certificates of one trustpoint, or of all; a certificate in several trustpoints is shown once."""
    found: dict[tuple[str, x509.Certificate], list[str]] = {}
    for held in chosen(ctx, args):
        for heading, certificate in _all(held):
            found.setdefault((heading, certificate), []).append(held.trustpoint.name)
    views = tuple(_view(heading, certificate, tuple(names)) for (heading, certificate), names in found.items())
    return Certificates(views, "verbose" in args)


def _all(held: Holdings) -> Iterator[tuple[str, x509.Certificate]]:
    own = (held.own,) if held.own else held.stray
    heading = "Router Self-Signed Certificate" if held.trustpoint.enrollment == "selfsigned" else "Certificate"
    yield from ((heading, certificate) for certificate in own)
    yield from ((_AUTHORITY, certificate) for certificate in held.authorities)


def _view(heading: str, certificate: x509.Certificate, trustpoints: tuple[str, ...]) -> CertificateView:
    is_authority = heading == _AUTHORITY
    serial = serial_of(serial_number(certificate))
    return CertificateView(
        heading=heading,
        serial=serial,
        usage="Signature" if is_authority else "General Purpose",
        issuer=tuple(parts(certificate.issuer)),
        subject=tuple(parts(certificate.subject)),
        names=() if is_authority else _names(certificate),
        points=_points(certificate),
        begin=moment(certificate.not_valid_before_utc),
        end=moment(certificate.not_valid_after_utc),
        trustpoints=trustpoints,
        storage=f"nvram:{trustpoints[0]}#{serial[-4:]}{'CA' if is_authority else ''}.cer",
        particulars=_particulars(certificate),
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        return tuple(printable(name) for name in alternatives(certificate))
    except (ValueError, x509.DuplicateExtension):
        return ()


def _points(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    names = (name for point in points for name in point.full_name or ())
    return tuple(printable(name.value) for name in names if isinstance(name, x509.UniformResourceIdentifier))


def _particulars(certificate: x509.Certificate) -> Particulars:
    octets = certificate.public_bytes(Encoding.DER)
    md5, sha1, sha256 = (fingerprint(octets, kind) for kind in ("md5", "sha1", "sha256"))
    known = {"md5": md5, "sha1": sha1, "sha256": sha256}
    try:
        extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension):
        extensions = x509.Extensions([])
    found = {type(extension.value): extension.value for extension in extensions}
    usage, constraints = found.get(x509.KeyUsage), found.get(x509.BasicConstraints)
    subject, authority = found.get(x509.SubjectKeyIdentifier), found.get(x509.AuthorityKeyIdentifier)
    return Particulars(
        version=certificate.version.value + 1,
        key=_key(certificate),
        signature=_signature(certificate),
        usage=tuple(text for name, text in _USAGES if isinstance(usage, x509.KeyUsage) and getattr(usage, name)),
        is_authority=constraints.ca if isinstance(constraints, x509.BasicConstraints) else None,
        subject_key=grouped(subject.digest) if isinstance(subject, x509.SubjectKeyIdentifier) else "",
        authority_key=grouped(authority.key_identifier or b"")
        if isinstance(authority, x509.AuthorityKeyIdentifier)
        else "",
        alternatives=_names(certificate),
        **known,
    )


def _key(certificate: x509.Certificate) -> tuple[str, int]:
    try:
        key = certificate.public_key()
    except ValueError:
        return "unknown", 0
    if isinstance(key, rsa.RSAPublicKey):
        return "rsaEncryption", key.key_size
    return ("ecPublicKey", key.key_size) if isinstance(key, ec.EllipticCurvePublicKey) else ("unknown", 0)


def _signature(certificate: x509.Certificate) -> str:
    digest = certificate.signature_hash_algorithm
    kind = "ECDSA" if certificate.signature_algorithm_oid.dotted_string.startswith(_ECDSA) else "RSA Encryption"
    return f"{digest.name.upper() if digest else 'unknown'} with {kind}"


def render_certificates(report: Certificates) -> Iterator[str]:
    """Yield a block for each, with an empty line behind it."""
    for view in report.certificates:
        yield view.heading
        yield "  Status: Available"
        if report.verbose:
            yield f"  Version: {view.particulars.version}"
        yield f"  Certificate Serial Number (hex): {view.serial}"
        yield f"  Certificate Usage: {view.usage}"
        yield "  Issuer:"
        yield from (f"    {part}" for part in view.issuer)
        yield "  Subject:"
        yield from (f"    Name: {name}" for name in view.names[:1])
        yield from (f"    {part}" for part in view.subject)
        if view.points:
            yield "  CRL Distribution Points:"
            yield from (f"    {point}" for point in view.points)
        yield "  Validity Date:"
        yield f"    start date: {view.begin}"
        yield f"    end   date: {view.end}"
        if report.verbose:
            yield from _verbose(view.particulars)
        yield f"  Associated Trustpoints: {' '.join(view.trustpoints)}"
        yield f"  Storage: {view.storage}"
        yield ""


def _verbose(particulars: Particulars) -> Iterator[str]:
    kind, bits = particulars.key
    yield "  Subject Key Info:"
    yield f"    Public Key Algorithm: {kind}"
    yield f"    {'EC' if kind == 'ecPublicKey' else 'RSA'} Public Key: ({bits} bit)"
    yield f"  Signature Algorithm: {particulars.signature}"
    yield f"  Fingerprint MD5: {particulars.md5}"
    yield f"  Fingerprint SHA1: {particulars.sha1}"
    yield f"  Fingerprint SHA256: {particulars.sha256}"
    yield "  X509v3 extensions:"
    if particulars.usage:
        yield f"    X509v3 Key Usage: {_usage_bits(particulars.usage):08X}"
        yield from (f"      {usage}" for usage in particulars.usage)
    if particulars.subject_key:
        yield f"    X509v3 Subject Key ID: {particulars.subject_key}"
    if particulars.is_authority is not None:
        yield "    X509v3 Basic Constraints:"
        yield f"        CA: {str(particulars.is_authority).upper()}"
    if particulars.alternatives:
        yield "    X509v3 Subject Alternative Name:"
        yield from (f"        {name}" for name in particulars.alternatives)
    if particulars.authority_key:
        yield f"    X509v3 Authority Key ID: {particulars.authority_key}"


def _usage_bits(usages: tuple[str, ...]) -> int:
    """Return the usage as the first octet of 32 bits: A0000000 is digital signature and key encipherment."""
    return sum(0x80000000 >> place for place, (_, text) in enumerate(_USAGES) if text in usages)


class TrustpointView(Value, kw_only=True):
    """One trustpoint. authority, own: the parts of the subject; empty without such a certificate."""

    name: str
    authority: tuple[str, ...] = ()
    serial: str = ""
    authority_md5: str = ""
    authority_sha1: str = ""
    own: tuple[str, ...] = ()
    own_md5: str = ""
    own_sha1: str = ""
    has_key: bool = False


class Trustpoints(Value):
    """`show crypto pki trustpoints`."""

    trustpoints: tuple[TrustpointView, ...]
    status: bool


def trustpoints(ctx: ShowContext, args: Args) -> Trustpoints:
    """Return one, or all."""
    return Trustpoints(tuple(_trustpoint(held) for held in chosen(ctx, args)), "status" in args)


def _trustpoint(held: Holdings) -> TrustpointView:
    authority = held.authorities[0] if held.authorities else None
    own = held.own or next(iter(held.stray), None)
    ca, mine = (one.public_bytes(Encoding.DER) if one else b"" for one in (authority, own))
    return TrustpointView(
        name=held.trustpoint.name,
        authority=tuple(parts(authority.subject)) if authority else (),
        serial=serial_of(serial_number(authority)) if authority else "",
        authority_md5=fingerprint(ca, "md5") if ca else "",
        authority_sha1=fingerprint(ca, "sha1") if ca else "",
        own=tuple(parts(own.subject)) if own else (),
        own_md5=fingerprint(mine, "md5") if mine else "",
        own_sha1=fingerprint(mine, "sha1") if mine else "",
        has_key=held.own is not None,
    )


def render_trustpoints(report: Trustpoints) -> Iterator[str]:
    """Yield a block for each, with an empty line behind it."""
    for view in report.trustpoints:
        yield f"Trustpoint {view.name}:"
        yield from _state(view) if report.status else _summary(view)
        yield ""


def _summary(view: TrustpointView) -> Iterator[str]:
    if not view.authority:
        yield "    Not authenticated."
        return
    yield "    Subject Name:"
    yield from (f"    {part}" for part in view.authority)
    yield f"          Serial Number (hex): {view.serial}"
    yield "    Certificate configured."


def _state(view: TrustpointView) -> Iterator[str]:
    if view.authority:
        yield "  Issuing CA certificate configured:"
        yield from _subject(view.authority, view.authority_md5, view.authority_sha1)
    if view.own:
        yield "  Router General Purpose certificate configured:"
        yield from _subject(view.own, view.own_md5, view.own_sha1)
        yield "  Last enrollment status: Granted"
    yield "  State:"
    yield f"    Keys generated ............. {'Yes (General Purpose, non-exportable)' if view.has_key else 'No'}"
    yield f"    Issuing CA authenticated ....... {'Yes' if view.authority else 'No'}"
    yield f"    Certificate request(s) ..... {'Yes' if view.own else 'None'}"


def _subject(subject: tuple[str, ...], md5: str, sha1: str) -> Iterator[str]:
    yield "    Subject Name:"
    yield f"     {','.join(subject)}"
    yield f"    Fingerprint MD5: {md5}"
    yield f"    Fingerprint SHA1: {sha1}"


# ------------------------------------------------------------------------------------------------ revocation lists


class ListView(Value, kw_only=True):
    """One revocation list.

    size: octets.
    revoked: how many certificates.
    """

    issuer: tuple[str, ...]
    last: str
    next: str
    size: int
    revoked: int


class Lists(Value):
    """`show crypto pki crls`."""

    lists: tuple[ListView, ...]


def lists(ctx: ShowContext, args: Args) -> Lists:
    """Return the newest list of each issuer; a list in several trustpoints is shown once."""
    found = (one for held in chosen(ctx, args) for one in held.lists)
    by_octets = {one.public_bytes(Encoding.DER): one for one in found}
    return Lists(
        tuple(
            ListView(
                issuer=tuple(parts(one.issuer)),
                last=moment(one.last_update_utc),
                next=moment(one.next_update_utc) if one.next_update_utc else "",
                size=len(one.public_bytes(Encoding.DER)),
                revoked=len(one),
            )
            for one in by_octets.values()
        )
    )


def render_lists(report: Lists) -> Iterator[str]:
    """Yield a block for each, and how much room they take together."""
    for view in report.lists:
        yield "CRL Issuer Name:"
        yield f"    {','.join(view.issuer)}"
        yield f"    LastUpdate: {view.last}"
        if view.next:
            yield f"    NextUpdate: {view.next}"
        yield "    CRL downloaded at: never"
        yield "    Retrieved from CRL Distribution Point:"
        yield "      ** CDP Not Published - Imported"
        yield f"    Revoked certificates: {view.revoked}"
        yield f"    CRL DER is {view.size} bytes"
        yield "    CRL is stored in parsed CRL cache"
        yield ""
    if report.lists:
        yield f"Parsed CRL cache current size is {sum(view.size for view in report.lists)} bytes"
        yield f"Parsed CRL cache maximum size is {LARGEST} bytes"
