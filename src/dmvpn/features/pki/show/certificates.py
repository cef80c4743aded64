"""`show crypto pki certificates`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from dmvpn.base.certificates import serial_number
from dmvpn.base.values import dataclass
from dmvpn.features.pki.material import moment, parts, printable, serial_of
from dmvpn.features.pki.show.common import chosen, fingerprint, grouped
from dmvpn.features.pki.trustpoints import alternatives

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.pki.trustpoints import Holdings
    from dmvpn.ios import Args, ShowContext

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateView:
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


@dataclass(frozen=True, slots=True)
class Certificates:
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
