"""A member of the network that says what it likes: a router with valid keys, whose tunnel carries NHRP that we made.

The octets leave by the router's own plane, so on a protected tunnel they are encrypted with its SAs, and arrive as what
they are: messages of a member.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING

from dmvpn.base.effects import GRE_NHRP, SendGre
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.packet import (
    NhrpPacket,
    RegistrationFlag,
    RegistrationReply,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionRequest,
    TrafficIndication,
    parse,
)
from dmvpn.features.nhrp.parts import Authentication, ClientInfo
from dmvpn.net.ipv4 import Ipv4Packet

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import Event
    from dmvpn.features.nhrp.parts import Extensions
    from support.world import World


@dataclass(slots=True)
class HostileMember:
    """The router `name` of a world, whose first tunnel is used. sent: octets of NHRP that it made others read."""

    world: World
    name: str
    sent: int = 0

    @property
    def own(self) -> tuple[IPAddress, IPAddress]:
        """Its tunnel and NBMA addresses."""
        return self.world.sim.routers[self.name].router.machine(NhrpMachine).tunnels[0].own

    def say(self, packet: NhrpPacket, nbma: str) -> None:
        """Send a message straight to a station."""
        node = self.world.sim.routers[self.name]
        tunnel = node.router.machine(NhrpMachine).tunnels[0]
        password = tunnel.config.password
        if password:
            packet = replace(packet, extensions=(*packet.extensions, Authentication(data=password)))
        octets = packet.serialize()
        self.sent += len(octets)
        node.plane.now = self.world.now
        node.plane.execute(SendGre(tunnel.name, ip_address(nbma), GRE_NHRP, octets))
        self.world.sim.schedule(node)

    def register(
        self, server: str, nbma: str, *cies: ClientInfo, extensions: Extensions = (), nbma_in_it: str = ""
    ) -> None:
        """A Registration Request to a server's tunnel and NBMA address. nbma_in_it: what it gives as its own."""
        address, own_nbma = self.own
        packet = RegistrationRequest(
            source_nbma=ip_address(nbma_in_it) if nbma_in_it else own_nbma,
            source_protocol=address,
            destination_protocol=ip_address(server),
            flags=RegistrationFlag.NAT,
            request_id=0x70000000,
            cies=cies,
            extensions=extensions,
        )
        self.say(packet, nbma)

    def ask(self, address: str, nbma: str, *, as_if: tuple[IPAddress, IPAddress]) -> None:
        """A Resolution Request for an address, in the name of a station with this tunnel and NBMA address."""
        packet = ResolutionRequest(
            source_nbma=as_if[1],
            source_protocol=as_if[0],
            destination_protocol=ip_address(address),
            flags=ResolutionFlag(0xC802),
            request_id=0x70000001,
            cies=(ClientInfo(prefix_length=32, holding_time=65535),),
        )
        self.say(packet, nbma)

    def redirect(self, source: str, destination: str, nbma: str) -> None:
        """A Traffic Indication to the router that lets packets of a source in: there is a shorter way."""
        address, own_nbma = self.own
        packet = Ipv4Packet(
            source=IPv4Address(source), destination=IPv4Address(destination), protocol=1, payload=bytes(8)
        )
        indication = TrafficIndication(
            source_nbma=own_nbma,
            source_protocol=address,
            destination_protocol=ip_address(source),
            packet=packet.serialize(),
        )
        self.say(indication, nbma)

    def answers(self) -> list[int]:
        """From now on: the codes of the CIEs in Registration Replies that it gets. The list grows."""
        codes: list[int] = []
        node = self.world.sim.routers[self.name]

        def watch(event: Event) -> None:
            data = getattr(event, "data", None)
            if type(event).__name__ == "NhrpReceived" and isinstance(data, bytes):
                packet = parse(data)
                if isinstance(packet, RegistrationReply):
                    codes.extend(cie.code for cie in packet.cies)

        node.watch = watch
        return codes
