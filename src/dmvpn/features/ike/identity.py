"""Identities, RFC 7296 §3.5: on the wire, as text, and the configured identities that match a peer's.

`Roster` is the index of a keyring for handshakes: a hub has thousands of peers, and as many handshakes.

    named(identity)        the entry for this very identity: one look
    among(identity)        the first matching entry for many identities (any, a domain, a mask): there are few
    at(address)            the entry with the longest mask around an address: one look for each mask

Of several equal entries the first counts.

X.500 names (ID_DER_ASN1_DN) come from strangers: they are read as X.690 says, carefully.
"""

from __future__ import annotations

from dataclasses import field
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import EVERY_BIT, IPAddress
from dmvpn.base.values import Value
from dmvpn.features.ike.model import Identity, IdentityKind, KeyringPeer
from dmvpn.features.ike.numbers import IdType
from dmvpn.net.ipv4 import ipv4_address, ipv6_address

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from dmvpn.base.pages import Pages

#: Certificates from the peer's to the one that we believe, which counts.
LONGEST_PATH: Final = 8


class Identification(Value):
    """Whom a peer claims to be.

    kind: a number of `IdType`, or any other.
    data: an address, a name in UTF-8, or a distinguished name in DER.
    """

    kind: int
    data: bytes

    @property
    def key(self) -> tuple[int, bytes]:
        """Whom it names, whichever end sent it."""
        return self.kind, self.data


class Proof(Value):
    """With what we prove ourselves: a secret, or a key with the chain of its certificate.

    name: the subject of the certificate.
    """

    secret: bytes | None = field(default=None, repr=False)
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = field(default=None, repr=False)
    chain: tuple[bytes, ...] = ()
    name: Identification | None = None


def of_address(address: IPAddress) -> Identification:
    """Return an address as an identity."""
    return Identification(IdType.IPV4_ADDR if address.version == 4 else IdType.IPV6_ADDR, address.packed)


def address_of(identity: Identification) -> IPAddress | None:
    """Return the address that an identity is, or None."""
    if identity.kind == IdType.IPV4_ADDR and len(identity.data) == 4:
        return ipv4_address(identity.data)
    if identity.kind == IdType.IPV6_ADDR and len(identity.data) == 16:
        return ipv6_address(identity.data)
    return None


def text_of(identity: Identification) -> str:
    """Return the name in an FQDN, e-mail or key-id identity.

    It goes into logs, and NHRP binds addresses to it: all but printable ASCII is escaped, and so is the backslash,
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
    """Return "cn=R1,o=Example", most specific first; "" if it is no name."""
    try:
        parts = [_attribute(attribute) for part in _inside(octets, _SEQUENCE) for attribute in _inside(part, _SET)]
    except ValueError:
        return ""
    return ",".join(reversed(parts))


def _inside(octets: bytes, tag: int) -> list[bytes]:
    """Return the values in the one value that `octets` are. Raises ValueError."""
    found, content, rest = _read(octets)
    if found != tag or rest:
        raise ValueError("another type, or something behind it")
    return _all(content)


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


# -------------------------------------------------------------------------------------- identities of the configuration


#: What an identity is that one peer alone has, in a form that can be looked up.
_Name = tuple[IdentityKind | type[IPAddress], int | str | bytes]


def names(wanted: Identity, given: Identification) -> bool:
    """Return whether an identity of the configuration is this one, and no other one too."""
    name = _name_in(wanted)
    return name is not None and name == _name_of(given)


def matches(wanted: Identity, given: Identification) -> bool:
    """Return whether an identity of the configuration means this one."""
    match wanted.kind:
        case IdentityKind.ANY:
            return True
        case IdentityKind.ADDRESS:
            address = address_of(given)
            if wanted.address is None or address is None or type(address) is not type(wanted.address):
                return False
            bits = _bits(wanted.address, wanted.mask)
            return int(wanted.address) & bits == int(address) & bits
        case IdentityKind.FQDN_DOMAIN:
            name = text_of(given).lower()
            return given.kind == IdType.FQDN and (
                name == wanted.text.lower() or name.endswith(f".{wanted.text.lower()}")
            )
        case IdentityKind.EMAIL_DOMAIN:
            return given.kind == IdType.RFC822_ADDR and text_of(given).lower().endswith(f"@{wanted.text.lower()}")
        case _:
            return names(wanted, given)


def is_host(address: IPAddress | None, mask: IPAddress | None) -> bool:
    """Return whether address and mask are one station."""
    return address is not None and _bits(address, mask) == EVERY_BIT[type(address)]


def _name_in(wanted: Identity) -> _Name | None:
    """Return what one peer alone has; None for an identity that more than one may have."""
    match wanted.kind:
        case IdentityKind.ADDRESS if wanted.address is not None and is_host(wanted.address, wanted.mask):
            return type(wanted.address), int(wanted.address)
        case IdentityKind.FQDN | IdentityKind.EMAIL:
            return wanted.kind, wanted.text.lower()
        case IdentityKind.KEY_ID:
            return wanted.kind, wanted.text.encode()
        case _:
            return None


def _name_of(given: Identification) -> _Name | None:
    """Return what `_name_in` returns, for the identity that a peer sent."""
    match given.kind:
        case IdType.IPV4_ADDR if len(given.data) == 4:
            return IPv4Address, int.from_bytes(given.data, "big")
        case IdType.IPV6_ADDR if len(given.data) == 16:
            return IPv6Address, int.from_bytes(given.data, "big")
        case IdType.FQDN:
            return IdentityKind.FQDN, text_of(given).lower()
        case IdType.RFC822_ADDR:
            return IdentityKind.EMAIL, text_of(given).lower()
        case IdType.KEY_ID:
            return IdentityKind.KEY_ID, given.data
        case _:
            return None


def _bits(address: IPAddress, mask: IPAddress | None) -> int:
    """Return a mask as a number; without one, 0.0.0.0 matches any peer, and any other address only itself."""
    if mask is not None:
        return int(mask)
    return EVERY_BIT[type(address)] if int(address) else 0


class Roster:
    """An index of the peers of one keyring; it belongs to these `peers`, and other peers need a new index."""

    def __init__(self, peers: Pages[KeyringPeer]) -> None:
        self.peers = peers
        self._names: dict[_Name, KeyringPeer] = {}
        self._wide: list[KeyringPeer] = []
        self._hosts: dict[_Name, KeyringPeer] = {}
        networks: dict[type[IPAddress], dict[int, dict[int, KeyringPeer]]] = {IPv4Address: {}, IPv6Address: {}}
        for peer in peers:
            if peer.identity is not None:
                name = _name_in(peer.identity)
                if name is None:
                    self._wide.append(peer)
                else:
                    self._names.setdefault(name, peer)
            elif peer.address is not None and is_host(peer.address, peer.mask):
                self._hosts.setdefault((type(peer.address), int(peer.address)), peer)
            if peer.address is not None:
                bits = _bits(peer.address, peer.mask)
                networks[type(peer.address)].setdefault(bits, {}).setdefault(int(peer.address) & bits, peer)
        self._networks = {version: sorted(some.items(), reverse=True) for version, some in networks.items()}

    def named(self, theirs: Identification) -> KeyringPeer | None:
        """Return the entry for this very identity: by its identity, or by an address without a mask, which it then
        is.
        """
        name = _name_of(theirs)
        return (self._names.get(name) or self._hosts.get(name)) if name is not None else None

    def among(self, theirs: Identification) -> KeyringPeer | None:
        """Return the first entry for many identities (any, a domain, a mask) that matches this identity."""
        for peer in self._wide:
            if peer.identity is not None and matches(peer.identity, theirs):
                return peer
        return None

    def at(self, address: IPAddress) -> KeyringPeer | None:
        """Return the entry whose address and mask cover this address most closely."""
        number = int(address)
        for bits, peers in self._networks[type(address)]:
            if number & bits in peers:
                return peers[number & bits]
        return None
