"""Names and dates in certificates, as IOS writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

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
