"""X.500 names in identities (RFC 7296 §3.5, ID_DER_ASN1_DN), for people. They come from strangers: X.690, carefully."""

from __future__ import annotations

from typing import Final

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
    """ "cn=R1,o=Example", most specific first; "" for what is no name."""
    try:
        parts = [_attribute(attribute) for part in _inside(octets, _SEQUENCE) for attribute in _values(part, _SET)]
    except ValueError:
        return ""
    return ",".join(reversed(parts))


def _inside(octets: bytes, tag: int) -> list[bytes]:
    """The values in the one value that `octets` are. Raises ValueError."""
    found, content, rest = _read(octets)
    if found != tag or rest:
        raise ValueError("another type, or something behind it")
    return _all(content)


def _values(octets: bytes, tag: int) -> list[bytes]:
    return _inside(octets, tag)


def _all(octets: bytes) -> list[bytes]:
    """Values behind each other, each with its head. Raises ValueError."""
    found: list[bytes] = []
    while octets:
        _, _, rest = _read(octets)
        found.append(octets[: len(octets) - len(rest)])
        octets = rest
    return found


def _read(octets: bytes) -> tuple[int, bytes, bytes]:
    """Tag, content, and what follows. Raises ValueError."""
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
