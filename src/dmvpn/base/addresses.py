"""Addresses and prefixes, the values that every protocol names.

Addresses are those of the standard library: they hash, sort and print as expected. A prefix is our own small value
instead of `ipaddress.IPv4Network`, which costs ten times as much to make and refuses host bits.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from operator import itemgetter
from typing import NamedTuple, Self

IPAddress = IPv4Address | IPv6Address

UNSPECIFIED = IPv4Address(0)
#: The same by IP version.
UNSPECIFIED_OF: dict[int, IPAddress] = {4: UNSPECIFIED, 6: IPv6Address(0)}
#: The number of the highest address of each version.
EVERY_BIT: dict[type[IPAddress], int] = {IPv4Address: (1 << 32) - 1, IPv6Address: (1 << 128) - 1}


class OuterAddress(NamedTuple):
    """An address of ours outside of tunnels, in a front door: two front doors may have the same address.

    front: the VRF, "": the global table.
    """

    address: IPAddress
    front: str = ""


#: Our end and the address of a peer, both in the front door of our end.
Ends = tuple[OuterAddress, IPAddress]


class Prefix(tuple[object, ...]):
    """A network prefix: host bits of `address` are zero, `length` counts bits. Sorts by version, address, then length.

    Make one with `Prefix.of` (any address of the prefix) or `Prefix.parse` ("10.3.3.0/24"). It consists of numbers
    because a route is looked up in fifty dictionaries on its way into the kernel, and an address hashes slowly.
    version: of IP. number: its address.
    """

    __slots__ = ()

    version: int = property(itemgetter(0))  # type: ignore[assignment]
    number: int = property(itemgetter(1))  # type: ignore[assignment]
    length: int = property(itemgetter(2))  # type: ignore[assignment]

    def __new__(cls, address: IPAddress, length: int) -> Self:
        """Make the prefix that begins with this address."""
        version = 4 if type(address) is IPv4Address else address.version
        return tuple.__new__(cls, (version, int(address), length))

    @classmethod
    def of_number(cls, number: int, length: int, version: int = 4) -> Self:
        """Make the prefix of this IP version that begins with the address of this number."""
        return tuple.__new__(cls, (version, number, length))

    def __getnewargs__(self) -> tuple[IPAddress, int]:
        return self.address, self.length

    def __repr__(self) -> str:
        return f"Prefix(address={self.address!r}, length={self.length})"

    @property
    def address(self) -> IPAddress:
        """Its first address."""
        return IPv4Address(self.number) if self.version == 4 else IPv6Address(self.number)

    @property
    def width(self) -> int:
        """The bits of an address."""
        return 32 if self.version == 4 else 128

    @classmethod
    def of(cls, address: IPAddress, length: int) -> Self:
        """Make the prefix of `length` bits that contains `address`. Raises ValueError if the length does not fit."""
        # A property of an address takes a call, and a hub asks for each packet.
        version, width = (4, 32) if type(address) is IPv4Address else (address.version, address.max_prefixlen)
        if not 0 <= length <= width:
            raise ValueError(f"prefix length {length} of {address}")
        return tuple.__new__(cls, (version, int(address) >> width - length << width - length, length))

    @classmethod
    def host(cls, address: IPAddress) -> Self:
        """Make the prefix of this single address."""
        return cls(address, address.max_prefixlen)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "A.B.C.D/L" or "X:X::X/L"; without "/L" it is the host prefix. Raises ValueError."""
        address_text, slash, length = text.partition("/")
        address = ip_address(address_text)
        return cls.of(address, int(length)) if slash else cls.host(address)

    def __contains__(self, item: object) -> bool:
        """Return whether an address is in this prefix, or a prefix is this one or inside it."""
        if isinstance(item, Prefix):
            version, length = self.version, self.length
            if item.version != version or item.length < length:
                return False
            shift = (32 if version == 4 else 128) - length
            return item.number >> shift == self.number >> shift
        if not isinstance(item, IPv4Address | IPv6Address) or item.version != self.version:
            return False
        shift = self.width - self.length
        return int(item) >> shift == self.number >> shift

    @property
    def is_host(self) -> bool:
        """True if the prefix is a single address."""
        return self.length == (32 if self.version == 4 else 128)

    @property
    def size(self) -> int:
        """The number of its addresses."""
        return 1 << ((32 if self.version == 4 else 128) - self.length)

    @property
    def netmask(self) -> IPAddress:
        """The mask: 255.255.255.0 for a /24."""
        return _netmask(self.width, self.length)

    @property
    def wildcard(self) -> IPAddress:
        """The inverse of the mask: 0.0.0.255 for a /24."""
        ones = self.size - 1
        return IPv4Address(ones) if self.version == 4 else IPv6Address(ones)

    @property
    def broadcast(self) -> IPAddress:
        """The highest address of the prefix."""
        last = self.number | (self.size - 1)
        return IPv4Address(last) if self.version == 4 else IPv6Address(last)

    @property
    def is_for_stations(self) -> bool:
        """Return whether a neighbor may advertise this prefix: not multicast, loopback, "this network" or class E, RFC
        1812 §5.3.7.

        Short prefixes that contain such addresses among valid ones are accepted.
        """
        if self.version != 4:
            return self.number >> 120 != 0xFF
        first = self.number >> 24
        return self.length < 3 or (first < 224 and (self.length < 8 or first not in (0, 127)))

    @property
    def covered(self) -> bytes:
        """The octets of its address that it covers, at least in part: as routing protocols write it."""
        octets = (self.length + 7) >> 3
        return (self.number >> self.width - 8 * octets).to_bytes(octets, "big")

    @property
    def is_default(self) -> bool:
        """True for 0.0.0.0/0 and ::/0."""
        return self.length == 0

    def __str__(self) -> str:
        if self.version != 4:
            return f"{self.address}/{self.length}"
        number = self.number
        return f"{number >> 24}.{number >> 16 & 0xFF}.{number >> 8 & 0xFF}.{number & 0xFF}/{self.length}"


@lru_cache(maxsize=256)
def _netmask(width: int, length: int) -> IPAddress:
    ones = ((1 << length) - 1) << (width - length)
    return IPv4Address(ones) if width == 32 else IPv6Address(ones)


def is_link_local(address: IPAddress) -> bool:
    """Return whether it is a link-local address of IPv6 (RFC 4291 §2.5.6). Such an address means something on one link
    only.

    169.254.0.0/16 does not count: people give tunnels addresses from it and route them like any other.
    """
    return type(address) is IPv6Address and int(address) >> 118 == 0x3FA


def is_multicast(address: IPAddress) -> bool:
    """Return whether it is the address of a group; quicker than its own property, since each packet asks for it."""
    return int(address) >> 28 == 0xE if type(address) is IPv4Address else int(address) >> 120 == 0xFF


def stays_on_link(address: IPAddress) -> bool:
    """Return whether it has IPv6's link-local scope, or a smaller one, as an address or as a multicast group (RFC 4291
    §2.7).
    """
    if address.version == 4:
        return False
    number = int(address)
    return number >> 118 == 0x3FA or (number >> 120 == 0xFF and number >> 112 & 0xF <= 2)


def is_one_station(address: IPAddress) -> bool:
    """Return whether it can be the address of one other station. Other addresses from the network are not believed.

    Over IPv6 ::ffff:0:0/96 cannot be one either: it represents IPv4 inside programs, and never on a wire
    (RFC 4291 §2.5.5.2).
    """
    number = int(address)
    if type(address) is IPv4Address:
        return number >> 28 != 0xE and number >> 24 != 127 and number not in (0, 0xFFFFFFFF)
    return number >> 120 != 0xFF and number >> 32 != 0xFFFF and number > 1


def spelled(value: IPAddress | Prefix | None) -> str:
    """Return the text that people see: IPv6 addresses have capital letters, as on IOS.

    IPv4-mapped ones have both notations (RFC 5952 §5), which Python itself writes since 3.13 only.
    """
    mapped = value.ipv4_mapped if isinstance(value, IPv6Address) else None
    return str(value).upper() if mapped is None else f"::FFFF:{mapped}"


def ip_keyword(version: int) -> str:
    """Return the keyword with which lines and commands of this IP version begin: ip or ipv6."""
    return "ip" if version == 4 else "ipv6"


def dotted(octets: bytes) -> str:
    """Return octets as IOS shows hardware addresses and identifiers: 0100.5056.8a11.22."""
    text = octets.hex()
    return ".".join(text[start : start + 4] for start in range(0, len(text), 4))


def mask_length(mask: IPv4Address) -> int | None:
    """Return bits of a contiguous netmask (255.255.255.0 -> 24), or None if the ones are not contiguous."""
    inverted = int(mask) ^ 0xFFFFFFFF
    if inverted & (inverted + 1):
        return None
    return 32 - inverted.bit_length()


def classful_length(address: IPv4Address) -> int:
    """Return the length of the class A, B or C network that holds `address` (RFC 791 §2.3); 32 for other addresses.

    IOS groups its routing table by these and reads `network 10.0.0.0` without a wildcard so.
    """
    first = int(address) >> 24
    if first < 128:
        return 8
    if first < 192:
        return 16
    if first < 224:
        return 24
    return 32
