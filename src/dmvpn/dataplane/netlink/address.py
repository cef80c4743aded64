"""Addresses of interfaces: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR and their events, rtnetlink(7).

With an address the kernel makes the route to its network itself, unless `NOPREFIXROUTE` is set (then a gateway in that
network is refused, except with the on-link flag of a route). IPv6 addresses on a tunnel take `NODAD`: duplicate address
detection finds no neighbors there, and the address would be unusable for a second.
"""

from __future__ import annotations

import enum
import struct

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.dataplane.netlink import wire

#: ifaddrmsg: family, prefix length, flags (8 bits of them), scope, index.
_IFADDRMSG = struct.Struct("=BBBBI")

_IFA_ADDRESS = 1
_IFA_LOCAL = 2
_IFA_BROADCAST = 4
_IFA_FLAGS = 8


class AddressFlag(enum.IntFlag):
    """The flags that we set or read (IFA_F_*)."""

    NONE = 0
    SECONDARY = 0x01
    NODAD = 0x02
    DADFAILED = 0x08
    DEPRECATED = 0x20
    TENTATIVE = 0x40
    PERMANENT = 0x80
    NOPREFIXROUTE = 0x200


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """An address of an interface.

    link: index.
    peer: the far end of a point-to-point address, else None.
    """

    link: int
    address: IPAddress
    prefix_length: int
    flags: AddressFlag = AddressFlag.NONE
    peer: IPAddress | None = None

    @property
    def network(self) -> Prefix:
        """The connected prefix."""
        return Prefix.of(self.peer or self.address, self.prefix_length)

    def __str__(self) -> str:
        return f"address {self.address}/{self.prefix_length} of interface {self.link}"


def add_address(address: InterfaceAddress) -> wire.KernelRequest:
    """Add an address; no error if it is there already."""
    body = _body(address)
    if address.address.version == 4 and address.prefix_length < 31 and address.peer is None:
        body += wire.attribute(_IFA_BROADCAST, address.network.broadcast.packed)
    return wire.KernelRequest(wire.KernelMessageType.NEWADDR, wire.NLM_F_CREATE | wire.NLM_F_REPLACE, body, address)


def add_missing_address(address: InterfaceAddress) -> wire.KernelRequest:
    """Add an address; EEXIST, and no notification, if it is there already."""
    return wire.KernelRequest(
        wire.KernelMessageType.NEWADDR, wire.NLM_F_CREATE | wire.NLM_F_EXCL, add_address(address).body, address
    )


def delete_address(address: InterfaceAddress) -> wire.KernelRequest:
    """Delete an address; its connected route and the routes through it go too."""
    return wire.KernelRequest(wire.KernelMessageType.DELADDR, 0, _body(address), address)


def dump_addresses() -> wire.KernelRequest:
    """Request all addresses of both families in the namespace."""
    return wire.KernelRequest(
        wire.KernelMessageType.GETADDR, wire.NLM_F_DUMP, _IFADDRMSG.pack(wire.AF_UNSPEC, 0, 0, 0, 0), "all addresses"
    )


def parse_address(body: memoryview) -> InterfaceAddress | None:
    """Read the body of a NEWADDR or DELADDR message; None: of a family that is not IP. Raises WireError."""
    (family, prefix_length, short_flags, _, link), found = wire.split_body(body, _IFADDRMSG, "ifaddrmsg")
    if family not in (wire.AF_INET, wire.AF_INET6):
        return None
    # IFA_LOCAL is ours and IFA_ADDRESS the far end's; IPv6 leaves out IFA_LOCAL unless the two differ.
    far = wire.read_address(found[_IFA_ADDRESS]) if _IFA_ADDRESS in found else None
    address = wire.read_address(found[_IFA_LOCAL]) if _IFA_LOCAL in found else far
    if address is None or wire.family_of(address.version) != family or prefix_length > address.max_prefixlen:
        raise WireError("address missing or not of its family", offset=_IFADDRMSG.size, clause=wire.CLAUSE)
    flags = wire.read_uint(found[_IFA_FLAGS]) if _IFA_FLAGS in found else short_flags
    peer = far if far is not None and far != address and far.version == address.version else None
    return InterfaceAddress(link, address, prefix_length, AddressFlag(flags), peer)


def _body(address: InterfaceAddress) -> bytes:
    family = wire.family_of(address.address.version)
    head = _IFADDRMSG.pack(family, address.prefix_length, address.flags & 0xFF, 0, address.link)
    local = wire.attribute(_IFA_LOCAL, address.address.packed)
    far = wire.attribute(_IFA_ADDRESS, (address.peer or address.address).packed)
    return head + local + far + wire.attribute_u32(_IFA_FLAGS, address.flags)
