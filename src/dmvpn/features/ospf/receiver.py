"""Conditions for received packets: of our area, of a neighbor on the link, authentic. RFC 2328 §8.2."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.errors import WireError
from dmvpn.base.reasons import Reason
from dmvpn.features.ospf import messages
from dmvpn.features.ospf.interface import ALL_DESIGNATED
from dmvpn.features.ospf.messages import DuplicateRouter
from dmvpn.features.ospf.model import NetworkType
from dmvpn.features.ospf.output import parse
from dmvpn.features.ospf.packet import Acknowledgment, Description, Hello, LinkStateRequest, LinkStateUpdate, OspfPacket
from dmvpn.features.ospf.reasons import OspfReason

if TYPE_CHECKING:
    from dmvpn.base.events import IpReceived
    from dmvpn.features.ospf.adjacency import Hellos
    from dmvpn.features.ospf.events import Exchange
    from dmvpn.features.ospf.interface import Neighbor, OspfInterface
    from dmvpn.features.ospf.output import Complaints, Sender
    from dmvpn.features.ospf.state import State
    from dmvpn.features.ospf.updates import Updates


class Receiver:
    """Judges packets of one process and hands them on."""

    def __init__(
        self, state: State, sender: Sender, complaints: Complaints, hellos: Hellos, exchange: Exchange, updates: Updates
    ) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._complaints = complaints
        self._hellos = hellos
        self._exchange = exchange
        self._updates = updates

    def receive(self, interface: OspfInterface, event: IpReceived) -> bool:
        """Process a received packet. Returns False if it is malformed or not authentic: then it may not be from its
        sender.
        """
        source = event.source
        if not isinstance(source, IPv4Address) or source == interface.address:
            return True
        if not interface.speaks and not self._state.settings.virtual_links:
            return True
        try:
            packet = parse(event.payload)
        except WireError as error:
            self._complaints.refuse(interface, source, "malformed", str(error))
            return False
        virtual = self._virtual(interface, packet)
        if virtual is not None and virtual.far_end is not None:
            interface, source = virtual, virtual.far_end.address
        if not interface.speaks:
            return True
        if self._is_misplaced(interface, event, source, packet):
            return True
        asked, context = interface.settings.authentication, self._context
        accepted = asked.accepting(context.ports.clock, context.now) if asked.keys else None
        refusal = asked.refusal(packet, event.payload, accepted)
        if refusal:
            interface.refuse(source, Reason(OspfReason.NOT_AUTHENTIC, (refusal,), self._context.now))
            self._complaints.refuse(interface, source, "not authentic", f"Authentication: {refusal}")
            return False
        self._sender.note_received(packet)
        if self._context.ports.debugging.on(messages.PACKET, interface=interface.name):
            self._context.debug(messages.packet_line("rcv.", packet, interface.name, len(event.payload), source))
        if isinstance(packet.content, Hello):
            self._hellos.receive(interface, source, packet, packet.content)
            return True
        neighbor = interface.neighbors.get(source)
        if neighbor is None or neighbor.router != packet.router:
            self._sender.drop("of no neighbor")
            return True
        if self._sender.is_replay(neighbor, packet):
            self._sender.drop("old packet with a digest")
            return False
        self._hand_on(neighbor, packet)
        return True

    def _virtual(self, interface: OspfInterface, packet: OspfPacket) -> OspfInterface | None:
        """Return the virtual link that a packet is of: of the backbone, from a router that one leads to.

        RFC 2328 §8.2.
        """
        if int(packet.area) or not interface.area.number or not self._state.settings.virtual_links:
            return None
        return self._state.virtual_link_to(interface.area.number, packet.router)

    def _hand_on(self, neighbor: Neighbor, packet: OspfPacket) -> None:
        match packet.content:
            case Description() as description:
                self._exchange.receive(neighbor, description)
            case LinkStateRequest() as request:
                self._exchange.answer(neighbor, request)
            case LinkStateUpdate() as update:
                self._updates.receive(neighbor, update)
            case Acknowledgment() as acknowledgment:
                self._updates.acknowledged(neighbor, acknowledgment)

    def _is_misplaced(
        self, interface: OspfInterface, event: IpReceived, source: IPv4Address, packet: OspfPacket
    ) -> bool:
        """Return whether the packet is misdirected: its destination, area or source is wrong, or it carries our router
        ID.
        """
        if event.destination == ALL_DESIGNATED and not interface.leads:
            return True
        if packet.area != interface.area.id:
            areas = (packet.area, interface.area.id)
            interface.refuse(source, Reason(OspfReason.AREA, areas, self._context.now))
            self._complaints.refuse(interface, source, "another area", f"mismatched area ID {packet.area}")
            return True
        alone = interface.settings.network is NetworkType.POINT_TO_POINT
        if not alone and source not in interface.prefix:
            self._complaints.refuse(interface, source, "sender outside of the subnet", "sender outside of the subnet")
            return True
        least = interface.settings.least_ttl
        if event.ttl < least:
            interface.refuse(source, Reason(OspfReason.TTL, (event.ttl, least), self._context.now))
            self._complaints.refuse(interface, source, "a small TTL", f"TTL {event.ttl} is below {least}")
            return True
        if packet.router == self._state.router_id:
            self._sender.drop("our own router identifier")
            self._complaints.complain(interface, DuplicateRouter.of(packet.router, source, interface.name))
            return True
        return False
