"""Packets that are not for us, and packets that cannot be processed: forwarding, and Error Indications.

Forwarding (RFC 2332 §5.3.1 to §5.3.3) decrements the hop count, adds this station to the record, and inserts our
password. Checks before anything is sent: the hop count, our own address on the record (a loop), a way that does not
lead back, and the size, which grows with every record. A packet with a compulsory extension that we do not know is
forwarded untouched and unrecorded.

An Error Indication (§5.2.7) reports the error. There is never one for an Error Indication, never more than one for a
packet, and only a few each second, so that no station can make us send packets to victims. One with our own source is
dropped silently.
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.addresses import IPAddress, is_one_station
from dmvpn.base.errors import WireError
from dmvpn.base.limits import RateLimit
from dmvpn.base.values import Value
from dmvpn.features.nhrp import messages, parts
from dmvpn.features.nhrp.cache import NbmaPeer
from dmvpn.features.nhrp.instance import REFUSAL_LOG_INTERVAL, Instance
from dmvpn.features.nhrp.packet import (
    HEADER,
    REPLIES,
    ErrorCode,
    ErrorIndication,
    NhrpPacket,
    PacketType,
    ResolutionReply,
    ResolutionRequest,
    address_lengths,
)
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.routing import NextStation
from dmvpn.features.nhrp.tunnel import Tunnel
from dmvpn.features.nhrp.vendor import MappedPort, MappedPorts, mapped_ports, with_mapped_ports
from dmvpn.net.ipv4 import Octets, ip_address

#: Octets of a bad packet that are sent back: enough for every real packet, and the answer is never much larger.
LARGEST_QUOTE = 1024
#: Errors to one station and to all together, in so many seconds. A real peer sends one bad packet, then waits.
ERRORS_TO_ONE = 10
ERRORS_TO_ALL = 1000
ERROR_SECONDS = 10
#: Stations whose errors are counted.
LARGEST_COUNTED = 1024

#: Offsets of the type, the hop count, the request id and the addresses in a packet, RFC 2332 §5.1 and §5.2.0.1.
_TYPE_AT = 17
HOP_COUNT_AT = 9
_REQUEST_ID_AT = 24
_ADDRESSES_AT = 28

_REPLY_TYPES: Final = frozenset(kind.TYPE for kind in REPLIES)


class Transit:
    """Forwards packets."""

    def __init__(self, instance: Instance, errors: Errors) -> None:
        self._instance = instance
        self._errors = errors

    def forward(self, tunnel: Tunnel, packet: NhrpPacket, sender: NbmaPeer, hop: NextStation) -> None:
        """Forward a packet that came in by `tunnel` along `hop`, or refuse it."""
        if packet.hop_count <= 1:  # it would arrive with 0, and IOS drops such packets
            code, why = ErrorCode.HOP_COUNT_EXCEEDED, Refusal.HOP_COUNT
            self._errors.refuse(tunnel, packet, sender, code, why, HOP_COUNT_AT)
            return
        record = self._loop(tunnel, packet)
        if record is not None:
            code, why = ErrorCode.LOOP_DETECTED, Refusal.LOOP
            self._errors.refuse(tunnel, packet, sender, code, why, extension_offset(packet, record))
            return
        extensions = packet.extensions
        if parts.unknown_compulsory(extensions) is None:
            extensions = self._recorded(tunnel, hop.tunnel, packet)
        extensions = parts.hop_by_hop(extensions, self._instance.authentication(hop.tunnel))
        onward = packet.forwarded(extensions)
        octets = onward.serialize()
        if hop.tunnel.state is not None and len(octets) > hop.tunnel.state.ip_mtu:
            self._errors.refuse(tunnel, packet, sender, ErrorCode.SDU_SIZE_EXCEEDED, Refusal.TOO_LARGE)
            return
        self._instance.send(hop.tunnel, hop.neighbor, onward, forwarded=octets)

    def hop_back(self, tunnel: Tunnel, packet: NhrpPacket) -> NextStation | None:
        """Return where a reply's request came from, if no route leads there: the server before us, or the requester."""
        if not isinstance(packet, REPLIES):
            return None
        record = parts.find(packet.extensions, parts.ForwardTransitRecord)
        before, nbma = packet.source_protocol, packet.source_nbma
        for entry in record.entries if record else ():
            if entry.protocol is None or entry.nbma is None:
                return None
            if self._instance.owns(tunnel, entry.protocol):
                return (
                    NextStation(tunnel, before, NbmaPeer(nbma))
                    if is_one_station(nbma) and nbma != tunnel.nbma
                    else None
                )
            before, nbma = entry.protocol, entry.nbma
        return None

    def _loop(self, tunnel: Tunnel, packet: NhrpPacket) -> parts.AddressExtension | None:
        """Return the record that shows that we forwarded, or answered, this packet before.

        RFC 2332 §5.3.1 to §5.3.3.
        """
        kinds: tuple[
            type[parts.ForwardTransitRecord] | type[parts.ReverseTransitRecord] | type[parts.ResponderAddress], ...
        ]
        kinds = (
            (parts.ReverseTransitRecord, parts.ResponderAddress)
            if type(packet) in REPLIES
            else (parts.ForwardTransitRecord,)
        )
        for kind in kinds:
            record = parts.find(packet.extensions, kind)
            for entry in record.entries if record else ():
                if entry.protocol is not None and self._instance.owns(tunnel, entry.protocol):
                    return record
        return None

    def _recorded(self, came_by: Tunnel, leaves_by: Tunnel, packet: NhrpPacket) -> parts.Extensions:
        """Return the extensions with this station on the record, and with translated addresses that only we know."""
        own = self._instance.own_entry(leaves_by)
        if type(packet) in REPLIES:
            extensions = parts.append_entry(packet.extensions, parts.ReverseTransitRecord, own)
            if isinstance(packet, ResolutionReply) and packet.cies and packet.cies[0].protocol is not None:
                extensions = _translate(extensions, came_by, packet.cies[0].protocol)
                extensions = self._mapped(extensions, came_by, packet, packet.cies[0].protocol)
            return extensions
        extensions = parts.append_entry(packet.extensions, parts.ForwardTransitRecord, own)
        if type(packet) is ResolutionRequest:
            extensions = _translate(extensions, came_by, packet.source_protocol)
            extensions = self._mapped(extensions, came_by, packet, packet.source_protocol)
        return extensions

    def _mapped(
        self, extensions: parts.Extensions, tunnel: Tunnel, packet: NhrpPacket, address: IPAddress
    ) -> parts.Extensions:
        """Add the UDP port at which a client is heard.

        A port from the packet is kept only if another server passed it on.
        """
        ports = mapped_ports(extensions)
        if ports is None:
            return extensions
        record = parts.find(
            packet.extensions, parts.ReverseTransitRecord if isinstance(packet, REPLIES) else parts.ForwardTransitRecord
        )
        passed_on = ports.entries if record is not None and record.entries else ()
        entry = tunnel.cache.host(address)
        if entry is None or not entry.is_registered:
            return with_mapped_ports(extensions, MappedPorts(passed_on, ports.others))
        at = self._instance.ports.protection.connection(entry.connection)
        known = (MappedPort(address, at.remote, at.remote_port),) if at and at.behind_nat and at.remote_port else ()
        rest = tuple(other for other in passed_on if other.protocol != address)
        return with_mapped_ports(extensions, MappedPorts((*rest, *known), ports.others))


def _translate(extensions: parts.Extensions, tunnel: Tunnel, address: IPAddress) -> parts.Extensions:
    """Add the translated address of a client behind NAT, which the client does not know and the far side needs
    (Cisco).
    """
    entry = tunnel.cache.host(address)
    nat = parts.find(extensions, parts.NatAddress)
    if entry is None or entry.claimed is None or nat is None or any(known.protocol == address for known in nat.entries):
        return extensions
    translated = parts.ClientInfo(
        prefix_length=address.max_prefixlen, mtu=tunnel.mtu, preference=255, nbma=entry.nbma, protocol=address
    )
    return parts.append_entry(extensions, parts.NatAddress, translated)


class Errors:
    """Makes and reads Error Indications."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._context = instance.context
        self._to_all = RateLimit(ERRORS_TO_ALL, ERROR_SECONDS)
        self._to_one: dict[IPAddress | int, RateLimit] = {}

    def refuse(
        self,
        tunnel: Tunnel,
        packet: NhrpPacket,
        sender: NbmaPeer,
        code: ErrorCode,
        why: Refusal,
        offset: int = 0,
    ) -> None:
        """Count and log a refused packet, and send its sender an error, unless the packet is an error itself.

        offset: octets into the packet, where the fault is.
        """
        tunnel.counters.count_refused(why)
        kind = messages.PACKET_NAMES[packet.TYPE]
        # The source of a reply is the requester: its sender is the destination.
        address = packet.destination_protocol if isinstance(packet, REPLIES) else packet.source_protocol
        peer = (address, sender.nbma)
        about, interval = f"{tunnel.name} {why.name}", REFUSAL_LOG_INTERVAL
        if code == ErrorCode.AUTHENTICATION_FAILURE and not self._instance.config.logging:
            refused = messages.password_refused(tunnel.name, kind, peer)
            self._instance.log(refused, about=about, interval=interval)
        self._instance.log_dmvpn(messages.nhrp_error(tunnel.name, kind, code, peer), about=about, interval=interval)
        self._instance.debug(
            "nhrp error",
            tunnel,
            lambda: messages.refused_line(tunnel.name, kind, code, peer, why.value),
            sender.nbma,
            address=address,
        )
        if isinstance(packet, ErrorIndication):
            return
        to = packet.destination_protocol if isinstance(packet, REPLIES) else packet.source_protocol
        self._send(tunnel, sender, to, _Fault(code, offset, packet.serialize()))

    def unreadable(self, tunnel: Tunnel, data: bytes, sender: NbmaPeer, error: WireError) -> None:
        """Answer octets that are no valid packet with error 7, or 9 if an extension is at fault, if they name a
        sender.
        """
        self._instance.refuse(tunnel, Refusal.MALFORMED, sender.nbma, str(error))
        self._about_octets(tunnel, data, sender, None, error.offset)

    def too_large(self, tunnel: Tunnel, data: bytes, sender: NbmaPeer) -> None:
        """Answer a packet larger than any NHRP packet with error 8, without parsing it."""
        self._instance.refuse(tunnel, Refusal.TOO_LARGE, sender.nbma, f"{len(data)} octets")
        self._about_octets(tunnel, data, sender, ErrorCode.SDU_SIZE_EXCEEDED, 0)

    def is_own(self, tunnel: Tunnel, packet: ErrorIndication) -> bool:
        """Return whether the error came back to the station that sent it."""
        return packet.source_nbma == tunnel.nbma and packet.source_protocol == tunnel.address

    def _about_octets(self, tunnel: Tunnel, data: bytes, sender: NbmaPeer, code: ErrorCode | None, offset: int) -> None:
        envelope = peek(data)
        if envelope is None or envelope.kind == PacketType.ERROR_INDICATION:
            return
        if code is None:
            in_extensions = 0 < envelope.extension_offset <= offset
            code = ErrorCode.INVALID_EXTENSION if in_extensions else ErrorCode.PROTOCOL_ERROR
        to = envelope.destination_protocol if envelope.kind in _REPLY_TYPES else envelope.source_protocol
        self._send(tunnel, sender, to, _Fault(code, offset, data))

    def _send(self, tunnel: Tunnel, sender: NbmaPeer, to: IPAddress, fault: _Fault) -> None:
        address, own_nbma = tunnel.own
        if to == address or to.version != address.version or sender.nbma == own_nbma or not is_one_station(to):
            return
        if not self._may_send(sender):
            tunnel.counters.count_refused(Refusal.ERROR_LIMIT)
            return
        indication = ErrorIndication(
            source_nbma=own_nbma,
            source_protocol=address,
            destination_protocol=to,
            error_code=fault.code,
            error_offset=fault.offset,
            packet=bytes(fault.octets[:LARGEST_QUOTE]),
        )
        self._instance.send(tunnel, sender, indication)

    def _may_send(self, sender: NbmaPeer) -> bool:
        now = self._context.now
        limit = self._to_one.get(sender.account)
        if limit is None:
            if len(self._to_one) >= LARGEST_COUNTED:
                del self._to_one[next(iter(self._to_one))]
            limit = self._to_one[sender.account] = RateLimit(ERRORS_TO_ONE, ERROR_SECONDS)
        return limit.take(now) and self._to_all.take(now)


class _Fault(Value):
    """An error in a packet: code, octets and offset."""

    code: ErrorCode
    offset: int
    octets: bytes


def extension_offset(packet: NhrpPacket, extension: parts.Extension | int | None) -> int:
    """Return where an extension (or the one of this number) is in its packet; without one, where extensions begin.

    This is the Error Offset of RFC 2332 §5.2.7.
    """
    sizes = [len(other.serialize()) for other in packet.extensions]
    match extension:
        case int():
            number = extension
        case None:
            number = 0
        case _:
            number = next((at for at, other in enumerate(packet.extensions) if other is extension), 0)
    return len(packet.serialize()) - len(packet.end) - sum(sizes[number:])


def destination_offset(packet: NhrpPacket) -> int:
    """Return where the destination protocol address is in a packet, RFC 2332 §5.2.0.1."""
    return (
        _ADDRESSES_AT
        + len(packet.source_nbma_octets)
        + len(packet.source_nbma_subaddress)
        + len(packet.source_protocol.packed)
    )


class Envelope(Value):
    """The claimed type, source and destination of octets that may be no valid NHRP packet."""

    kind: int
    source_protocol: IPAddress
    destination_protocol: IPAddress
    extension_offset: int


def peek(data: Octets) -> Envelope | None:
    """Look at a packet that `parse` refuses: an error about it needs a receiver (RFC 2332 §5.2.7).

    Version, size and checksum are ignored. Returns None if not even the addresses can be read.
    """
    if len(data) < HEADER.size:
        return None
    afn, protocol_type, _, _, _, extension_offset, _, kind, shtl, sstl, src_len, dst_len, _, _ = HEADER.unpack_from(
        data
    )
    try:
        _, protocol_length = address_lengths(afn, protocol_type, (shtl, sstl), (src_len, dst_len))
    except WireError:
        return None
    source_at = HEADER.size + shtl + sstl
    destination_at = source_at + protocol_length
    end = destination_at + protocol_length
    if end > len(data):
        return None
    source = ip_address(bytes(data[source_at:destination_at]))
    return Envelope(kind, source, ip_address(bytes(data[destination_at:end])), extension_offset)


class Quoted(Value):
    """The packet that an Error Indication is about, as far as it was sent back.

    destination: None if the quote ends before it (FRR quoted only the header until 2024).
    """

    kind: PacketType
    request_id: int
    destination: IPAddress | None


def quoted_request(packet: ErrorIndication) -> Quoted | None:
    """Return the packet that an error quotes, if the quote is long enough and its type has a request id."""
    octets = packet.packet
    if len(octets) < _REQUEST_ID_AT + 4:
        return None
    kind = octets[_TYPE_AT]
    if not PacketType.RESOLUTION_REQUEST <= kind <= PacketType.PURGE_REPLY:
        return None
    request_id = int.from_bytes(octets[_REQUEST_ID_AT : _REQUEST_ID_AT + 4], "big")
    envelope = peek(octets)
    return Quoted(PacketType(kind), request_id, envelope.destination_protocol if envelope else None)
