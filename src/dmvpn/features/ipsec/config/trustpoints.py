"""`crypto pki trustpoint`: certificates, as far as tunnels need them. Keys and certificates themselves are not here."""

from __future__ import annotations

from typing import Final

from dmvpn.features.ipsec.model import Trustpoint
from dmvpn.ios import Args, ConfigLine, ConfigTree, Mode, OneOf, Section, register_type, several

_TRUSTPOINT = "pki-trustpoint"
MODES: Final = (Mode(_TRUSTPOINT, "ca-trustpoint"),)

REVOCATION: Final = register_type(
    OneOf("revocation-check", {"crl": "Revocation lists", "none": "Do not ask", "ocsp": "Ask a responder"})
)
TRUSTPOINT: Final = ConfigLine(
    "global",
    "crypto pki trustpoint {name:word}",
    {"pki": "Certificates", "trustpoint": "An authority that is believed", "name": "Name of the trustpoint"},
    key=("name",),
    order=190,
    opens=_TRUSTPOINT,
)
ENROLLMENT: Final = ConfigLine(
    _TRUSTPOINT,
    "enrollment ( terminal [ pem ] | selfsigned | pkcs12 | url {url:word} )",
    {
        "enrollment": "Where our certificate comes from",
        "terminal": "It is pasted",
        "pem": "As PEM",
        "selfsigned": "We sign it",
        "pkcs12": "With its key, from a PKCS#12 file",
        "url": "From a server",
    },
    order=10,
)
SERIAL_NUMBER: Final = ConfigLine(
    _TRUSTPOINT, "serial-number [ none ]", {"serial-number": "Ours in the certificate", "none": "Not there"}, order=20
)
FQDN: Final = ConfigLine(
    _TRUSTPOINT, "fqdn ( none | {name:word} )", {"fqdn": "Our name in the certificate", "none": "Not there"}, order=30
)
IP_ADDRESS: Final = ConfigLine(
    _TRUSTPOINT,
    "ip-address ( none | {address:address} )",
    {"ip-address": "Our address in the certificate", "none": "Not there"},
    order=40,
)
SUBJECT: Final = ConfigLine(
    _TRUSTPOINT,
    "subject-name {name:line}",
    {"subject-name": "The subject of our certificate", "name": "X.500"},
    order=50,
)
REVOCATION_CHECK: Final = ConfigLine(
    _TRUSTPOINT,
    "revocation-check " + several("method", REVOCATION.name, 3),
    {"revocation-check": "How to learn that a certificate was revoked"},
    order=60,
    default="revocation-check crl",
)
RSA_KEYS: Final = ConfigLine(
    _TRUSTPOINT,
    "rsakeypair {label:word} [ {bits:1024-4096} ]",
    {"rsakeypair": "Our RSA keys", "label": "Their name", "bits": "Bits"},
    order=70,
)
ELLIPTIC_KEYS: Final = ConfigLine(
    _TRUSTPOINT, "eckeypair {label:word}", {"eckeypair": "Our elliptic curve keys", "label": "Their name"}, order=71
)
HASH: Final = ConfigLine(
    _TRUSTPOINT,
    "hash ( sha1 | sha256 | sha384 | sha512 )",
    {"hash": "Hash of a request for a certificate", **{f"sha{bits}": f"SHA-{bits}" for bits in (1, 256, 384, 512)}},
    order=80,
)
AUTO_ENROLL: Final = ConfigLine(
    _TRUSTPOINT,
    "auto-enroll [ {percent:1-100} ] [ regenerate ]",
    {"auto-enroll": "Renew in time", "percent": "Of the lifetime", "regenerate": "With new keys"},
    order=90,
)
LINES: Final = (
    *(TRUSTPOINT, ENROLLMENT, SERIAL_NUMBER, FQDN, IP_ADDRESS, SUBJECT, REVOCATION_CHECK, RSA_KEYS, ELLIPTIC_KEYS),
    *(HASH, AUTO_ENROLL),
)


def trustpoints(tree: ConfigTree) -> tuple[Trustpoint, ...]:
    """All trustpoints."""
    return tuple(_trustpoint(args, section) for args, section in tree.sections(TRUSTPOINT))


def _trustpoint(args: Args, section: Section) -> Trustpoint:
    enrollment, subject, fqdn = section.get(ENROLLMENT), section.get(SUBJECT), section.get(FQDN)
    rsa, elliptic, revocation = section.get(RSA_KEYS), section.get(ELLIPTIC_KEYS), section.get(REVOCATION_CHECK)
    label = elliptic or rsa
    return Trustpoint(
        name=args.text("name"),
        enrollment=_enrollment(enrollment) if enrollment else "",
        subject=subject.text("name") if subject else "",
        fqdn=fqdn.text("name", "") if fqdn else "",
        key_label=label.text("label") if label else "",
        key_bits=rsa.integer("bits", 0) if rsa else 0,
        elliptic=elliptic is not None,
        revocation=revocation.texts("method") if revocation else ("crl",),
    )


def _enrollment(args: Args) -> str:
    words = ("terminal", "selfsigned", "pkcs12")
    return args.text("url", "") or next(word for word in words if word in args)
