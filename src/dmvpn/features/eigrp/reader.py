"""Routes in received packets: reports for DUAL, and SIA queries and replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.features.eigrp.dual import Message
from dmvpn.features.eigrp.messages import ROUTES, route_line
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode
from dmvpn.features.eigrp.topology import UNREACHABLE, Advert, Report, from_tlv

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.features.eigrp.advertiser import Advertiser
    from dmvpn.features.eigrp.dual import Dual, InboundLists
    from dmvpn.features.eigrp.interface import Neighbor
    from dmvpn.features.eigrp.limits import StuckWatch
    from dmvpn.features.eigrp.output import Transport
    from dmvpn.features.eigrp.state import State

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
        intake: InboundLists,
        advertiser: Advertiser,
        stuck: StuckWatch,
    ) -> None:
        self._state = state
        self._context = state.context
        self._transport = transport
        self._dual = dual
        self._intake = intake
        self._advertiser = advertiser
        self._stuck = stuck

    def accepts(self, neighbor: Neighbor, packet: EigrpPacket, *, multicast: bool) -> bool:
        """Return whether a packet is the next one of a neighbor, and for us."""
        return self._transport.accept(neighbor, packet, multicast=multicast)

    def read(self, neighbor: Neighbor, packet: EigrpPacket) -> None:
        """Process the routes in a packet."""
        message, now = _MESSAGES.get(packet.opcode), self._context.now
        for tlv in packet.tlvs:
            told = from_tlv(tlv)
            if told is None:
                continue
            advert, prefixes = told
            report = self._report(neighbor, advert)
            for prefix in prefixes:
                if message is not None:
                    if self._context.ports.debugging.on(ROUTES):
                        self._debug(neighbor, prefix, report)
                    believed = self._intake.believed(prefix, neighbor.source, report)
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
