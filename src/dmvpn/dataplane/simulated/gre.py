"""GRE in the simulated box: what leaves by a tunnel is put into it, what comes in it is taken out.

A packet for a next hop without adjacency waits here until `SetAdjacency` lets it go, or `tick` gives it up.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.effects import GRE_NHRP, GRE_OF, RouteKind
from dmvpn.base.errors import WireError
from dmvpn.base.events import KeepaliveReceived, NhrpReceived, Unresolved
from dmvpn.dataplane.contract import RESOLUTION_TIMEOUT, UNRESOLVED_NEXT_HOPS, WAITING_PACKETS, EffectError
from dmvpn.dataplane.simulated.box import IpBox
from dmvpn.dataplane.simulated.tunnels import Tunnel, Waiting
from dmvpn.net import gre, ip
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL, IpProtocol, peek_plain

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import Effect, SendGre, SendKeepalive


class GreBox(IpBox):
    """A box with tunnels."""

    def _emit_tunnel(self, tunnel: Tunnel, next_hop: IPAddress, data: bytes) -> None:
        carried = GRE_OF[next_hop.version]
        if next_hop.is_multicast or self._table.port(tunnel.spec.name).is_broadcast(next_hop):
            everybody = tunnel.multicast.get(next_hop.version, ())
            receivers = everybody if tunnel.spec.destination is None else (tunnel.spec.destination,)
            self._encapsulate(tunnel, receivers, carried, data)
            return
        neighbour = tunnel.neighbour(next_hop)
        if neighbour is not None:
            self._encapsulate(tunnel, (neighbour,), carried, data)
            return
        waiting = tunnel.waiting.get(next_hop)
        if waiting is None and len(tunnel.waiting) >= UNRESOLVED_NEXT_HOPS:
            self._count("unresolved")
        elif waiting is None:
            tunnel.waiting[next_hop] = Waiting(self.now, [data])
            self._deadlines.set((tunnel.spec.name, next_hop), self.now + RESOLUTION_TIMEOUT)
            self._report(Unresolved(tunnel.spec.name, next_hop))
        elif len(waiting.packets) < WAITING_PACKETS:
            waiting.packets.append(data)

    def _encapsulate(
        self, tunnel: Tunnel, receivers: tuple[IPAddress, ...], protocol: int, payload: bytes, tos: int | None = None
    ) -> None:
        """Send a packet to these NBMA addresses: the GRE packet is made once, an outer header for each of them."""
        spec, port = tunnel.spec, self._table.port(tunnel.spec.name)
        message = gre.header_of(protocol, spec.key).serialize(payload)
        tos = ip.peek_tos(payload) if tos is None else tos
        for nbma in receivers:
            tunnel.sent[nbma] = tunnel.sent.get(nbma, 0) + 1
            port.count_sent(len(payload))
            self._send_outer(nbma, self._packet(spec.source, nbma, IpProtocol.GRE, message, spec.ttl, tos))

    def _send_outer(self, nbma: IPAddress, outer: bytes) -> None:
        hop = self._table.choose(nbma, outer)
        # A way to the far end that leads through a tunnel would encapsulate for ever; the tunnel feature says so aloud.
        if isinstance(hop, RouteKind) or hop.interface in self._tunnels.by_name:
            self._count("no_route")
            return
        self._emit(hop.interface, hop.address or nbma, outer)

    def _decapsulate(self, nbma: IPAddress, local: IPAddress, message: bytes) -> None:
        """Open the GRE packet that came from `nbma` to our address `local`."""
        try:
            header, start = gre.GreHeader.parse(message)
        except WireError:
            self._gre_drops = replace(self._gre_drops, malformed=self._gre_drops.malformed + 1)
            return
        tunnel = self._tunnels.demultiplex(local, nbma, header.key)
        if tunnel is None or not self._table.port(tunnel.spec.name).up:
            self._gre_drops = replace(self._gre_drops, no_tunnel=self._gre_drops.no_tunnel + 1)
            return
        name = tunnel.spec.name
        tunnel.received[nbma] = tunnel.received.get(nbma, 0) + 1
        payload = message[start:]
        self._table.port(name).count_received(len(payload))
        if header.protocol_type == GRE_NHRP:
            self._report(NhrpReceived(name, nbma, payload))
        elif header.protocol_type == gre.ProtocolType.KEEPALIVE:
            self._report(KeepaliveReceived(name))
        elif not self._take_inner(name, (nbma, local), header.protocol_type, payload):
            self._gre_drops = replace(self._gre_drops, not_ipv4=self._gre_drops.not_ipv4 + 1)

    def _take_inner(self, tunnel: str, outer: tuple[IPAddress, IPAddress], protocol: int, payload: bytes) -> bool:
        """What was in GRE; False if it is no IP packet of the version that GRE's protocol type says.

        outer: source and destination of the packet that carried it.
        """
        if protocol == gre.ProtocolType.IPV4 and self._table.port(tunnel).running:
            header = peek_plain(payload)
            if header is not None and self._overheard(tunnel, header, payload):
                return True
        try:
            inner = ip.parse(payload)
        except WireError:
            return False
        if GRE_OF[inner.source.version] != protocol:
            return False
        if inner.protocol == IpProtocol.GRE and (inner.destination, inner.source) == outer:
            # The neighbour's keepalive goes back though our own line is down: else two could never come up again.
            self._send_outer(outer[0], payload)
        elif self._table.port(tunnel).running:
            self._take(tunnel, inner, outer[0])
        return True

    def _send_gre(self, effect: SendGre) -> None:
        tunnel = self._tunnel(effect, effect.tunnel)
        self._encapsulate(tunnel, (effect.nbma,), effect.protocol, effect.payload, effect.tos)

    def _send_keepalive(self, effect: SendKeepalive) -> None:
        spec = self._tunnel(effect, effect.tunnel).spec
        if not isinstance(spec.source, IPv4Address) or not isinstance(spec.destination, IPv4Address):
            raise EffectError(effect, 97, "keepalives are for point-to-point tunnels over IPv4")
        message = gre.keepalive(spec.source, spec.destination, key=spec.key)
        outer = self._packet(spec.source, spec.destination, IpProtocol.GRE, message, spec.ttl, TOS_INTERNETWORK_CONTROL)
        self._send_outer(spec.destination, outer)

    def _tunnel(self, effect: Effect, name: str) -> Tunnel:
        tunnel = self._tunnels.by_name.get(name)
        if tunnel is None:
            raise EffectError(effect, 19, f"no tunnel {name}")
        return tunnel
