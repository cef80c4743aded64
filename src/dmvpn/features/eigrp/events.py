"""The path of a received packet: whether a neighbor may have sent it, whether it is authentic and new, and its routes.

    checks -> digest -> acknowledgment -> Hello, or (from a neighbor that is up, in order) routes -> Reader

Dropped packets are counted by reason; only errors that an operator has to fix are logged, at a limited rate. The
`Reader` makes reports for DUAL of routes, and takes SIA queries and replies.
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix, is_multicast
from dmvpn.base.events import IpReceived
from dmvpn.base.reasons import Reason
from dmvpn.features.eigrp.adjacency import Adjacencies
from dmvpn.features.eigrp.advertiser import Advertiser
from dmvpn.features.eigrp.auth import Seals
from dmvpn.features.eigrp.dual import Dual, InboundLists, Message
from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor
from dmvpn.features.eigrp.limits import Limits, StuckWatch
from dmvpn.features.eigrp.messages import ROUTES, authentication_mismatch, not_on_common_subnet, route_line
from dmvpn.features.eigrp.output import Sender, Transport
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode, PacketFlag, VirtualRouterId
from dmvpn.features.eigrp.reasons import DownReason, EigrpReason
from dmvpn.features.eigrp.state import State
from dmvpn.features.eigrp.tlv import Authentication, AuthenticationType
from dmvpn.features.eigrp.topology import UNREACHABLE, Advert, Report, from_tlv

# ------------------------------------------------------------------------------------------------ routes


_MESSAGES: Final[dict[int, Message]] = {
    Opcode.UPDATE: Message.UPDATE,
    Opcode.QUERY: Message.QUERY,
    Opcode.REPLY: Message.REPLY,
}


class Reader:
    """Reads the routes in packets of one process."""

    def __init__(
        self,
        state: State,
        *,
        transport: Transport,
        dual: Dual,
        inbound_lists: InboundLists,
        advertiser: Advertiser,
        stuck: StuckWatch,
    ) -> None:
        self._state = state
        self._context = state.context
        self._version = state.settings.family.version
        self._transport = transport
        self._dual = dual
        self._inbound_lists = inbound_lists
        self._advertiser = advertiser
        self._stuck = stuck

    def accepts(self, neighbor: Neighbor, packet: EigrpPacket, *, multicast: bool) -> bool:
        """Return whether a packet is the next one of a neighbor, and for us."""
        return self._transport.accept(neighbor, packet, multicast=multicast)

    def read_routes(self, neighbor: Neighbor, packet: EigrpPacket) -> None:
        """Process the routes in a packet; those of the other address family are ignored."""
        message, now = _MESSAGES.get(packet.opcode), self._context.now
        for tlv in packet.tlvs:
            found = from_tlv(tlv)
            if found is None or found[1][0].version != self._version:
                continue
            advert, prefixes = found
            report = self._report(neighbor, advert)
            for prefix in prefixes:
                if message is not None:
                    if self._context.ports.debugging.on(ROUTES):
                        self._debug(neighbor, prefix, report)
                    believed = self._inbound_lists.believed(prefix, neighbor.source, report)
                    self._dual.receive(prefix, neighbor.source, believed, message, now)
                elif packet.opcode == Opcode.SIA_QUERY:
                    self._advertiser.answer_if_stuck(neighbor, prefix)
                elif packet.opcode == Opcode.SIA_REPLY:
                    self._stuck.answered(neighbor.source, prefix)

    def _debug(self, neighbor: Neighbor, prefix: Prefix, report: Report) -> None:
        distance = self._dual.scale.distance(report.metric) if report.metric is not None else None
        external = report.external is not None
        line = route_line(self._state.autonomous_system, prefix, distance, neighbor.address, is_external=external)
        self._context.debug(line)

    def _report(self, neighbor: Neighbor, advert: Advert) -> Report:
        """Return the report for an advert: a route that we originated is unreachable, and a next hop must be on the
        same subnet.
        """
        if advert.metric is None or (advert.originator == self._state.router_id != UNSPECIFIED):
            return UNREACHABLE
        direct = advert.next_hop != UNSPECIFIED and neighbor.interface.knows(advert.next_hop)
        next_hop = advert.next_hop if direct else neighbor.address
        return Report(advert.metric, next_hop, advert.originator, advert.external)


# ------------------------------------------------------------------------------------------------ packets


_SEALS: Final[dict[int | None, str]] = {
    None: "no authentication",
    AuthenticationType.MD5: "md5",
    AuthenticationType.SHA256: "hmac-sha-256",
}
_QUESTIONS: Final = (Opcode.QUERY, Opcode.SIA_QUERY)


#: Maximum replies queued for a neighbor: further queries are not accepted until it acknowledges some, and it
#: retransmits them.
MOST_QUESTIONS: Final = 10_000


class Receiver:
    """Receives the packets of one process."""

    def __init__(
        self,
        state: State,
        *,
        sender: Sender,
        seals: Seals,
        adjacencies: Adjacencies,
        limits: Limits,
        advertiser: Advertiser,
        reader: Reader,
    ) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._seals = seals
        self._adjacencies = adjacencies
        self._limits = limits
        self._advertiser = advertiser
        self._reader = reader

    def receive(self, interface: EigrpInterface, event: IpReceived, packet: EigrpPacket) -> bool:
        """Handle a packet of our autonomous system on one of our interfaces. Returns False if it is not authentic."""
        address = event.source
        if address == interface.address or not interface.speaks:
            return True
        multicast = is_multicast(event.destination)
        if not self._may_come(interface, address, packet, multicast=multicast):
            return True
        neighbor = interface.neighbors.get(int(address))
        if not self._seals.is_authentic(interface, packet, event.payload, address):
            self._refuse(interface, address, neighbor, packet)
            return False
        self._sender.note_received(interface, packet, address, len(event.payload))
        was_up = neighbor is not None and neighbor.is_up
        if neighbor is not None:
            neighbor.hear(self._context.now)
            # RFC 7868 §5.2: a multicast acknowledges nothing. FRR 8.4 fills in the field nevertheless, for one of its
            # neighbors.
            if not multicast and self._adjacencies.hear_acknowledgment(neighbor, packet.acknowledgment):
                self._advertiser.wake(neighbor)
        if packet.is_acknowledgment:
            return True
        if packet.opcode == Opcode.HELLO:
            self._adjacencies.hear_hello(interface, address, packet, event.payload)
            if (multicast or interface.settings.neighbors) and neighbor is not None:
                self._adjacencies.greet_again(neighbor)
        elif neighbor is None:
            self._drop("from no neighbor")
        elif PacketFlag.INIT in packet.flags and packet.opcode == Opcode.UPDATE:
            self._adjacencies.hear_init(neighbor, packet, was_up=was_up)
        elif not neighbor.is_up:
            self._drop("neighbor is pending")
        elif packet.sequence and not multicast and neighbor.goes_on(self._context.now):
            self._drop("no first packet")
            self._adjacencies.begin_again(neighbor)
        elif packet.opcode in _QUESTIONS and len(neighbor.backlog.replies) >= MOST_QUESTIONS:
            self._drop("too many questions")
        elif self._reader.accepts(neighbor, packet, multicast=multicast):
            self._reader.read_routes(neighbor, packet)
        return True

    def _may_come(self, interface: EigrpInterface, address: IPAddress, packet: EigrpPacket, *, multicast: bool) -> bool:
        if not interface.knows(address):
            self._drop("not on common subnet")
            if self._adjacencies.may_complain(interface, address):
                self._context.emit(not_on_common_subnet(self._state.title, address, interface.name))
            return False
        if self._limits.is_barred(address):
            self._drop(DownReason.PREFIX_LIMIT.value)
            return False
        if interface.settings.neighbors and address not in interface.settings.neighbors:
            self._drop("no configured neighbor")
            return False
        if interface.settings.neighbors and multicast:  # as on IOS: the other end needs a line for us, too
            self._drop("multicast beside configured neighbors")
            return False
        if packet.virtual_router_id != VirtualRouterId.UNICAST:
            self._drop("other virtual router")
            return False
        return True

    def _refuse(
        self, interface: EigrpInterface, address: IPAddress, neighbor: Neighbor | None, packet: EigrpPacket
    ) -> None:
        digest = packet.find(Authentication)
        self._drop("authentication failed")
        if self._adjacencies.may_complain(interface, address):
            kind = None if digest is None else digest.auth_type
            process = self._state.title
            both = _SEALS.get(kind, f"a digest of type {kind}"), _SEALS[self._seals.kind(interface)]
            self._context.emit(authentication_mismatch(process, address, interface.name, *both))
        if neighbor is not None:
            wrong = EigrpReason.WRONG_DIGEST if interface.settings.authentication else EigrpReason.OFF_HERE
            neighbor.refuse(Reason(EigrpReason.NO_DIGEST if digest is None else wrong, since=self._context.now))

    def _drop(self, why: str) -> None:
        self._state.traffic.drop(why)
