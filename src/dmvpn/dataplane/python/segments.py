"""Work that the kernel leaves to the network card: checksums, and segmentation of buffers of up to 64 KiB of TCP or
UDP.

A TAP with `vnet_hdr` hands over whole buffers (virtio 1.2 §5.1.6): TCP and UDP checksums hold only the sum of the
pseudo header, and a buffer may be cut into many packets of `gso_size` octets of data each. GRE to a foreign router
carries packets of at most the tunnel's `ip mtu`, so they are cut here, before encapsulation: `finished`.

The other way the kernel does the same to us (seen on Linux 6.18): generic receive offload, on by default on every
Ethernet card, looks into GRE and merges the TCP segments it finds there; a raw socket then returns one packet of up to
64 KiB whose inner TCP checksum is the pseudo header's sum. So does a neighbor behind a virtual cable, whose kernel
leaves the checksum to a card that is not there. The TAP gets a header that names the missing work: `unfinished`.
"""

from __future__ import annotations

import struct

from dmvpn.dataplane.tap import GSO_ECN, GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, NEEDS_CHECKSUM, VnetHeader
from dmvpn.net import ipv6
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol, checksum, ip_address, lacks_checksum, pseudo_header

_ETHERNET = 14
_TCP_HEADER = 20
_UDP_HEADER = 8
_MAX_PACKET = 0xFFFF
#: Linux sends no smaller segments (TCP_MIN_SND_MSS).
_LEAST_SEGMENT = 48
_FIN_PSH = 0x09
_CWR = 0x80
#: The first octet of a packet of IPv6 is at least this.
_IPV6 = 0x60
#: Of IPv4; of IPv6 it is before that.
_PROTOCOL_AT = 9
_FINISHED = VnetHeader()
#: Protocol of the segments in a buffer of each type.
_PROTOCOLS = {GSO_TCPV4: IpProtocol.TCP, GSO_TCPV6: IpProtocol.TCP, GSO_UDP_L4: IpProtocol.UDP}
#: Minimum header length, and the offset of the checksum in it.
_HEADERS = {IpProtocol.TCP: (_TCP_HEADER, 16), IpProtocol.UDP: (_UDP_HEADER, 6)}


class BadOffload(ValueError):
    """The vnet header does not fit its frame: the packet is dropped."""


def finished(vnet: VnetHeader, packet: bytes) -> list[bytes]:
    """Return the IP packets, complete with checksums, that a frame of the TAP contains. Raises BadOffload.

    packet: from the IP header on; the header's offsets count from the Ethernet header before it.
    """
    if vnet.gso_type == GSO_NONE:
        return [_with_checksum(vnet, packet)] if vnet.flags & NEEDS_CHECKSUM else [packet]
    protocol = _PROTOCOLS.get(vnet.gso_type & ~GSO_ECN)
    if protocol is None or vnet.gso_size == 0:
        raise BadOffload(f"segmentation of type {vnet.gso_type}, size {vnet.gso_size}")
    if vnet.gso_type & ~GSO_ECN == (GSO_TCPV6 if packet[:1] < b"\x60" else GSO_TCPV4):
        raise BadOffload("a buffer of the other version of IP")
    return _cut(packet, protocol, vnet.gso_size)


def unfinished(packet: bytes, mtu: int) -> VnetHeader:
    """Return the work left for an IP packet that came out of GRE; mostly none.

    mtu: octets that the segments of a merged packet must fit, since their original length is unknown.
    """
    checksum_offset = lacks_checksum(packet)
    if checksum_offset is None:
        return _FINISHED
    ip_length, protocol = _ip_header(packet)
    left = VnetHeader(NEEDS_CHECKSUM, checksum_start=_ETHERNET + ip_length, checksum_offset=checksum_offset)
    if protocol == IpProtocol.UDP or len(packet) <= mtu:
        return left
    header_length = ip_length + (packet[ip_length + 12] >> 4 << 2)
    size = max(mtu - header_length, _LEAST_SEGMENT)
    if not ip_length + _TCP_HEADER <= header_length < len(packet) - size:
        return left
    kind = GSO_TCPV4 if packet[0] < _IPV6 else GSO_TCPV6
    return left._replace(gso_type=kind, header_length=_ETHERNET + header_length, gso_size=size)


def _ip_header(packet: bytes) -> tuple[int, int]:
    """Return the octets of the IP header, and its protocol. TCP and UDP behind extension headers are not found."""
    if packet[0] >= _IPV6:
        return ipv6.HEADER_LENGTH, packet[6]
    return (packet[0] & 0x0F) << 2, packet[_PROTOCOL_AT]


def _with_checksum(vnet: VnetHeader, packet: bytes) -> bytes:
    start = vnet.checksum_start - _ETHERNET
    at = start + vnet.checksum_offset
    if not HEADER_LENGTH <= start <= at <= len(packet) - 2:
        raise BadOffload(f"checksum at {at} of {len(packet)} octets")
    whole = bytearray(packet)
    # The field holds the pseudo header's sum: summing from `start` on completes it.
    value = _written(_ip_header(packet)[1], checksum(memoryview(packet)[start:]))
    whole[at : at + 2] = value.to_bytes(2, "big")
    return bytes(whole)


def _cut(packet: bytes, protocol: IpProtocol, size: int) -> list[bytes]:
    """Segment one buffer: IP identification counts up."""
    least, checksum_at = _HEADERS[protocol]
    ip_length, found = _ip_header(packet) if len(packet) > _PROTOCOL_AT else (0, 0)
    if ip_length < HEADER_LENGTH or len(packet) < ip_length + least or found != protocol:
        raise BadOffload(f"a buffer without {protocol.name} header")
    if len(packet) > _MAX_PACKET:
        raise BadOffload(f"a buffer of {len(packet)} octets")
    length = packet[ip_length + 12] >> 4 << 2 if protocol is IpProtocol.TCP else least
    header_length = ip_length + length
    if length < least or header_length > len(packet):
        raise BadOffload("a buffer with a wrong header length")
    is_ipv6 = packet[0] >= _IPV6
    addresses = packet[8:40] if is_ipv6 else packet[12:20]
    source, destination = (
        ip_address(half) for half in (addresses[: len(addresses) // 2], addresses[len(addresses) // 2 :])
    )
    (identification,) = struct.unpack_from("!H", packet, 4)
    segments: list[bytes] = []
    for number, start in enumerate(range(header_length, max(len(packet), header_length + 1), size)):
        segment = bytearray(packet[:header_length]) + packet[start : start + size]
        if is_ipv6:
            struct.pack_into("!H", segment, 4, len(segment) - ip_length)
        else:
            struct.pack_into("!H", segment, 2, len(segment))
            struct.pack_into("!H", segment, 4, (identification + number) & 0xFFFF)
            struct.pack_into("!H", segment, 10, 0)
            struct.pack_into("!H", segment, 10, checksum(segment[:ip_length]))
        if protocol is IpProtocol.TCP:
            # The sequence number advances; FIN and PSH stay on the last segment, and CWR belongs to the first one of a
            # window (RFC 3168 §6.1.2).
            data, is_last = start - header_length, start + size >= len(packet)
            (sequence,) = struct.unpack_from("!I", segment, ip_length + 4)
            struct.pack_into("!I", segment, ip_length + 4, (sequence + data) & 0xFFFFFFFF)
            segment[ip_length + 13] &= ~((0 if is_last else _FIN_PSH) | (_CWR if data else 0))
        else:
            struct.pack_into("!H", segment, ip_length + 4, len(segment) - ip_length)
        struct.pack_into("!H", segment, ip_length + checksum_at, 0)
        pseudo = pseudo_header(source, destination, protocol, len(segment) - ip_length)
        value = checksum(pseudo + segment[ip_length:])
        struct.pack_into("!H", segment, ip_length + checksum_at, _written(protocol, value))
        segments.append(bytes(segment))
    return segments


def _written(protocol: int, value: int) -> int:
    """Return a checksum in wire form: UDP sends zero as ones (RFC 768)."""
    return 0xFFFF if value == 0 and protocol == IpProtocol.UDP else value
