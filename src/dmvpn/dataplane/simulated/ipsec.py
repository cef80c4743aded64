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
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.effects import InstallSa, MoveConnection, PollSas, RemoveSa, ServeIpsec, UseSa
from dmvpn.base.errors import UserError, WireError
from dmvpn.base.events import (
    ClearReceived,
    ConnectionHeard,
    ConnectionUnheard,
    IpReceived,
    SaWorn,
    UnknownSpi,
)
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.esp import PeerPlace
from dmvpn.dataplane.ike import IKE, IKE_BEHIND_NAT, NON_ESP_MARKER
from dmvpn.dataplane.simulated.gre import GreBox, gre_length
from dmvpn.dataplane.simulated.tunnels import NbmaPeer, Outer
from dmvpn.net import ecn, ip, udp
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol, Ipv4Packet
from dmvpn.net.octets import ip_address

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import Effect, TunnelSpec
    from dmvpn.dataplane.esp import EspLink, SaPair
    from dmvpn.dataplane.simulated.chassis import Chassis
    from dmvpn.dataplane.simulated.tunnels import SimulatedTunnel
    from dmvpn.net.ip import IpPacket
    from dmvpn.net.ipv4 import Header

#: Next header of a whole IP packet in ESP (tunnel mode), by IP version.
_WHOLE_PACKET = {4: 4, 6: 41}
#: Next header of a dummy packet, which is only counted, RFC 4303 §2.6.
_NOTHING = 59
#: SPI and sequence number.
_ESP_HEADER = 8
_MAX_PACKET = 0xFFFF


class _Inside(NamedTuple):
    """A GRE packet that came out of ESP. tos: outer TOS, for ECN."""

    message: bytes
    tos: int


class IpsecBox(GreBox):
    """A box whose tunnels may be protected."""

    def __init__(self, chassis: Chassis, vrf: str) -> None:
        super().__init__(chassis, vrf)
        self._sas = chassis.sas
        self._served: frozenset[IPAddress] = frozenset()
        self._alarms = chassis.alarms

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
        sealed = self._sealed(spec, link, message, tos)
        if sealed is None:
            return None  # already counted by its pair
        protocol, remote = IpProtocol.ESP, ip_address(link.place.address)
        if link.place.port:
            protocol, sealed = IpProtocol.UDP, udp.without_checksum(IKE_BEHIND_NAT, link.place.port, sealed)
        packet = self._packet(spec.source, remote, protocol, sealed, spec.ttl, tos, dont_fragment=df)
        return Outer(NbmaPeer(remote, link.number), packet)

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

    def _sealed(self, spec: TunnelSpec, link: EspLink, message: bytes, tos: int) -> bytes | None:
        pair, next_header = link.current, int(IpProtocol.GRE)
        if pair.inner is not None:
            if HEADER_LENGTH + len(message) > _MAX_PACKET:
                self._count_drop("malformed")
                return None
            source, destination = map(ip_address, pair.inner)
            message = self._packet(source, destination, IpProtocol.GRE, message, spec.ttl, tos)
            next_header = _WHOLE_PACKET[source.version]
        sealed = pair.seal(message, next_header)
        if sealed is not None and self._chassis.sealed is not None:
            self._chassis.sealed(message, sealed)
        self._watch_wear(pair)
        if sealed is not None and link.silence.sent(self._chassis.now):
            self._report(ConnectionUnheard(link.number))
        return sealed

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
        local, spi = header.destination, int.from_bytes(packet[:4], "big")
        found = self._sas.find(spi)
        if len(packet) < _ESP_HEADER:
            self._count_drop("malformed")
            return
        if found is None or found[0].local != self._sas.doors.number(local, self.vrf):
            self._count_drop("no_spi")
            if self._alarms.may_tell(("spi", self.vrf, local, source), self._chassis.now):
                self._report(UnknownSpi(local, ip_address(source.address), source.port, spi, self.vrf))
            return
        link, pair = found
        newest = pair.inbound.window.top
        opened = pair.open(packet)
        if opened is None:
            return  # already counted by the pair
        link.silence.ended()
        link.fragments.forget_old(self._chassis.now)
        self._watch_wear(pair)
        if pair.pending:
            link.use(pair)
        if pair.inbound.window.top > newest and link.heard(pair, source):
            self._report(ConnectionHeard(link.number, ip_address(source.address), source.port))
        payload, next_header = opened
        if next_header == _NOTHING:
            return
        try:
            inside = self._inside(link, pair, header.tos, payload, next_header)
        except WireError:
            self._count_drop("malformed")
            return
        if inside is not None:
            sender = NbmaPeer(ip_address(link.place.address), link.number)
            self._decapsulate(sender, local, inside.message, inside.tos)

    def _inside(self, link: EspLink, pair: SaPair, tos: int, payload: bytes, next_header: int) -> _Inside | None:
        """Return the decrypted GRE packet, or None: fragments are missing. tos: of the outer header.

        Raises WireError if it does not match the SA (RFC 4301 §5.2, step 4).
        """
        astray = WireError("a packet that its SA was not made for", offset=0, clause="RFC 4301 §5.2")
        if pair.inner is None:
            if next_header != IpProtocol.GRE:
                raise astray
            return _Inside(payload, tos)
        inner = ip.parse(payload)
        ours, theirs = pair.inner
        fits = (inner.source.packed, inner.destination.packed) == (theirs, ours)
        merged = ecn.merged(tos, inner.tos)
        if not fits or inner.protocol != IpProtocol.GRE or next_header != _WHOLE_PACKET[inner.source.version]:
            raise astray
        if merged is None:
            raise WireError("marked, and its sender would not understand", offset=1, clause="RFC 6040 §4.2")
        if not inner.is_fragment:
            return _Inside(inner.payload, merged)
        if not isinstance(inner, Ipv4Packet):
            raise astray
        whole = link.fragments.add(replace(inner, tos=merged), self._chassis.now)
        return None if whole is None else _Inside(whole.payload, whole.tos)

    def _may_come(self, tunnel: SimulatedTunnel, sender: NbmaPeer, local: IPAddress) -> bool:
        if tunnel.spec.protected and sender.connection and sender.nbma in tunnel.spec.barred:
            self._count_drop("no_tunnel")
            return False
        if tunnel.spec.protected == bool(sender.connection):
            return True
        self._count_drop("in_clear" if tunnel.spec.protected else "no_tunnel")
        if tunnel.spec.protected and self._alarms.may_tell(("clear", self.vrf, local, sender.nbma), self._chassis.now):
            self._report(ClearReceived(local, sender.nbma, self.vrf))
        return False

    def _watch_wear(self, pair: SaPair) -> None:
        if pair.wears_out():
            self._report(SaWorn(pair.spi_in))
