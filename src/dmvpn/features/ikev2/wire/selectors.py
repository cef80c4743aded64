"""Traffic selectors: which packets a child SA is for, RFC 7296 §3.13."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from dmvpn.base.errors import WireError
from dmvpn.features.ikev2.wire.numbers import SelectorType
from dmvpn.net.octets import ip_address

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

_HEADER = struct.Struct("!BBHHH")
_COUNT = 4
_CLAUSE = "RFC 7296 §3.13"
_ADDRESS_LENGTH: dict[int, int] = {SelectorType.IPV4_RANGE: 4, SelectorType.IPV6_RANGE: 16}
_ANY_PORT = (0, 0xFFFF)


@dataclass(frozen=True, slots=True)
class TrafficSelector:
    """Addresses from `first` to `last`, an IP protocol (0: any) and a range of ports (for GRE: all)."""

    first: IPAddress
    last: IPAddress
    protocol: int = 0
    ports: tuple[int, int] = _ANY_PORT

    @classmethod
    def host(cls, address: IPAddress, protocol: int) -> Self:
        """All packets of one protocol from or to one address."""
        return cls(address, address, protocol)

    def __contains__(self, other: TrafficSelector) -> bool:
        """Is everything that `other` selects selected here too?"""
        return (
            self.first.version == other.first.version
            and int(self.first) <= int(other.first)
            and int(other.last) <= int(self.last)
            and self.protocol in (0, other.protocol)
            and self.ports[0] <= other.ports[0]
            and other.ports[1] <= self.ports[1]
        )

    def __str__(self) -> str:
        addresses = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        return f"{addresses}/{self.protocol}"

    def serialize(self) -> bytes:
        """RFC 7296 §3.13.1."""
        kind = SelectorType.IPV4_RANGE if self.first.version == 4 else SelectorType.IPV6_RANGE
        addresses = self.first.packed + self.last.packed
        return _HEADER.pack(kind, self.protocol, _HEADER.size + len(addresses), *self.ports) + addresses


def serialize_selectors(selectors: tuple[TrafficSelector, ...]) -> bytes:
    """The body of a TSi or TSr payload."""
    return bytes((len(selectors), 0, 0, 0)) + b"".join(selector.serialize() for selector in selectors)


def parse_selectors(octets: bytes, offset: int) -> tuple[TrafficSelector, ...]:
    """The body of a TSi or TSr payload; selectors of unknown types are left out. Raises WireError."""
    if len(octets) < _COUNT:
        raise WireError("a traffic selector payload is cut off", offset=offset, clause=_CLAUSE)
    selectors, at = [], _COUNT
    for _ in range(octets[0]):
        if len(octets) - at < _HEADER.size:
            raise WireError("a traffic selector is cut off", offset=offset + at, clause=_CLAUSE)
        kind, protocol, size, low, high = _HEADER.unpack_from(octets, at)
        if size < _HEADER.size or at + size > len(octets):
            raise WireError("a traffic selector's length is wrong", offset=offset + at + 2, clause=_CLAUSE)
        if kind in _ADDRESS_LENGTH:
            length = _ADDRESS_LENGTH[kind]
            if size != _HEADER.size + 2 * length:
                raise WireError("a traffic selector's length is wrong", offset=offset + at + 2, clause=_CLAUSE)
            middle = at + _HEADER.size + length
            first, last = octets[middle - length : middle], octets[middle : middle + length]
            selectors.append(TrafficSelector(ip_address(first), ip_address(last), protocol, (low, high)))
        at += size
    if at != len(octets):
        raise WireError("octets behind the last traffic selector", offset=offset + at, clause=_CLAUSE)
    return tuple(selectors)
