"""`crypto pki trustpoint`, with certificates as octets, and `crypto pki certificate map`, which describes certificates.

Private keys are not in a configuration. Lines about enrollment over the network, which does not exist here, are kept
without effect.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from dmvpn.base.values import collected
from dmvpn.ios import ConfigLine, Mode, OneOf, ValueType, register_type, several
from dmvpn.ios.values import Misfit, Read, Reading, Token

_TRUSTPOINT, _CHAIN, _CERTIFICATE = "pki-trustpoint", "pki-certificate-chain", "pki-certificate"
_MAP: Final = "pki-certificate-map"
MODES: Final = (
    Mode(_TRUSTPOINT, "ca-trustpoint"),
    Mode(_CHAIN, "config-cert-chain"),
    Mode(_CERTIFICATE, "config-pubkey", _CHAIN, exit_word="quit"),
    Mode(_MAP, "ca-certificate-map"),
)
_OCTETS = re.compile(r"[0-9A-Fa-f]{2,}(?: +[0-9A-Fa-f]{2,})*\Z")


class CertificateOctets(ValueType):
    """A line of hexadecimal digits in groups."""

    def __init__(self) -> None:
        super().__init__("certificate-octets", "Hex-data", lambda text: None)

    def read_value(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        text = " ".join(token.text for token in tokens[index:]).upper()
        return Reading(text, text, len(tokens)) if _OCTETS.match(text) else Misfit()


OCTETS_TYPE: Final = register_type(CertificateOctets())

REVOCATION: Final = register_type(
    OneOf("revocation-check", {"crl": "Revocation lists", "none": "Do not ask", "ocsp": "Ask a responder"})
)
_HELP: Final = {
    "pki": "Certificates",
    "ca": "Old word for `pki`",
    "trustpoint": "An authority that is believed",
    "name": "Name of the trustpoint",
    "enrollment": "Where our certificate comes from",
    "terminal": "It is pasted",
    "pem": "As PEM",
    "selfsigned": "We sign it",
    "pkcs12": "With its key, from a PKCS#12 file",
    "url": "From a server",
    "serial-number": "Ours in the certificate",
    "none": "Not there",
    "ip-address": "Our address in the certificate",
    "interface": "That of an interface",
    "subject-name": "The subject of our certificate",
    "extended-key-usage": "Not in IOS: check what certificates of peers are for",
    "ignore": "Accept certificates that are not for IKE, too",
    "rsakeypair": "Our RSA keys",
    "label": "Their name",
    "bits": "Bits",
    "eckeypair": "Our elliptic curve keys",
    "auto-enroll": "Renew in time",
    "percent": "Of the lifetime",
    "regenerate": "With new keys",
    "certificate": "A certificate, as octets",
    "self-signed": "That we signed",
    "serial": "Serial number",
    "map": "Which certificates are meant",
    "number": "Entries are tried in this order",
}
TRUSTPOINT: Final = ConfigLine(
    "global", "crypto ( pki | ca=pki ) trustpoint {name:word}", _HELP, key=("name",), order=190, opens=_TRUSTPOINT
)
ENROLLMENT: Final = ConfigLine(
    _TRUSTPOINT, "enrollment ( terminal [ pem ] | selfsigned | pkcs12 | url {url:word} )", _HELP, order=10
)
SERIAL_NUMBER: Final = ConfigLine(_TRUSTPOINT, "serial-number [ none ]", _HELP, order=20)
FQDN: Final = ConfigLine(
    _TRUSTPOINT, "fqdn ( none | {name:word} )", {"fqdn": "Our name in the certificate", "none": "Not there"}, order=30
)
IP_ADDRESS: Final = ConfigLine(
    _TRUSTPOINT, "ip-address ( none | {address:address} | {interface:interface} )", _HELP, order=40
)
SUBJECT: Final = ConfigLine(_TRUSTPOINT, "subject-name {name:line}", {**_HELP, "name": "X.500"}, order=50)
REVOCATION_CHECK: Final = ConfigLine(
    _TRUSTPOINT,
    "revocation-check " + several("method", REVOCATION.name, 3),
    {"revocation-check": "How to learn that a certificate was revoked"},
    order=60,
    default="revocation-check crl",
)
KEY_USAGE: Final = ConfigLine(_TRUSTPOINT, "extended-key-usage ignore", _HELP, order=65)
RSA_KEYS: Final = ConfigLine(_TRUSTPOINT, "rsakeypair {label:word} [ {bits:1024-4096} ]", _HELP, order=70)
ELLIPTIC_KEYS: Final = ConfigLine(_TRUSTPOINT, "eckeypair {label:word}", _HELP, order=71)
HASH: Final = ConfigLine(
    _TRUSTPOINT,
    "hash ( sha1 | sha256 | sha384 | sha512 )",
    {"hash": "Hash of a request for a certificate", **{f"sha{bits}": f"SHA-{bits}" for bits in (1, 256, 384, 512)}},
    order=80,
)
AUTO_ENROLL: Final = ConfigLine(_TRUSTPOINT, "auto-enroll [ {percent:1-100} ] [ regenerate ]", _HELP, order=90)
CHAIN: Final = ConfigLine(
    "global",
    "crypto ( pki | ca=pki ) certificate chain {name:word}",
    {"certificate": "Certificates as such", "chain": "Of a trustpoint", "name": "Its name"},
    key=("name",),
    order=191,
    opens=_CHAIN,
)
CERTIFICATE: Final = ConfigLine(
    _CHAIN,
    "certificate [ ca | self-signed ] {serial:word}",
    {**_HELP, "ca": "Of the authority"},
    key=("ca", "self-signed", "serial"),
    opens=_CERTIFICATE,
)
OCTETS: Final = ConfigLine(
    _CERTIFICATE, f"{{octets:{OCTETS_TYPE.name}}}", {"octets": "Up to the line `quit`"}, key=("octets",)
)


MAP: Final = ConfigLine(
    "global",
    "crypto ( pki | ca=pki ) certificate map {name:word} {number:1-65535}",
    {**_HELP, "certificate": "Certificates as such", "name": "Name of the map"},
    key=("name", "number"),
    order=192,
    opens=_MAP,
    sort=("name", "number"),
)
RULE: Final = ConfigLine(
    _MAP,
    "( subject-name | issuer-name | alt-subject-name | serial-number ) ( eq | ne | co | nc ) {text:line}",
    {
        "subject-name": "Whose certificate it is",
        "issuer-name": "Who issued it",
        "alt-subject-name": "Other names of its owner",
        "serial-number": "Its number, hexadecimal",
        "eq": "Is equal to",
        "ne": "Is not equal to",
        "co": "Contains",
        "nc": "Does not contain",
        "text": "Text to compare; upper and lower case are equal",
    },
    key=(),
    order=10,
)


_KEPT_HELP: Final = "Kept for the record; nothing is enrolled over the network"


def _kept(syntax: str, key: tuple[str, ...] | None = None) -> ConfigLine:
    return ConfigLine("pki-trustpoint", syntax, _KEPT_HELP, key=key, order=15, keep_no=True)


LINES: Final = (
    *collected(ConfigLine, vars()),
    _kept("enrollment mode ra"),
    _kept("enrollment retry ( count {number:1-100} | period {minutes:1-60} )", ("number", "minutes")),
    _kept("usage ( ike | ssl-client | ssl-server )", ("ike", "ssl-client", "ssl-server")),
    _kept("source interface {interface:interface}"),
    _kept("storage {place:word}"),
    _kept("regenerate"),
    _kept("subject-alt-name {name:word}"),
)
