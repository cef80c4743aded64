"""A peer of a protected tunnel that is no router: the test seals and opens its ESP by hand, from wherever it says."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from contract.worlds import nbma
from dmvpn.base.effects import GRE_IPV4, InstallSa, MoveConnection
from dmvpn.base.protection import EspCipher, EspHash, EspSa, EspTransform
from dmvpn.dataplane.esp.suite import EspError, EspSuite
from dmvpn.dataplane.esp.table import Inbound, Outbound, ReplayWindow
from dmvpn.net.gre import GreHeader
from dmvpn.net.ip import UDP_HEADER_LENGTH, UdpDatagram
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet

if TYPE_CHECKING:
    from contract.worlds import World

GCM = EspTransform(EspCipher.AES_GCM, 256)
CBC = EspTransform(EspCipher.AES_CBC, 128, EspHash.SHA256)
ENCAPSULATED = 4500
KEY = 100


def pair_of_sas(
    ours: str, theirs: str, *, number: int = 1, port: int = 0, transform: EspTransform = GCM
) -> tuple[EspSa, EspSa]:
    """One pair of SAs as two routers know it. port: of UDP, 0: protocol 50. number: makes SPIs and keys."""
    suite = EspSuite.of(transform)
    keys = [bytes((number, way)) * (suite.keymat // 2) for way in (1, 2)]
    hashes = [bytes((number, way)) * 16 if transform.hash else b"" for way in (3, 4)]
    one = EspSa(
        connection=7,
        spi_in=0x1000 + number,
        spi_out=0x2000 + number,
        transform=transform,
        key_in=keys[0],
        key_out=keys[1],
        hash_key_in=hashes[0],
        hash_key_out=hashes[1],
        local=nbma(ours),
        remote=nbma(theirs),
        local_port=port,
        remote_port=port,
    )
    other = replace(
        one,
        spi_in=one.spi_out,
        spi_out=one.spi_in,
        key_in=keys[1],
        key_out=keys[0],
        hash_key_in=hashes[1],
        hash_key_out=hashes[0],
        local=one.remote,
        remote=one.local,
    )
    return one, other


class Peer:
    """Somebody behind an address of the provider's side who shares a connection with a router."""

    def __init__(self, world: World, router: str, address: str, *, connection: int = 7, port: int = 0) -> None:
        """port: of UDP, 0: protocol 50. connection: makes SPIs and keys, too."""
        self.world, self.router, self.connection = world, router, connection
        self.address, self.port = IPv4Address(address), port
        ours, _ = pair_of_sas(router, router, number=connection)
        place = replace(ours, remote=self.address, local_port=port and ENCAPSULATED, remote_port=port)
        self.take(replace(place, connection=connection))

    def take(self, sa: EspSa) -> None:
        """Have the other ends of this pair."""
        self.sa, suite = sa, EspSuite.of(sa.transform)
        self.outbound = Outbound(suite, sa.spi_in.to_bytes(4, "big"), sa.key_in, esn=sa.esn)
        window = ReplayWindow()
        self._inbound = Inbound(suite, sa.spi_out.to_bytes(4, "big"), sa.key_out, window=window, esn=sa.esn)
        self._seen = 0

    def install(self, *, eager: bool = True) -> InstallSa:
        """The order to the router."""
        return InstallSa(self.sa, eager)

    def move(self, address: str, port: int) -> MoveConnection:
        """Be somewhere else; the order to the router that says so."""
        self.address, self.port = IPv4Address(address), port
        return MoveConnection(self.connection, self.address, port)

    def sealed(self, payload: bytes, protocol: int = GRE_IPV4) -> bytes:
        """An ESP packet with GRE in it."""
        return self.outbound.seal(GreHeader(protocol_type=protocol, key=KEY).serialize(payload), IpProtocol.GRE)

    def send(self, payload: bytes, protocol: int = GRE_IPV4, *, tos: int = 0) -> None:
        """Send something in GRE in ESP."""
        self.send_esp(self.sealed(payload, protocol), tos=tos)

    def send_esp(self, packet: bytes, *, tos: int = 0) -> None:
        """Send octets as ESP, from where the peer is now."""
        if self.port:
            self.send_udp(packet, tos=tos)
        else:
            self._send(IpProtocol.ESP, packet, tos)

    def send_udp(self, octets: bytes, *, to: int = ENCAPSULATED, tos: int = 0) -> None:
        """Send a datagram to a port of the router."""
        datagram = UdpDatagram(source_port=self.port, destination_port=to, payload=octets)
        self._send(IpProtocol.UDP, datagram.serialize(self.address, nbma(self.router)), tos)

    def received(self) -> list[tuple[Ipv4Packet, bytes]]:
        """What the router sent here since the last time and this peer could open: outer packet, what ESP held."""
        opened = []
        fresh, self._seen = self.world.wire[self._seen :], len(self.world.wire)
        for packet in fresh:
            if packet.destination != self.address:
                continue
            esp = packet.payload
            if packet.protocol == IpProtocol.UDP:
                ports = int.from_bytes(esp[:2], "big"), int.from_bytes(esp[2:4], "big")
                if ports != (ENCAPSULATED, self.port):
                    continue
                esp = esp[UDP_HEADER_LENGTH:]
            elif packet.protocol != IpProtocol.ESP or self.port:
                continue
            try:
                opened.append((packet, self._inbound.open(esp)[0]))
            except EspError:
                continue
        return opened

    def _send(self, protocol: int, payload: bytes, tos: int) -> None:
        packet = Ipv4Packet(
            source=self.address, destination=nbma(self.router), protocol=protocol, payload=payload, tos=tos
        )
        self.world.inject(self.router, packet)
