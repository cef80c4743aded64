"""Traffic selectors: which packets a pair of SAs is for. RFC 7296 §3.13; IKEv1 says the same with two identities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

_ANY_PORT: Final = (0, 0xFFFF)
_OPAQUE: Final = (0xFFFF, 0)


@dataclass(frozen=True, slots=True)
class TrafficSelector:
    """Addresses from `first` to `last`, an IP protocol (0: any) and a range of ports (for GRE: all)."""

    first: IPAddress
    last: IPAddress
    protocol: int = 0
    ports: tuple[int, int] = _ANY_PORT

    @classmethod
    def host(cls, address: IPAddress, protocol: int) -> Self:
        """Return all packets of one protocol from or to one address."""
        return cls(address, address, protocol)

    def __contains__(self, other: TrafficSelector) -> bool:
        """Return whether everything that `other` selects is selected here, too."""
        return (
            self.first.version == other.first.version
            and int(self.first) <= int(other.first)
            and int(other.last) <= int(self.last)
            and self.protocol in (0, other.protocol)
            and self.ports[0] <= other.ports[0]
            and other.ports[1] <= self.ports[1]
        )

    def common(self, other: TrafficSelector) -> TrafficSelector | None:
        """Return the intersection with another selector; None if it is empty."""
        protocols = {0, self.protocol, other.protocol}
        if self.first.version != other.first.version or len(protocols) > 2:
            return None
        first, last = max(self.first, other.first, key=int), min(self.last, other.last, key=int)
        ports = _common_ports(self.ports, other.ports)
        if int(first) > int(last) or ports is None:
            return None
        return TrafficSelector(first, last, self.protocol or other.protocol, ports)

    @property
    def port(self) -> str:
        """The ports, as shows write them: 0 for all."""
        low, high = self.ports
        if self.ports == _ANY_PORT:
            return "0"
        return str(low) if low == high else f"{low}-{high}"

    def __str__(self) -> str:
        addresses = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        return f"{addresses}/{self.protocol}" + ("" if self.ports == _ANY_PORT else f"/{self.port}")


def _common_ports(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int] | None:
    """Return the common ports of two ranges; None if there are none. 65535 to 0: packets without ports (OPAQUE)."""
    if one == other or other == _ANY_PORT:
        return one
    if one == _ANY_PORT:
        return other
    low, high = max(one[0], other[0]), min(one[1], other[1])
    return (low, high) if low <= high and _OPAQUE not in (one, other) else None
