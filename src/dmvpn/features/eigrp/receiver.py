"""The path of a received packet: which neighbor may have sent it, whether it is authentic and new, and what it says.

    checks -> digest -> acknowledgment -> Hello, or (from a neighbor that is up, in order) routes -> dual

What is dropped is counted with the reason; only what an operator has to fix is logged, and that not too often.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.reasons import Reason
from dmvpn.features.eigrp.dual import Message
from dmvpn.features.eigrp.messages import ROUTES, AuthenticationMismatch, NotOnCommonSubnet, route_line
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode, PacketFlag, VirtualRouterId
from dmvpn.features.eigrp.reasons import EigrpReason
from dmvpn.features.eigrp.states import DownReason
from dmvpn.features.eigrp.tlv import Authentication, AuthenticationType
from dmvpn.features.eigrp.topology import UNREACHABLE, Report
from dmvpn.features.eigrp.translate import Advert, from_tlv

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.events import IpReceived
    from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor
    from dmvpn.features.eigrp.process import Process

_SEALS: Final[dict[int | None, str]] = {
    None: "no authentication",
    AuthenticationType.MD5: "md5",
    AuthenticationType.SHA256: "hmac-sha-256",
}
_QUESTIONS: Final = (Opcode.QUERY, Opcode.SIA_QUERY)
_MESSAGES: Final[dict[int, Message]] = {
    Opcode.UPDATE: Message.UPDATE,
    Opcode.QUERY: Message.QUERY,
    Opcode.REPLY: Message.REPLY,
}


#: Destinations for which a neighbor waits for answers that it has not acknowledged: further questions are not taken
#: until it does, and it sends them again.
MOST_QUESTIONS: Final = 10_000


class Receiver:
    """Takes the packets of one process."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def receive(self, interface: EigrpInterface, event: IpReceived, packet: EigrpPacket) -> None:
        """Take a packet of our autonomous system that came on an interface of ours."""
        process, address = self._process, event.source
        if not isinstance(address, IPv4Address) or address == interface.address or not interface.speaks:
            return
        if not self._may_come(interface, address, packet):
            return
        neighbor = interface.neighbors.get(int(address))
        if not process.sender.seals.is_authentic(interface, packet, event.payload, address):
            self._refuse(interface, address, neighbor, packet)
            return
        process.sender.note_received(interface, packet, address, len(event.payload))
        multicast = event.destination.is_multicast
        was_up = neighbor is not None and neighbor.is_up
        if neighbor is not None:
            neighbor.hear(process.context.now)
            # RFC 7868 §5.2: a multicast acknowledges nothing. FRR 8.4 fills the field all the same, for somebody else.
            if not multicast and process.adjacencies.hear_acknowledgment(neighbor, packet.acknowledgment):
                process.teller.wake(neighbor)
        if packet.is_acknowledgment:
            return
        if packet.opcode == Opcode.HELLO:
            process.adjacencies.hear_hello(interface, address, packet, event.payload)
            if (multicast or interface.settings.neighbors) and neighbor is not None:
                process.adjacencies.greet_again(neighbor)
        elif neighbor is None:
            self._drop("from no neighbor")
        elif PacketFlag.INIT in packet.flags and packet.opcode == Opcode.UPDATE:
            process.adjacencies.hear_init(neighbor, packet, was_up=was_up)
        elif not neighbor.is_up:
            self._drop("neighbor is pending")
        elif packet.sequence and not multicast and neighbor.goes_on(process.context.now):
            self._drop("no first packet")
            process.adjacencies.begin_again(neighbor)
        elif packet.opcode in _QUESTIONS and len(neighbor.backlog.replies) >= MOST_QUESTIONS:
            self._drop("too many questions")
        elif process.transport.accept(neighbor, packet, multicast=multicast):
            self._take_routes(neighbor, packet)

    def _may_come(self, interface: EigrpInterface, address: IPv4Address, packet: EigrpPacket) -> bool:
        process = self._process
        if not interface.knows(address):
            self._drop("not on common subnet")
            if process.adjacencies.may_complain(interface, address):
                process.context.out.append(NotOnCommonSubnet.of(process.autonomous_system, address, interface.name))
            return False
        if process.limits.is_barred(address):
            self._drop(DownReason.PREFIX_LIMIT.value)
            return False
        if interface.settings.neighbors and address not in interface.settings.neighbors:
            self._drop("no configured neighbor")
            return False
        if packet.virtual_router_id != VirtualRouterId.UNICAST:
            self._drop("other virtual router")
            return False
        return True

    def _refuse(
        self, interface: EigrpInterface, address: IPv4Address, neighbor: Neighbor | None, packet: EigrpPacket
    ) -> None:
        process, digest = self._process, packet.find(Authentication)
        self._drop("authentication failed")
        if process.adjacencies.may_complain(interface, address):
            kind = None if digest is None else digest.auth_type
            number = process.autonomous_system
            both = _SEALS.get(kind, f"a digest of type {kind}"), _SEALS[process.sender.seals.kind(interface)]
            process.context.out.append(AuthenticationMismatch.of(number, address, interface.name, *both))
        if neighbor is not None:
            neighbor.refuse(Reason(self._why(interface, packet), since=self._process.context.now))

    @staticmethod
    def _why(interface: EigrpInterface, packet: EigrpPacket) -> EigrpReason:
        if packet.find(Authentication) is None:
            return EigrpReason.NO_DIGEST
        return EigrpReason.WRONG_DIGEST if interface.settings.authentication else EigrpReason.OFF_HERE

    def _take_routes(self, neighbor: Neighbor, packet: EigrpPacket) -> None:
        """Take what the packet says about destinations."""
        process = self._process
        message, now = _MESSAGES.get(packet.opcode), process.context.now
        for tlv in packet.tlvs:
            told = from_tlv(tlv)
            if told is None:
                continue
            advert, prefixes = told
            report = self._report(neighbor, advert)
            for prefix in prefixes:
                if message is not None:
                    if process.context.ports.debugging.on(ROUTES):
                        self._debug(neighbor, prefix, report)
                    believed = process.intake.believed(prefix, neighbor.source, report)
                    process.dual.receive(prefix, neighbor.source, believed, message, now)
                elif packet.opcode == Opcode.SIA_QUERY:
                    process.teller.answer_if_stuck(neighbor, prefix)
                elif packet.opcode == Opcode.SIA_REPLY:
                    process.stuck.answered(neighbor.source, prefix)

    def _debug(self, neighbor: Neighbor, prefix: Prefix, report: Report) -> None:
        process = self._process
        distance = process.dual.scale.distance(report.metric) if report.metric is not None else None
        external = report.external is not None
        line = route_line(process.settings.autonomous_system, prefix, distance, neighbor.address, is_external=external)
        process.context.debug(line)

    def _report(self, neighbor: Neighbor, advert: Advert) -> Report:
        """Return what an advert means here: a loop back to us is unreachable, and a next hop must be on the same
        subnet.
        """
        if advert.metric is None or (advert.originator == self._process.router_id != UNSPECIFIED):
            return UNREACHABLE
        direct = advert.next_hop != UNSPECIFIED and neighbor.interface.knows(advert.next_hop)
        next_hop = advert.next_hop if direct else neighbor.address
        return Report(advert.metric, next_hop, advert.originator, advert.external)

    def _drop(self, why: str) -> None:
        self._process.sender.traffic.drop(why)
