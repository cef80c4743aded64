"""The configuration of certificates, as values."""

from __future__ import annotations

import enum

from dmvpn.base.values import Value


class Certificate(Value):
    """One certificate of a chain. octets: X.509 in DER."""

    serial: str
    is_authority: bool
    octets: bytes


class Trustpoint(Value, kw_only=True):
    """`crypto pki trustpoint`: where our certificate comes from, and which authorities we trust.

    enrollment: "terminal", "selfsigned", "pkcs12" or a URL.
    key_bits: 0: not said.
    revocation: methods, in order.
    any_use: extended key usage does not matter.
    """

    name: str
    enrollment: str = ""
    subject: str = ""
    fqdn: str = ""
    key_bits: int = 0
    elliptic: bool = False
    revocation: tuple[str, ...] = ("crl",)
    any_use: bool = False
    certificates: tuple[Certificate, ...] = ()

    @property
    def asks_nobody(self) -> bool:
        """`revocation-check none`: revocation is not checked."""
        return self.revocation[:1] == ("none",)

    @property
    def must_ask(self) -> bool:
        """Whether no certificate is accepted without a current revocation list. `none` behind `crl` makes the list
        optional.
        """
        return "none" not in self.revocation


class CertificatePart(enum.Enum):
    """The field that a rule of a certificate map checks."""

    SUBJECT = "subject-name"
    ISSUER = "issuer-name"
    ALTERNATIVE = "alt-subject-name"
    SERIAL = "serial-number"


class Comparison(enum.Enum):
    """How it compares; letters count alike, large or small."""

    EQUAL = "eq"
    UNEQUAL = "ne"
    CONTAINS = "co"
    LACKS = "nc"


class MapRule(Value):
    """One line of a certificate map."""

    part: CertificatePart
    comparison: Comparison
    text: str


class CertificateMap(Value):
    """`crypto pki certificate map NAME NUMBER`: all its rules have to fit; of those with one name, any."""

    name: str
    number: int
    rules: tuple[MapRule, ...] = ()


class PkiConfig(Value, kw_only=True):
    """Everything that is configured of certificates."""

    trustpoints: tuple[Trustpoint, ...] = ()
    maps: tuple[CertificateMap, ...] = ()
