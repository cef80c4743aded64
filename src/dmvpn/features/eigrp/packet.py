"""EIGRP packets: RFC 7868 §6.5, a header of 20 octets and a list of TLVs.

`parse` decodes the payload of an IP packet (protocol 88), `serialize` encodes it. Other TLVs than routes are in
`tlv.py`, digests in `auth.py`. An acknowledgment has no opcode of its own: it is a Hello with an acknowledgment number.

A route TLV has one metric, and the destinations that have it:

    ClassicInternal, ClassicExternal    TLV version 1.2, RFC 7868 §6.8: scaled 32-bit metrics, all that FRR reads; IPv6
                                        has types of its own
    WideInternal, WideExternal          TLV version 2.0, RFC 7868 §6.9: picoseconds and kbit/s in 48 bits

Captures of IOS differ from the RFC: a wide TLV begins with topology, then address family (§6.9.1 has them the other way
round), and the external data of a wide TLV has a tag (§6.9.4 omits it).

All destinations of a TLV are of one family. Next hops of both are 0.0.0.0 where the sender is the next hop. Other
families than IPv4 and IPv6, requests and communities remain `UnknownTlv`.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address
from typing import ClassVar, Final, Self, TypeVar

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.features.eigrp import tlv
from dmvpn.features.eigrp.tlv import HEADER, Parameters, Tlv, TlvType, UnknownTlv, encode
from dmvpn.net.ipv4 import Octets, checksum, ip_address, ipv4_address, ipv6_address

# ------------------------------------------------------------------------------------------------ route TLVs


_CLASSIC_METRIC = struct.Struct("!IIIBBBB")
_EXTERNAL = struct.Struct("!4sIII2xBB")
_WIDE_HEADER = struct.Struct("!HH4s")
_WIDE_METRIC = struct.Struct("!BBBBIHIHI2xH")
#: RFC 7868 §6.9.1, by version of IP.
_AFI: Final = {4: 1, 6: 2}
#: Octets of an address, by family.
_ADDRESS_LENGTHS: Final = {1: 4, 2: 16}
#: Octets of the shortest route TLV: a classic internal one of the default route.
SMALLEST: Final = 25

#: The delay of an unreachable destination; in a wide metric the bandwidth may have this value instead.
UNREACHABLE = 0xFFFFFFFF
UNREACHABLE_WIDE = 0xFFFFFFFFFFFF


class RouteFlag(enum.IntFlag):
    """State of a route, RFC 7868 §6.8.1 and §6.9.2 (opaque flags)."""

    SOURCE_WITHDRAW = 0x01
    CANDIDATE_DEFAULT = 0x02
    ACTIVE = 0x04
    REPLICATED = 0x08


class ExternalProtocol(enum.IntEnum):
    """Source protocol of an external route, RFC 7868 §6.8.3."""

    IGRP = 1
    EIGRP = 2
    STATIC = 3
    RIP = 4
    HELLO = 5
    OSPF = 6
    ISIS = 7
    EGP = 8
    BGP = 9
    IDRP = 10
    CONNECTED = 11


class ExternalFlag(enum.IntFlag):
    """RFC 7868 §6.8.3."""

    EXTERNAL = 0x01
    CANDIDATE_DEFAULT = 0x02


_NO_FLAGS = RouteFlag(0)
_NO_EXTERNAL_FLAGS = ExternalFlag(0)


class ClassicMetric(Value, kw_only=True):
    """RFC 7868 §6.8.2.

    delay: 10 microseconds / 256.
    bandwidth: 256 * 10^7 / (kbit/s).
    mtu: octets (FRR 8.4 reverses the three octets: do not trust it).
    reliability, load: of 255.
    """

    delay: int
    bandwidth: int
    mtu: int
    hop_count: int = 0
    reliability: int = 255
    load: int = 1
    internal_tag: int = 0
    flags: RouteFlag = _NO_FLAGS

    @property
    def is_unreachable(self) -> bool:
        """Whether the sender cannot reach the destinations."""
        return self.delay == UNREACHABLE

    def serialize(self) -> bytes:
        """Encode, 16 octets."""
        return _CLASSIC_METRIC.pack(
            self.delay,
            self.bandwidth,
            self.mtu << 8 | self.hop_count,
            self.reliability,
            self.load,
            self.internal_tag,
            self.flags,
        )


class WideMetric(Value, kw_only=True):
    """RFC 7868 §6.9.2.

    delay: picoseconds.
    bandwidth: kbit/s.
    mtu: octets.
    reliability, load: of 255.
    attributes: extended metrics (§6.9.3), not decoded, an even number of octets.
    """

    priority: int = 0
    reliability: int = 255
    load: int = 1
    mtu: int
    hop_count: int = 0
    delay: int
    bandwidth: int
    flags: RouteFlag = _NO_FLAGS
    attributes: bytes = b""

    @property
    def is_unreachable(self) -> bool:
        """Whether the sender cannot reach the destination."""
        return UNREACHABLE_WIDE in (self.delay, self.bandwidth)

    def serialize(self) -> bytes:
        """Encode, 24 octets and the attributes."""
        return (
            _WIDE_METRIC.pack(
                len(self.attributes) >> 1,
                self.priority,
                self.reliability,
                self.load,
                self.mtu << 8 | self.hop_count,
                self.delay >> 32,
                self.delay & 0xFFFFFFFF,
                self.bandwidth >> 32,
                self.bandwidth & 0xFFFFFFFF,
                self.flags,
            )
            + self.attributes
        )


class ExternalData(Value, kw_only=True):
    """Origin of a redistributed route, RFC 7868 §6.8.3 and §6.9.4.

    originator: router ID of the router that redistributed it; our own means a loop.
    protocol: an `ExternalProtocol` or another number (IOS uses 12).
    """

    originator: IPv4Address
    autonomous_system: int = 0
    tag: int = 0
    metric: int = 0
    protocol: int
    flags: ExternalFlag = _NO_EXTERNAL_FLAGS

    def serialize(self) -> bytes:
        """Encode, 20 octets."""
        return _EXTERNAL.pack(
            self.originator.packed, self.autonomous_system, self.tag, self.metric, self.protocol, self.flags
        )


class ClassicInternal(Tlv, Value, kw_only=True):
    """RFC 7868 §6.8.5.1. next_hop: 0.0.0.0 = the sender."""

    TYPES: ClassVar = {4: TlvType.CLASSIC_INTERNAL, 6: TlvType.CLASSIC_INTERNAL_IPV6}

    next_hop: IPAddress = UNSPECIFIED
    metric: ClassicMetric
    destinations: tuple[Prefix, ...]

    def serialize(self) -> bytes:
        """Encode."""
        version = self.destinations[0].version
        head = (self.next_hop.packed if version == 4 else _long(self.next_hop)) + self.metric.serialize()
        return encode(self.TYPES[version], head + _pack_destinations(self.destinations))


class ClassicExternal(Tlv, Value, kw_only=True):
    """RFC 7868 §6.8.5.2. next_hop: 0.0.0.0 = the sender."""

    TYPES: ClassVar = {4: TlvType.CLASSIC_EXTERNAL, 6: TlvType.CLASSIC_EXTERNAL_IPV6}

    next_hop: IPAddress = UNSPECIFIED
    external: ExternalData
    metric: ClassicMetric
    destinations: tuple[Prefix, ...]

    def serialize(self) -> bytes:
        """Encode."""
        version = self.destinations[0].version
        head = (
            (self.next_hop.packed if version == 4 else _long(self.next_hop))
            + self.external.serialize()
            + self.metric.serialize()
        )
        return encode(self.TYPES[version], head + _pack_destinations(self.destinations))


class WideInternal(Tlv, Value, kw_only=True):
    """RFC 7868 §6.9.6. router_id: of the router that the destination belongs to; our own means a loop."""

    TYPE: ClassVar = TlvType.WIDE_INTERNAL

    topology: int = 0
    router_id: IPv4Address
    metric: WideMetric
    next_hop: IPAddress = UNSPECIFIED
    destinations: tuple[Prefix, ...]

    def serialize(self) -> bytes:
        """Encode."""
        version = self.destinations[0].version
        head = _WIDE_HEADER.pack(self.topology, _AFI[version], self.router_id.packed)
        value = head + self.metric.serialize() + (self.next_hop.packed if version == 4 else _long(self.next_hop))
        return encode(self.TYPE, value + _pack_destinations(self.destinations))


class WideExternal(Tlv, Value, kw_only=True):
    """RFC 7868 §6.9.6, with the external data after the next hop."""

    TYPE: ClassVar = TlvType.WIDE_EXTERNAL

    topology: int = 0
    router_id: IPv4Address
    metric: WideMetric
    next_hop: IPAddress = UNSPECIFIED
    external: ExternalData
    destinations: tuple[Prefix, ...]

    def serialize(self) -> bytes:
        """Encode."""
        version = self.destinations[0].version
        head = _WIDE_HEADER.pack(self.topology, _AFI[version], self.router_id.packed)
        value = (
            head
            + self.metric.serialize()
            + (self.next_hop.packed if version == 4 else _long(self.next_hop))
            + self.external.serialize()
        )
        return encode(self.TYPE, value + _pack_destinations(self.destinations))


def _long(address: IPAddress) -> bytes:
    """Return 16 octets: 0.0.0.0 is the unspecified address of IPv6, too."""
    return address.packed.rjust(16, b"\x00")


@lru_cache(maxsize=1024)
def _next_hop(octets: bytes) -> IPAddress:
    return ip_address(octets) if any(octets) else UNSPECIFIED


def _parse_classic(kind: TlvType) -> Callable[[bytes, int], Tlv]:
    """Return the parser of one of the classic TLVs."""
    is_external = kind in ClassicExternal.TYPES.values()
    family = 1 if kind in (TlvType.CLASSIC_INTERNAL, TlvType.CLASSIC_EXTERNAL) else 2

    def parse(value: bytes, offset: int) -> Tlv:
        external_at = _ADDRESS_LENGTHS[family]
        metric_at = external_at + (_EXTERNAL.size if is_external else 0)
        destinations = _parse_destinations(value, metric_at + _CLASSIC_METRIC.size, offset, family)
        metric, next_hop = _parse_classic_metric(value, metric_at), _next_hop(value[:external_at])
        if not is_external:
            return ClassicInternal(next_hop=next_hop, metric=metric, destinations=destinations)
        external = _parse_external(value, external_at)
        return ClassicExternal(next_hop=next_hop, external=external, metric=metric, destinations=destinations)

    return parse


def _parse_wide(kind: TlvType) -> Callable[[bytes, int], Tlv]:
    """Return the parser of one of the wide TLVs, which differ only in the external data."""

    def parse(value: bytes, offset: int) -> Tlv:
        metric_at = _WIDE_HEADER.size
        attributes_at = metric_at + _WIDE_METRIC.size
        if len(value) < attributes_at:
            raise WireError("wide route TLV cut short", offset=offset, clause="RFC 7868 §6.9")
        topology, family, router_id = _WIDE_HEADER.unpack_from(value)
        if family not in _ADDRESS_LENGTHS:
            return UnknownTlv(type=kind, value=value)
        next_hop_at = attributes_at + 2 * value[metric_at]
        external_at = next_hop_at + _ADDRESS_LENGTHS[family]
        destinations_at = external_at + (_EXTERNAL.size if kind == TlvType.WIDE_EXTERNAL else 0)
        destinations = _parse_destinations(value, destinations_at, offset, family)
        _, priority, reliability, load, mtu_and_hops, delay_high, delay_low, bandwidth_high, bandwidth_low, flags = (
            _WIDE_METRIC.unpack_from(value, metric_at)
        )
        metric = WideMetric(
            priority=priority,
            reliability=reliability,
            load=load,
            mtu=mtu_and_hops >> 8,
            hop_count=mtu_and_hops & 0xFF,
            delay=delay_high << 32 | delay_low,
            bandwidth=bandwidth_high << 32 | bandwidth_low,
            flags=RouteFlag(flags),
            attributes=value[attributes_at:next_hop_at],
        )
        originator = ipv4_address(router_id)
        next_hop = _next_hop(value[next_hop_at:external_at])
        if kind == TlvType.WIDE_INTERNAL:
            return WideInternal(
                topology=topology, router_id=originator, metric=metric, next_hop=next_hop, destinations=destinations
            )
        return WideExternal(
            topology=topology,
            router_id=originator,
            metric=metric,
            next_hop=next_hop,
            external=_parse_external(value, external_at),
            destinations=destinations,
        )

    return parse


#: How to decode the value of a TLV at an offset of the packet. All of them raise WireError.
PARSERS: Final[dict[int, Callable[[bytes, int], Tlv]]] = {
    kind: parser(kind)
    for parser, kinds in (
        (_parse_classic, (*ClassicInternal.TYPES.values(), *ClassicExternal.TYPES.values())),
        (_parse_wide, (TlvType.WIDE_INTERNAL, TlvType.WIDE_EXTERNAL)),
    )
    for kind in kinds
}


def _parse_classic_metric(value: bytes, at: int) -> ClassicMetric:
    delay, bandwidth, mtu_and_hops, reliability, load, internal_tag, flags = _CLASSIC_METRIC.unpack_from(value, at)
    return ClassicMetric(
        delay=delay,
        bandwidth=bandwidth,
        mtu=mtu_and_hops >> 8,
        hop_count=mtu_and_hops & 0xFF,
        reliability=reliability,
        load=load,
        internal_tag=internal_tag,
        flags=RouteFlag(flags),
    )


def _parse_external(value: bytes, at: int) -> ExternalData:
    originator, autonomous_system, tag, metric, protocol, flags = _EXTERNAL.unpack_from(value, at)
    return ExternalData(
        originator=ipv4_address(originator),
        autonomous_system=autonomous_system,
        tag=tag,
        metric=metric,
        protocol=protocol,
        flags=ExternalFlag(flags),
    )


def _pack_destinations(destinations: tuple[Prefix, ...]) -> bytes:
    """Return prefix length and the significant octets of each address: none for a default route."""
    return b"".join([bytes((prefix.length,)) + prefix.covered for prefix in destinations])


def _parse_destinations(value: bytes, position: int, offset: int, family: int) -> tuple[Prefix, ...]:
    """Return the destinations that fill the value from `position`, at least one.

    Raises WireError, also if `position` is behind the end.
    """
    if position >= len(value):
        raise WireError("route TLV without destination", offset=offset, clause="RFC 7868 §6.8.4")
    destinations: list[Prefix] = []
    octets, address = (4, ipv4_address) if family == 1 else (16, ipv6_address)
    while position < len(value):
        length = value[position]
        start = position + 1
        end = start + (length + 7 >> 3)
        if length > 8 * octets or end > len(value):
            at = offset + HEADER.size + position
            raise WireError(f"destination of {length} bits", offset=at, clause="RFC 7868 §6.8.4")
        destinations.append(Prefix.of(address(value[start:end].ljust(octets, b"\x00")), length))
        position = end
    return tuple(destinations)


# ------------------------------------------------------------------------------------------------ packets


_HEADER = struct.Struct("!BBHIIIHH")
HEADER_LENGTH = _HEADER.size
_VERSION = 2
_CLAUSE: Final = "RFC 7868 §6.5"
_TLV_CLAUSE: Final = "RFC 7868 §6.6"
_PARSERS = {**tlv.PARSERS, **PARSERS}

_Kind = TypeVar("_Kind", bound=Tlv)


class Opcode(enum.IntEnum):
    """Type of a packet, RFC 7868 §6.5. Some routers send ACK where the standard sends HELLO."""

    UPDATE = 1
    REQUEST = 2
    QUERY = 3
    REPLY = 4
    HELLO = 5
    ACK = 8
    SIA_QUERY = 10
    SIA_REPLY = 11


class PacketFlag(enum.IntFlag):
    """RFC 7868 §6.5."""

    INIT = 0x01  # first packet to a new neighbor: requests its table
    CONDITIONAL_RECEIVE = 0x02  # only for routers not listed in the Sequence TLV of the Hello before
    RESTART = 0x04  # graceful restart
    END_OF_TABLE = 0x08  # the last packet of the table


NO_FLAGS = PacketFlag(0)


class VirtualRouterId(enum.IntEnum):
    """RFC 7868 §6.5."""

    UNICAST = 0
    MULTICAST = 1
    SERVICE = 0x8000


_OPCODES = {int(opcode): opcode for opcode in Opcode}


class EigrpPacket(Value, kw_only=True):
    """A packet, RFC 7868 §6.5.

    opcode: an `Opcode`, or the number received.
    sequence: 0: needs no acknowledgment.
    acknowledgment: the acknowledged sequence number; 0: none.
    """

    opcode: int
    flags: PacketFlag = NO_FLAGS
    sequence: int = 0
    acknowledgment: int = 0
    virtual_router_id: int = VirtualRouterId.UNICAST
    autonomous_system: int
    tlvs: tuple[Tlv, ...] = ()

    @classmethod
    def parse(cls, data: Octets) -> Self:
        """Decode the payload of an IP packet. Raises WireError: one bad length invalidates the packet
        (RFC 7868 §6.6).
        """
        if len(data) < HEADER_LENGTH:
            raise WireError("EIGRP header cut short", offset=len(data), clause=_CLAUSE)
        packet = bytes(data)
        version, opcode, _, flags, sequence, acknowledgment, virtual_router_id, autonomous_system = _HEADER.unpack_from(
            packet
        )
        if version != _VERSION:
            raise WireError(f"EIGRP version {version}", offset=0, clause=_CLAUSE)
        if checksum(packet):
            raise WireError("EIGRP checksum is wrong", offset=2, clause=_CLAUSE)
        return cls(
            opcode=_OPCODES.get(opcode, opcode),
            flags=PacketFlag(flags),
            sequence=sequence,
            acknowledgment=acknowledgment,
            virtual_router_id=virtual_router_id,
            autonomous_system=autonomous_system,
            tlvs=_parse_tlvs(packet),
        )

    def serialize(self) -> bytes:
        """Encode with checksum. Raises struct.error if a number does not fit its field."""
        header = _HEADER.pack(
            _VERSION,
            self.opcode,
            0,
            self.flags,
            self.sequence,
            self.acknowledgment,
            self.virtual_router_id,
            self.autonomous_system,
        )
        packet = bytearray().join([header, *[part.serialize() for part in self.tlvs]])
        set_checksum(packet)
        return bytes(packet)

    def find(self, kind: type[_Kind]) -> _Kind | None:
        """Return the first TLV of this class, or None."""
        for part in self.tlvs:
            if isinstance(part, kind):
                return part
        return None

    @property
    def is_acknowledgment(self) -> bool:
        """Whether this is an acknowledgment. FRR adds TLVs to it, so they do not matter (RFC 7868 §5.3.1 has none)."""
        return self.opcode in (Opcode.HELLO, Opcode.ACK) and self.acknowledgment != 0

    @property
    def is_goodbye(self) -> bool:
        """Whether this is the Hello of a router that leaves, RFC 7868 §6.7.7."""
        parameters = self.find(Parameters)
        return self.opcode == Opcode.HELLO and parameters is not None and parameters.is_goodbye


def set_checksum(packet: bytearray) -> None:
    """Write the checksum, RFC 7868 §6.5: over the whole EIGRP packet."""
    packet[2:4] = b"\x00\x00"
    packet[2:4] = checksum(packet).to_bytes(2, "big")


def _parse_tlvs(packet: bytes) -> tuple[Tlv, ...]:
    tlvs: list[Tlv] = []
    position = HEADER_LENGTH
    while position < len(packet):
        value_at = position + tlv.HEADER.size
        if value_at > len(packet):
            raise WireError("TLV header cut short", offset=position, clause=_TLV_CLAUSE)
        kind, length = tlv.HEADER.unpack_from(packet, position)
        end = position + length
        if length < tlv.HEADER.size or end > len(packet):
            raise WireError(f"TLV {kind:#06x} of {length} octets", offset=position, clause=_TLV_CLAUSE)
        value = packet[value_at:end]
        parser = _PARSERS.get(kind)
        tlvs.append(parser(value, position) if parser is not None else UnknownTlv(type=kind, value=value))
        position = end
    return tuple(tlvs)
