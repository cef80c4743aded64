"""Interfaces with their addresses and packet counters: RTM_NEWLINK, RTM_NEWADDR and so on, and their events,
rtnetlink(7).

`KernelLink` is the state of an interface in the kernel. `LinkSettings` are changes that we request; an interface is
named by index or by name. Moving a veth end into a namespace, or making it there, takes an open file descriptor of the
namespace.

Traps: the kernel applies IFLA_AF_SPEC (address generation, forwarding) *after* the up flag of the same message, so
`set_link` never sets up, and a tunnel that must stay silent is configured first and set up by a second request
(`set_up`). Setting an interface down removes all its routes and neighbors, permanent ones too.

With an address the kernel makes the route to its network itself, unless `NOPREFIXROUTE` is set (then a gateway in that
network is refused, except with the on-link flag of a route). IPv6 addresses on a tunnel take `NODAD`: duplicate address
detection finds no neighbors there, and the address would be unusable for a second.

Packet counters (IFLA_STATS64, struct rtnl_link_stats64) are requested separately from the interfaces: the kernel sums
them over all processors, and interfaces are read far more often than counters.
"""

from __future__ import annotations

import enum
import struct

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.errors import WireError
from dmvpn.base.events import PacketCounts
from dmvpn.base.values import Value
from dmvpn.dataplane.netlink import wire
from dmvpn.dataplane.netlink.wire import AF_UNSPEC, CLAUSE, NLM_F_DUMP, KernelMessageType, KernelRequest, split_body

# ------------------------------------------------------------------------------------------------ interfaces


#: ifinfomsg: family, padding, hardware type, index, flags, mask of the flags to change.
_IFINFOMSG = struct.Struct("=BBHiII")

_IFLA_ADDRESS = 1
_IFLA_IFNAME = 3
_IFLA_MTU = 4
_IFLA_LINK = 5
_IFLA_MASTER = 10
_IFLA_TXQLEN = 13
_IFLA_LINKINFO = 18
_IFLA_IFALIAS = 20
_IFLA_AF_SPEC = 26
_IFLA_NET_NS_FD = 28
_IFLA_EXT_MASK = 29
_IFLA_INFO_KIND = 1
_IFLA_INFO_DATA = 2
_VETH_INFO_PEER = 1
_VRF_TABLE = 1
_IFLA_GRE_COLLECT_METADATA = 18
_IFLA_BR_MCAST_SNOOPING = 23
_IFLA_BR_FDB_MAX_LEARNED = 49
_IFLA_INET_CONF = 1
_IFLA_INET6_ADDR_GEN_MODE = 8
_IN6_ADDR_GEN_MODE_NONE = 1
_RTEXT_FILTER_SKIP_STATS = 1 << 3

# Positions of the settings in IFLA_INET_CONF (linux/ip.h IPV4_DEVCONF_*); nested types when written, an array of
# 32-bit words, starting with number 1, when read.
_FORWARDING = 1
_ACCEPT_REDIRECTS = 4
_SEND_REDIRECTS = 6
_RP_FILTER = 8
_ACCEPT_LOCAL = 23

#: IFNAMSIZ - 1.
MAX_NAME = 15

#: How a request identifies an interface.
LinkRef = int | str


class LinkFlag(enum.IntFlag):
    """The flags that we read (IFF_*); the kernel has more, which are kept."""

    UP = 0x1
    BROADCAST = 0x2
    LOOPBACK = 0x8
    POINTOPOINT = 0x10
    RUNNING = 0x40
    NOARP = 0x80
    MULTICAST = 0x1000
    LOWER_UP = 0x10000


class InetConf(Value, kw_only=True):
    """IPv4 settings of one interface, net.ipv4.conf.IF.*, which netlink can set where /proc/sys is read-only."""

    forwarding: int | None = None
    rp_filter: int | None = None
    send_redirects: int | None = None
    accept_redirects: int | None = None
    accept_local: int | None = None


class KernelLink(Value, kw_only=True):
    """One interface.

    kind: "veth", "tun" ..., "" for interfaces without a kind (lo, most network cards).
    mtu: octets.
    peer: the index of the other end of a veth, in its own namespace.
    alias: where we keep the IOS name.
    master: the index of the bridge or VRF device that it is a port of, 0: of none.
    table: of a VRF device: the number of its routing table.
    """

    index: int
    name: str
    flags: LinkFlag
    mtu: int = 0
    address: bytes = b""
    kind: str = ""
    alias: str = ""
    peer: int | None = None
    transmit_queue_length: int = 0
    inet: InetConf | None = None
    master: int = 0
    table: int | None = None

    @property
    def up(self) -> bool:
        """Administratively up."""
        return LinkFlag.UP in self.flags

    @property
    def carrier(self) -> bool:
        """Up and connected ("line protocol up" as far as the interface itself can know)."""
        return LinkFlag.LOWER_UP in self.flags


class LinkSettings(Value, kw_only=True):
    """Changes to an interface; None leaves as it is.

    silent_ipv6: generate no link-local address, so that no discovery or solicitation is ever sent by itself.
    namespace: open descriptor of the network namespace to move it to (it arrives there down, without addresses).
    master: index of the bridge or VRF device that it becomes a port of; 0: of none.
    """

    mtu: int | None = None
    address: bytes | None = None
    alias: str | None = None
    name: str | None = None
    transmit_queue_length: int | None = None
    silent_ipv6: bool = False
    inet: InetConf | None = None
    namespace: int | None = None
    master: int | None = None


class VethEnd(Value, kw_only=True):
    """One end of a pair to be made. namespace: open descriptor of its network namespace, None: the socket's own."""

    name: str
    namespace: int | None = None
    mtu: int | None = None
    address: bytes | None = None


def create_veth(end: VethEnd, peer: VethEnd) -> wire.KernelRequest:
    """Make a pair, each end directly in its namespace: it never shows elsewhere, and names need not differ.

    Raises ValueError if `end` names a namespace and `peer` does not: kernels differ in where the peer would go.
    """
    if end.namespace is not None and peer.namespace is None:
        raise ValueError("name the namespace of both ends, or only the peer's")
    data = wire.attribute(_VETH_INFO_PEER, _ifinfomsg(0) + _end_attributes(peer))
    return _creating(b"veth", data, _end_attributes(end), f"veth {end.name} to {peer.name}")


def create_bridge(name: str) -> wire.KernelRequest:
    """Make a switch that floods multicast: without a querier, snooping would lose its members.

    It floods frames to stations beyond 8,192, too. Kernels before 6.7 have no such bound, and ignore it.
    """
    most = wire.attribute_u32(_IFLA_BR_FDB_MAX_LEARNED, 8192)
    data = wire.attribute_u8(_IFLA_BR_MCAST_SNOOPING, 0) + most
    return _creating(b"bridge", data, _named(name), f"bridge {name}")


def create_gre_collector(name: str) -> wire.KernelRequest:
    """Make the device that receives every GRE packet of its namespace for which the kernel has no other tunnel."""
    return _creating(b"gre", wire.attribute(_IFLA_GRE_COLLECT_METADATA, b""), _named(name), f"GRE collector {name}")


def create_vrf(name: str, table: int | None) -> wire.KernelRequest:
    """Make a VRF device: packets of its ports are looked up in this table.

    None: the kernel refuses it, by EINVAL if it has VRF devices.
    """
    data = wire.attribute_u32(_VRF_TABLE, table) if table is not None else b""
    return _creating(b"vrf", data, _named(name), f"VRF device {name}")


def _creating(kind: bytes, data: bytes, attributes: bytes, what: str) -> wire.KernelRequest:
    information = wire.attribute(_IFLA_INFO_KIND, kind), wire.nest(_IFLA_INFO_DATA, data)
    body = _ifinfomsg(0) + attributes + wire.nest(_IFLA_LINKINFO, *information)
    return wire.KernelRequest(wire.KernelMessageType.NEWLINK, wire.NLM_F_CREATE | wire.NLM_F_EXCL, body, what)


def _named(name: str) -> bytes:
    return wire.attribute_text(_IFLA_IFNAME, checked_name(name))


def set_link(link: LinkRef, settings: LinkSettings) -> wire.KernelRequest:
    """Change an interface, except up and down.

    Raises ValueError for a new name that Linux refuses; renaming takes the index: a message has room for one name.
    """
    if settings.name is not None and isinstance(link, str):
        raise ValueError(f"rename {link} by its index")
    head, named = _reference(link)
    parts = [head, named]
    if settings.namespace is not None:
        parts.append(wire.attribute_u32(_IFLA_NET_NS_FD, settings.namespace))
    if settings.master is not None:
        parts.append(wire.attribute_u32(_IFLA_MASTER, settings.master))
    if settings.address is not None:
        parts.append(wire.attribute(_IFLA_ADDRESS, settings.address))
    if settings.mtu is not None:
        parts.append(wire.attribute_u32(_IFLA_MTU, settings.mtu))
    if settings.name is not None:
        parts.append(_named(settings.name))
    if settings.alias is not None:
        parts.append(wire.attribute(_IFLA_IFALIAS, settings.alias.encode()))
    if settings.transmit_queue_length is not None:
        parts.append(wire.attribute_u32(_IFLA_TXQLEN, settings.transmit_queue_length))
    families = []
    if settings.inet is not None:
        numbers = (
            (_FORWARDING, settings.inet.forwarding),
            (_ACCEPT_REDIRECTS, settings.inet.accept_redirects),
            (_SEND_REDIRECTS, settings.inet.send_redirects),
            (_RP_FILTER, settings.inet.rp_filter),
            (_ACCEPT_LOCAL, settings.inet.accept_local),
        )
        values = [wire.attribute_u32(number, value) for number, value in numbers if value is not None]
        families.append(wire.nest(wire.AF_INET, wire.nest(_IFLA_INET_CONF, *values)))
    if settings.silent_ipv6:
        families.append(wire.nest(wire.AF_INET6, wire.attribute_u8(_IFLA_INET6_ADDR_GEN_MODE, _IN6_ADDR_GEN_MODE_NONE)))
    parts.append(wire.nest(_IFLA_AF_SPEC, *families) if families else b"")
    return wire.KernelRequest(wire.KernelMessageType.SETLINK, 0, b"".join(parts), f"interface {link}")


def set_up(link: LinkRef) -> wire.KernelRequest:
    """Set administratively up."""
    return _set_flags(link, LinkFlag.UP, f"interface {link} up")


def set_down(link: LinkRef) -> wire.KernelRequest:
    """Set administratively down: the kernel removes all its routes and neighbor entries."""
    return _set_flags(link, LinkFlag(0), f"interface {link} down")


def set_arp(link: LinkRef, enabled: bool) -> wire.KernelRequest:
    """Resolve neighbors (True), or treat every address as one hop away without resolving it (IFF_NOARP)."""
    return _set_flags(link, LinkFlag(0) if enabled else LinkFlag.NOARP, f"interface {link} arp", LinkFlag.NOARP)


def delete_link(link: LinkRef) -> wire.KernelRequest:
    """Delete an interface; deleting one end of a veth deletes the other."""
    head, named = _reference(link)
    return wire.KernelRequest(wire.KernelMessageType.DELLINK, 0, head + named, f"interface {link}")


def dump_links() -> wire.KernelRequest:
    """Request all interfaces of the namespace."""
    body = _ifinfomsg(0) + wire.attribute_u32(_IFLA_EXT_MASK, _RTEXT_FILTER_SKIP_STATS)
    return wire.KernelRequest(wire.KernelMessageType.GETLINK, wire.NLM_F_DUMP, body, "all interfaces")


def get_link(link: LinkRef) -> wire.KernelRequest:
    """Request one interface."""
    head, named = _reference(link)
    body = head + named + wire.attribute_u32(_IFLA_EXT_MASK, _RTEXT_FILTER_SKIP_STATS)
    return wire.KernelRequest(wire.KernelMessageType.GETLINK, 0, body, f"interface {link}")


def parse_link(body: memoryview) -> KernelLink | None:
    """Read the body of a NEWLINK or DELLINK message; None: it is about a bridge port, not an interface.

    Raises WireError.
    """
    (family, _, _, index, flags, _), found = wire.split_body(body, _IFINFOMSG, "ifinfomsg")
    if family != wire.AF_UNSPEC or _IFLA_IFNAME not in found:
        return None
    information = wire.parse_attributes(found[_IFLA_LINKINFO]) if _IFLA_LINKINFO in found else {}
    of_kind = wire.parse_attributes(information[_IFLA_INFO_DATA]) if _IFLA_INFO_DATA in information else {}
    families = wire.parse_attributes(found[_IFLA_AF_SPEC]) if _IFLA_AF_SPEC in found else {}
    kind = wire.read_text(information[_IFLA_INFO_KIND]) if _IFLA_INFO_KIND in information else ""
    return KernelLink(
        index=index,
        name=wire.read_text(found[_IFLA_IFNAME]),
        flags=LinkFlag(flags),
        mtu=wire.read_uint(found[_IFLA_MTU]) if _IFLA_MTU in found else 0,
        address=bytes(found.get(_IFLA_ADDRESS, b"")),
        kind=kind,
        alias=wire.read_text(found[_IFLA_IFALIAS]) if _IFLA_IFALIAS in found else "",
        peer=wire.read_uint(found[_IFLA_LINK]) if _IFLA_LINK in found else None,
        transmit_queue_length=wire.read_uint(found[_IFLA_TXQLEN]) if _IFLA_TXQLEN in found else 0,
        inet=_parse_inet(families[wire.AF_INET]) if wire.AF_INET in families else None,
        master=wire.read_uint(found[_IFLA_MASTER]) if _IFLA_MASTER in found else 0,
        table=wire.read_uint(of_kind[_VRF_TABLE]) if kind == "vrf" and _VRF_TABLE in of_kind else None,
    )


def checked_name(name: str) -> str:
    """Return the name, if Linux would take it: 1 to 15 octets, no "/", ":" or "%", no white space, and no folder name.

    A name with "%d" is a pattern: Linux would make an interface of another name. "all" and "default" are folders of
    the settings of interfaces. Raises ValueError; "GigabitEthernet0/1" is no Linux name.
    """
    if name in ("all", "default"):
        raise ValueError(f"{name!r} is no Linux interface name: Linux has settings of that name")
    is_odd = name in (".", "..") or any(char in "/:%" or char.isspace() for char in name)
    if is_odd or not 0 < len(name.encode()) <= MAX_NAME:
        raise ValueError(
            f"{name!r} is no Linux interface name: at most {MAX_NAME} octets, no '/', ':' or '%', no white space"
        )
    return name


def _ifinfomsg(index: int, flags: int = 0, change: int = 0) -> bytes:
    return _IFINFOMSG.pack(wire.AF_UNSPEC, 0, 0, index, flags, change)


def _reference(link: LinkRef) -> tuple[bytes, bytes]:
    if isinstance(link, int):
        return _ifinfomsg(link), b""
    return _ifinfomsg(0), wire.attribute_text(_IFLA_IFNAME, checked_name(link))


def _set_flags(link: LinkRef, flags: LinkFlag, subject: str, change: LinkFlag = LinkFlag.UP) -> wire.KernelRequest:
    _, named = _reference(link)
    index = link if isinstance(link, int) else 0
    return wire.KernelRequest(wire.KernelMessageType.SETLINK, 0, _ifinfomsg(index, flags, change) + named, subject)


def _end_attributes(end: VethEnd) -> bytes:
    parts = [wire.attribute_text(_IFLA_IFNAME, checked_name(end.name))]
    if end.namespace is not None:
        parts.append(wire.attribute_u32(_IFLA_NET_NS_FD, end.namespace))
    if end.mtu is not None:
        parts.append(wire.attribute_u32(_IFLA_MTU, end.mtu))
    if end.address is not None:
        parts.append(wire.attribute(_IFLA_ADDRESS, end.address))
    return b"".join(parts)


def _parse_inet(value: memoryview) -> InetConf | None:
    words = wire.parse_attributes(value).get(_IFLA_INET_CONF)
    if words is None:
        return None

    def word(number: int) -> int | None:
        octets = words[4 * (number - 1) : 4 * number]
        return wire.read_uint(octets) if len(octets) == 4 else None

    return InetConf(
        forwarding=word(_FORWARDING),
        rp_filter=word(_RP_FILTER),
        send_redirects=word(_SEND_REDIRECTS),
        accept_redirects=word(_ACCEPT_REDIRECTS),
        accept_local=word(_ACCEPT_LOCAL),
    )


# ------------------------------------------------------------------------------------------------ addresses


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


class InterfaceAddress(Value):
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


# ------------------------------------------------------------------------------------------------ counters


#: The first nine words: packets, octets, errors, drops (each received, sent), multicast packets received.
_STATS64 = struct.Struct("=9Q")
_IFLA_STATS64 = 23


class LinkCounters(PacketCounts, Value, kw_only=True):
    """The counters of the interface with this index."""

    index: int


def dump_counters() -> KernelRequest:
    """Request the counters of all interfaces of the namespace."""
    return KernelRequest(
        KernelMessageType.GETLINK, NLM_F_DUMP, _IFINFOMSG.pack(AF_UNSPEC, 0, 0, 0, 0, 0), "all counters"
    )


def parse_counters(body: memoryview) -> LinkCounters | None:
    """Read the body of a NEWLINK message; None: it has no counters. Raises WireError."""
    (family, _, _, index, _, _), found = split_body(body, _IFINFOMSG, "ifinfomsg")
    stats = found.get(_IFLA_STATS64)
    if family != AF_UNSPEC or stats is None:
        return None
    if len(stats) < _STATS64.size:
        raise WireError("interface counters cut short", offset=len(stats), clause=CLAUSE)
    received, sent, received_octets, sent_octets, bad, unsent, lost, dropped, multicasts = _STATS64.unpack_from(stats)
    return LinkCounters(
        index=index,
        received=received,
        sent=sent,
        received_octets=received_octets,
        sent_octets=sent_octets,
        receive_errors=bad,
        send_errors=unsent,
        receive_drops=lost,
        send_drops=dropped,
        multicasts=multicasts,
    )
