"""ESP in the simulated box: packets of a protected tunnel leave only encrypted; received ESP is decrypted.

    GRE packet -> connection (the adjacency's, else the newest) -> its current pair -> ESP [-> UDP] -> as any packet
    protocol 50, UDP 4500 -> SPI -> open -> GRE packet, with its connection
    UDP 500, and 4500 behind the non-ESP marker -> `IpReceived`

The octets are real ones: RFC 4303 with the ciphers of `dataplane.esp`, RFC 3948 in UDP. A connection has one outer
address at a time: its packets count as coming from there, whatever their source, until `MoveConnection`. All SAs are
in one table; each is of one front door, and this is the code of the front door's box.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from dmvpn.base.effects import InstallSa, MoveConnection, PollSas, RemoveSa, ServeIpsec, UseSa
from dmvpn.base.errors import UserError
from dmvpn.base.events import IpReceived
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.esp import PeerPlace
from dmvpn.dataplane.ike import IKE, IKE_BEHIND_NAT, NON_ESP_MARKER
from dmvpn.dataplane.simulated.gre import GreBox, gre_length
from dmvpn.dataplane.simulated.tunnels import NbmaPeer, Outer
from dmvpn.net import ip, udp
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.net.octets import ip_address

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import Effect, TunnelSpec
    from dmvpn.dataplane.esp import EspLink
    from dmvpn.dataplane.simulated.chassis import Chassis
    from dmvpn.dataplane.simulated.tunnels import SimulatedTunnel
    from dmvpn.net.ip import IpPacket
    from dmvpn.net.ipv4 import Header


class IpsecBox(GreBox):
    """A box whose tunnels may be protected."""

    def __init__(self, chassis: Chassis, vrf: str) -> None:
        super().__init__(chassis, vrf)
        self._protection = chassis.protection
        self._sas = chassis.protection.table
        self._served: frozenset[IPAddress] = frozenset()

    def _execute_ipsec(self, effect: Effect) -> None:
        match effect:
            case ServeIpsec():
                self._served = frozenset(effect.locals)
            case InstallSa():
                self._install(effect)
            case UseSa():
                self._sas.use(effect.spi_in)
            case RemoveSa():
                self._sas.remove(effect.spi_in)
            case MoveConnection():
                self._sas.move(effect.connection, PeerPlace(effect.remote.packed, effect.remote_port))
            case PollSas():
                self._report(self._chassis.sas_counted())
            case _:
                pass

    def _install(self, effect: InstallSa) -> None:
        try:
            self._sas.install(effect.sa, eager=effect.eager)
        except UserError as error:
            raise EffectError(effect, errno.EINVAL, str(error)) from error

    # ------------------------------------------------------------------------------------------------ out

    def path_mtu(self, spec: TunnelSpec, receiver: NbmaPeer) -> int | None:
        now = self._chassis.now
        link = self._link_to(spec, receiver) if spec.protected and self._paths.knows(now) else None
        return super().path_mtu(spec, receiver) if link is None else self._paths.to(link.place.address, now)

    def largest(self, spec: TunnelSpec, receiver: NbmaPeer, mtu: int) -> int:
        link = self._link_to(spec, receiver) if spec.protected else None
        return super().largest(spec, receiver, mtu) if link is None else link.room(mtu) - gre_length(spec)

    def outer(
        self, spec: TunnelSpec, receiver: NbmaPeer, message: bytes, tos: int, *, df: bool = False
    ) -> Outer | None:
        if not spec.protected:
            return super().outer(spec, receiver, message, tos, df=df)
        link = self._link_to(spec, receiver)
        if link is None:
            self._count_drop("no_sa")
            return None
        if link.current.inner is not None:
            self._draw_identification()  # the packets of a seed stay the same
        is_sealed = self._protection.seal(link, message, tos, self._chassis.now)
        self._tell_events()
        if not is_sealed:
            return None  # already counted
        sealed = self._protection.sealed.pop()
        if self._chassis.sealed is not None:
            self._chassis.sealed(sealed.inside, sealed.packet)
        protocol, octets, remote = IpProtocol.ESP, sealed.packet, ip_address(sealed.remote)
        if sealed.port:
            protocol, octets = IpProtocol.UDP, udp.without_checksum(IKE_BEHIND_NAT, sealed.port, octets)
        packet = self._packet(spec.source, remote, protocol, octets, spec.ttl, tos, dont_fragment=df)
        return Outer(NbmaPeer(remote, link.number), packet)

    def _tell_events(self) -> None:
        if self._protection.events:
            events, self._protection.events = self._protection.events, []
            for event in events:
                self._report(event)

    def _link_to(self, spec: TunnelSpec, receiver: NbmaPeer) -> EspLink | None:
        local = self._sas.doors.number(spec.source, spec.front)
        if receiver.connection:
            link = self._sas.link(receiver.connection)
        else:
            link = self._sas.between(local, receiver.nbma.packed)
        if link is None or link.local != local or ip_address(link.place.address) in spec.barred:
            return None
        return link

    def _reached(self, tunnel: SimulatedTunnel, next_hop: IPAddress) -> NbmaPeer | None:
        neighbor = tunnel.neighbor(next_hop)
        if neighbor is None or not tunnel.spec.protected:
            return neighbor
        link = self._link_to(tunnel.spec, neighbor)
        return neighbor if link is None else NbmaPeer(ip_address(link.place.address), link.number)

    def return_keepalive(self, spec: TunnelSpec, sender: NbmaPeer, packet: bytes) -> None:
        if not spec.protected:
            super().return_keepalive(spec, sender, packet)
            return
        outer = self.outer(spec, sender, ip.parse(packet).payload, ip.peek_tos(packet))
        if outer is not None:
            self.send_outer(outer.receiver.nbma, outer.packet)

    # ------------------------------------------------------------------------------------------------ in

    def _is_ipsec(self, interface: str, header: Header | IpPacket, payload: bytes) -> bool:
        if header.destination not in self._served:
            return False
        if header.protocol == IpProtocol.ESP:
            self._open(PeerPlace(header.source.packed, 0), header, payload)
            return True
        ports = payload[:4]
        if len(payload) < udp.HEADER_LENGTH:
            return False
        port = int.from_bytes(ports[2:], "big")
        if port == IKE:
            self._hand_to_ike(interface, header, payload)
        elif port == IKE_BEHIND_NAT:
            self._take_from_nat_port(interface, header, payload)
        else:
            return False
        return True

    def _take_from_nat_port(self, interface: str, header: Header | IpPacket, payload: bytes) -> None:
        """Process IKE, ESP, or the one octet that keeps a translator's mapping alive (RFC 3948 §2.3)."""
        data = payload[udp.HEADER_LENGTH :]
        if data[:4] == NON_ESP_MARKER:
            self._hand_to_ike(interface, header, payload)
        elif len(data) > len(NON_ESP_MARKER):
            source = PeerPlace(header.source.packed, int.from_bytes(payload[:2], "big"))
            self._open(source, header, data)

    def _hand_to_ike(self, interface: str, header: Header | IpPacket, payload: bytes) -> None:
        self._report(
            IpReceived(
                interface=interface,
                source=header.source,
                destination=header.destination,
                protocol=IpProtocol.UDP,
                payload=payload,
                ttl=header.ttl,
                tos=header.tos,
                vrf=self.vrf,
            )
        )

    def _open(self, source: PeerPlace, header: Header | IpPacket, packet: bytes) -> None:
        """Decrypt ESP that came to an address of ours; header: the outer one."""
        door = self._sas.doors.number(header.destination, self.vrf)
        opened = self._protection.open(door, source, header.tos, packet, self._chassis.now)
        self._tell_events()
        if opened is not None:
            sender = NbmaPeer(ip_address(opened.nbma), opened.connection)
            self._decapsulate(sender, header.destination, opened.gre, opened.tos)

    def _may_come(self, tunnel: SimulatedTunnel, sender: NbmaPeer, local: IPAddress) -> bool:
        spec, is_sealed = tunnel.spec, bool(sender.connection)
        if spec.protected and not is_sealed:
            door = self._sas.doors.number(local, self.vrf)
            self._protection.refuse_clear(door, sender.nbma.packed, self._chassis.now)
            self._tell_events()
            return False
        if is_sealed and (not spec.protected or sender.nbma in spec.barred):
            self._count_drop("no_tunnel")
            return False
        return True
