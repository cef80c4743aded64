"""Identities on the wire and for people, RFC 7296 §3.5.

X.500 names (ID_DER_ASN1_DN) come from strangers: they are read as X.690 says, carefully.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final

from dmvpn.features.ikev2.wire.numbers import IdType
from dmvpn.features.ikev2.wire.payloads import Identification

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


def of_address(address: IPAddress) -> Identification:
    """Return an address as an identity."""
    return Identification(IdType.IPV4_ADDR if address.version == 4 else IdType.IPV6_ADDR, address.packed)


def address_of(identity: Identification) -> IPAddress | None:
    """Return the address that an identity is, or None."""
    if identity.kind == IdType.IPV4_ADDR and len(identity.data) == 4:
        return IPv4Address(identity.data)
    if identity.kind == IdType.IPV6_ADDR and len(identity.data) == 16:
        return IPv6Address(identity.data)
    return None


def text_of(identity: Identification) -> str:
    """Return the name in an FQDN, e-mail or key-id identity.

    It goes into logs, and NHRP binds addresses to it: what is not printable ASCII is escaped, and so is the backslash,
    so that no two names look alike.
    """
    return identity.data.decode("latin-1").encode("unicode_escape").decode()


def name_of(identity: Identification) -> str:
    """Return an identity for people."""
    address = address_of(identity)
    if address is not None:
        return str(address)
    if identity.kind in (IdType.FQDN, IdType.RFC822_ADDR, IdType.KEY_ID):
        return text_of(identity)
    if identity.kind == IdType.DER_ASN1_DN and (name := text_of_name(identity.data)):
        return name
    return f"identity of type {identity.kind}: {identity.data.hex()}"


# -------------------------------------------------------------------------------------------------- distinguished names


_SEQUENCE, _SET, _OID = 0x30, 0x31, 0x06
_UNIVERSAL_STRING, _BMP_STRING = 0x1C, 0x1E
_LONG: Final = 0x80
#: The attributes of RFC 4514 §3, and e-mail; by their object identifiers in DER.
_WORDS: Final = {
    "550403": "cn",
    "550407": "l",
    "550408": "st",
    "55040a": "o",
    "55040b": "ou",
    "550406": "c",
    "550405": "serialNumber",
    "0992268993f22c640119": "dc",
    "2a864886f70d010901": "e",
    "2a864886f70d010902": "hostname",
    "2a864886f70d010908": "ipaddress",
}


def text_of_name(octets: bytes) -> str:
    """Return "cn=R1,o=Example", most specific first; "" for what is no name."""
    try:
        parts = [_attribute(attribute) for part in _inside(octets, _SEQUENCE) for attribute in _values(part, _SET)]
    except ValueError:
        return ""
    return ",".join(reversed(parts))


def _inside(octets: bytes, tag: int) -> list[bytes]:
    """Return the values in the one value that `octets` are. Raises ValueError."""
    found, content, rest = _read(octets)
    if found != tag or rest:
        raise ValueError("another type, or something behind it")
    return _all(content)


def _values(octets: bytes, tag: int) -> list[bytes]:
    return _inside(octets, tag)


def _all(octets: bytes) -> list[bytes]:
    """Return values behind each other, each with its head. Raises ValueError."""
    found: list[bytes] = []
    while octets:
        _, _, rest = _read(octets)
        found.append(octets[: len(octets) - len(rest)])
        octets = rest
    return found


def _read(octets: bytes) -> tuple[int, bytes, bytes]:
    """Return tag, content, and what follows. Raises ValueError."""
    if len(octets) < 2:
        raise ValueError("cut short")
    start, length = 2, octets[1]
    if length & _LONG:
        start += length & ~_LONG
        length = int.from_bytes(octets[2:start], "big")
    if len(octets) < start + length:
        raise ValueError("cut short")
    return octets[0], octets[start : start + length], octets[start + length :]


def _attribute(octets: bytes) -> str:
    parts = _inside(octets, _SEQUENCE)
    if len(parts) != 2:
        raise ValueError("no pair of type and value")
    kind, identifier, _ = _read(parts[0])
    if kind != _OID:
        raise ValueError("no object identifier")
    encoding, value, _ = _read(parts[1])
    codec = {_BMP_STRING: "utf-16-be", _UNIVERSAL_STRING: "utf-32-be"}.get(encoding, "utf-8")
    text = value.decode(codec, "backslashreplace" if codec == "utf-8" else "replace")
    shown = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    return f"{_WORDS.get(identifier.hex(), identifier.hex())}={shown}"
