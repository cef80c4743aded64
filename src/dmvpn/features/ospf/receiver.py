"""What a packet must be to count: of our area, of a neighbor on the link, authentic. RFC 2328 §8.2."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Protocol

from dmvpn.base.errors import WireError
from dmvpn.base.reasons import Reason
from dmvpn.features.ospf import messages
from dmvpn.features.ospf.interface import ALL_DESIGNATED
from dmvpn.features.ospf.messages import DuplicateRouter
from dmvpn.features.ospf.model import NetworkType
from dmvpn.features.ospf.packet import Acknowledgment, Description, Hello, OspfPacket, Request, Update
from dmvpn.features.ospf.reasons import OspfReason
from dmvpn.features.ospf.sender import parse
from dmvpn.features.ospf.surroundings import Surroundings

if TYPE_CHECKING:
    from dmvpn.base.events import IpReceived
    from dmvpn.features.ospf.exchange import Exchange
    from dmvpn.features.ospf.flooding import Flooding
    from dmvpn.features.ospf.hellos import Hellos
    from dmvpn.features.ospf.interface import Neighbor, OspfInterface
    from dmvpn.features.ospf.virtual import VirtualLinks


class Receiving(Surroundings, Protocol):
    """A process, as far as it takes packets."""

    @property
    def exchange(self) -> Exchange:
        """Exchanges databases."""
        ...

    @property
    def flooding(self) -> Flooding:
        """Takes updates."""
        ...

    @property
    def hellos(self) -> Hellos:
        """Takes Hellos."""
        ...

    @property
    def virtual(self) -> VirtualLinks:
        """Its virtual links."""
        ...


class Receiver:
    """Judges packets of one process and hands them on."""

    def __init__(self, process: Receiving) -> None:
        self._process = process
        self._context = process.context

    def receive(self, interface: OspfInterface, event: IpReceived) -> None:
        """Take a packet that came."""
        source = event.source
        if not isinstance(source, IPv4Address) or source == interface.address:
            return
        if not interface.speaks and not self._process.settings.virtual_links:
            return
        try:
            packet = parse(event.payload)
        except WireError as error:
            self._process.complaints.refuse(interface, source, "malformed", str(error))
            return
        virtual = self._virtual(interface, packet)
        if virtual is not None and virtual.far_end is not None:
            interface, source = virtual, virtual.far_end.address
        if not interface.speaks:
            return
        if self._is_misplaced(interface, event, source, packet):
            return
        asked, context = interface.settings.authentication, self._context
        accepted = asked.accepting(context.ports.clock, context.now) if asked.keys else None
        refusal = asked.refusal(packet, event.payload, accepted)
        if refusal:
            interface.refuse(source, Reason(OspfReason.NOT_AUTHENTIC, (refusal,), self._context.now))
            self._process.complaints.refuse(interface, source, "not authentic", f"Authentication: {refusal}")
            return
        self._process.sender.note_received(packet)
        if self._context.ports.debugging.on(messages.PACKET, interface=interface.name):
            self._context.debug(messages.packet_line("rcv.", packet, interface.name, len(event.payload), source))
        if isinstance(packet.content, Hello):
            self._process.hellos.receive(interface, source, packet, packet.content)
            return
        neighbor = interface.neighbors.get(source)
        if neighbor is None or neighbor.router != packet.router:
            self._process.sender.drop("of no neighbor")
        elif self._process.sender.is_replay(neighbor, packet):
            self._process.sender.drop("old packet with a digest")
        else:
            self._hand_on(neighbor, packet)

    def _virtual(self, interface: OspfInterface, packet: OspfPacket) -> OspfInterface | None:
        """Return the virtual link that a packet is of: of the backbone, from a router that one leads to.

        RFC 2328 §8.2.
        """
        if int(packet.area) or not interface.area.number or not self._process.settings.virtual_links:
            return None
        return self._process.virtual.to(interface.area.number, packet.router)

    def _hand_on(self, neighbor: Neighbor, packet: OspfPacket) -> None:
        process = self._process
        match packet.content:
            case Description() as description:
                process.exchange.receive(neighbor, description)
            case Request() as request:
                process.exchange.answer(neighbor, request)
            case Update() as update:
                process.flooding.receive(neighbor, update)
            case Acknowledgment() as acknowledgment:
                process.flooding.acknowledged(neighbor, acknowledgment)

    def _is_misplaced(
        self, interface: OspfInterface, event: IpReceived, source: IPv4Address, packet: OspfPacket
    ) -> bool:
        """Return whether it is for others, of another area, from elsewhere, or from a router that is called like us."""
        if event.destination == ALL_DESIGNATED and not interface.leads:
            return True
        if packet.area != interface.area.id:
            areas = (packet.area, interface.area.id)
            interface.refuse(source, Reason(OspfReason.AREA, areas, self._context.now))
            self._process.complaints.refuse(interface, source, "another area", f"mismatched area ID {packet.area}")
            return True
        alone = interface.settings.network is NetworkType.POINT_TO_POINT
        if not alone and source not in interface.prefix:
            self._process.complaints.refuse(
                interface, source, "sender outside of the subnet", "sender outside of the subnet"
            )
            return True
        least = interface.settings.least_ttl
        if event.ttl < least:
            interface.refuse(source, Reason(OspfReason.TTL, (event.ttl, least), self._context.now))
            self._process.complaints.refuse(interface, source, "a small TTL", f"TTL {event.ttl} is below {least}")
            return True
        if packet.router == self._process.router_id:
            self._process.sender.drop("our own router identifier")
            self._process.complaints.complain(interface, DuplicateRouter.of(packet.router, source, interface.name))
            return True
        return False
