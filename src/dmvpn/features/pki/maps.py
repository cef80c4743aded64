"""Which certificates a `crypto pki certificate map` means."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from cryptography import x509

from dmvpn.base.certificates import certificate_of, serial_number
from dmvpn.features.pki.material import UNREADABLE, serial_of, text_of
from dmvpn.features.pki.model import CertificatePart, Comparison

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dmvpn.features.pki.model import CertificateMap, MapRule


def is_meant(entries: Iterable[CertificateMap], octets: bytes) -> bool:
    """Return whether any entry means this certificate (DER).

    One without rules means all, as IOS has it; without entries none.
    """
    try:
        certificate = certificate_of(octets)
        said = {part: _texts(certificate, part) for part in CertificatePart}
    except UNREADABLE:
        return False
    return any(all(_fits(rule, said[rule.part]) for rule in entry.rules) for entry in entries)


def _fits(rule: MapRule, texts: Sequence[str]) -> bool:
    wanted = _plain(rule.text)
    have = [_plain(text) for text in texts]
    match rule.comparison:
        case Comparison.EQUAL:
            return wanted in have
        case Comparison.UNEQUAL:
            return wanted not in have
        case Comparison.CONTAINS:
            return any(wanted in text for text in have)
        case Comparison.LACKS:
            return not any(wanted in text for text in have)
        case _:
            assert_never(rule.comparison)


def _plain(text: str) -> str:
    """Return letters in one case, and no blanks around commas and equal signs: people write names with and without."""
    return ",".join("=".join(word.strip() for word in part.split("=")) for part in text.lower().split(","))


def _texts(certificate: x509.Certificate, part: CertificatePart) -> tuple[str, ...]:
    match part:
        case CertificatePart.SUBJECT:
            return (text_of(certificate.subject),)
        case CertificatePart.ISSUER:
            return (text_of(certificate.issuer),)
        case CertificatePart.SERIAL:
            return (serial_of(serial_number(certificate)),)
        case CertificatePart.ALTERNATIVE:
            return alternatives(certificate)
        case _:
            assert_never(part)


def alternatives(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the alternative names of a certificate that are names, e-mail or IP addresses. Raises ValueError."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (
        *extension.get_values_for_type(x509.DNSName),
        *extension.get_values_for_type(x509.RFC822Name),
        *(str(address) for address in extension.get_values_for_type(x509.IPAddress)),
    )
