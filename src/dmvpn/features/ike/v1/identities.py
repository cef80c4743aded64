"""The identities of quick mode, which say for which packets its SAs are: as traffic selectors, and the reverse.

RFC 2409 §5.5, RFC 2407 §4.6.2. An identity is an address, a subnet or a range, with a protocol and at most one port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import WireError
from dmvpn.features.ike.numbers import IdType
from dmvpn.features.ike.selectors import TrafficSelector
from dmvpn.features.ike.v1.numbers import AddressIdType
from dmvpn.features.ike.v1.packet import IdentificationPayload
from dmvpn.net.octets import ip_address

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

_CLAUSE = "RFC 2407 §4.6.2"
_ANY_PORT: Final = (0, 0xFFFF)
#: Octets of an address, and how many addresses follow.
_SHAPES: Final[dict[int, tuple[int, int]]] = {
    IdType.IPV4_ADDR: (4, 1),
    IdType.IPV6_ADDR: (16, 1),
    AddressIdType.IPV4_SUBNET: (4, 2),
    AddressIdType.IPV6_SUBNET: (16, 2),
    AddressIdType.IPV4_RANGE: (4, 2),
    AddressIdType.IPV6_RANGE: (16, 2),
}
_SUBNETS: Final = (AddressIdType.IPV4_SUBNET, AddressIdType.IPV6_SUBNET)


def selector_of(identity: IdentificationPayload) -> TrafficSelector:
    """Return the packets that an identity names. Raises WireError if it names no addresses."""
    size, count = _SHAPES.get(identity.kind, (0, 0))
    if not size or len(identity.data) != size * count:
        raise WireError(f"an identity of kind {identity.kind} as a traffic selector", offset=0, clause=_CLAUSE)
    first, last = ip_address(identity.data[:size]), ip_address(identity.data[-size:])
    if identity.kind in _SUBNETS:
        first, last = _subnet(identity.data[:size], identity.data[size:])
    if int(first) > int(last):
        raise WireError("a range of addresses that ends before it begins", offset=0, clause=_CLAUSE)
    ports = (identity.port, identity.port) if identity.port else _ANY_PORT
    return TrafficSelector(first, last, identity.protocol, ports)


def _subnet(address: bytes, mask: bytes) -> tuple[IPAddress, IPAddress]:
    """Return the first and the last address of a subnet. Raises WireError if the ones of its mask have gaps."""
    low, ones = int.from_bytes(address, "big"), int.from_bytes(mask, "big")
    rest = ones ^ ((1 << 8 * len(mask)) - 1)
    if rest & (rest + 1):
        raise WireError("a mask with gaps", offset=0, clause=_CLAUSE)
    first, last = (value.to_bytes(len(mask), "big") for value in (low & ones, low & ones | rest))
    return ip_address(first), ip_address(last)


def identity_of(selector: TrafficSelector) -> IdentificationPayload:
    """Return the identity for these packets: an address if it is one, else a range. All ports, or one port.

    Raises ValueError for several ports, for which IKEv1 has no identity.
    """
    low, high = selector.ports
    if low != high and selector.ports != _ANY_PORT:
        raise ValueError(f"ports {low} to {high} have no identity")
    is_ipv4 = selector.first.version == 4
    port = low if low == high else 0
    if selector.first == selector.last:
        kind: int = IdType.IPV4_ADDR if is_ipv4 else IdType.IPV6_ADDR
        return IdentificationPayload(kind, selector.first.packed, selector.protocol, port)
    kind = AddressIdType.IPV4_RANGE if is_ipv4 else AddressIdType.IPV6_RANGE
    return IdentificationPayload(kind, selector.first.packed + selector.last.packed, selector.protocol, port)
