"""The path into a tunnel and out of it: NHRP's neighbor, GRE, the SA, the outer header; and the same in reverse.

in    MTU (done by `ground`) -> next hop -> NBMA address -> GRE, key -> SA -> outer header -> route -> wire
out   SPI -> SA -> GRE, key -> tunnel -> is it protected as it must be? -> arrive
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.errors import UserError
from dmvpn.base.protection import EspCipher, EspHash, EspTransform
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.net.ipv4 import HEADER_LENGTH
from dmvpn.tools.walk import wording
from dmvpn.tools.walk.ground import Ground, PacketOrigin
from dmvpn.tools.walk.packet import Packet, Wrapping
from dmvpn.tools.walk.values import Act, WalkEnd

if TYPE_CHECKING:
    from dmvpn.base.facts import Address
    from dmvpn.features.ipsec.facts import SaFacts
    from dmvpn.features.nhrp.facts import MappingFacts, ServerFacts
    from dmvpn.features.rib.facts import HopFacts
    from dmvpn.router.facts import TunnelFacts
    from dmvpn.tools.walk.view import Match


class NbmaPeer(NamedTuple):
    """Where packets for an overlay next hop go. connection: 0: in clear, or the newest there."""

    nbma: Address
    connection: int
    what: str
    because: str = ""


class Overlay(Ground):
    """One direction of a walk, tunnels and all."""

    # ------------------------------------------------------------------------------------------------ whom

    def _into_tunnel(self, router: str, tunnel: TunnelFacts, next_hop: Address, packet: Packet) -> WalkEnd:
        neighbor = self._neighbor(router, tunnel, next_hop)
        if neighbor is None:
            why = f"{next_hop} has not registered, and there is no next hop server to ask"
            return self._drop(router, packet, why, "host unreachable, after a second", clause="RFC 2332 §5.2.2")
        self._say(router, packet, Act.NEIGHBOR, neighbor.what, because=neighbor.because, clause="RFC 2332 §2.2")
        if tunnel.source is None:
            return self._drop(router, packet, f"{tunnel.name} has no source address")
        sa: SaFacts | None = None
        if tunnel.protection:
            sa = self.view.sa_towards(router, tunnel, neighbor.nbma, neighbor.connection)
            if sa is None:
                return self._drop(router, packet, _no_sa(tunnel, neighbor.nbma), clause="RFC 4301 §5.1")
        suite = suite_of(sa) if sa is not None else None
        wrapping = Wrapping(
            router, tunnel.name, tunnel.key, sa, suite, checksum=tunnel.checksum, sequence=tunnel.sequence
        )
        return self._wrap(router, tunnel, packet, wrapping, neighbor.nbma)

    def _neighbor(self, router: str, tunnel: TunnelFacts, next_hop: Address) -> NbmaPeer | None:
        if tunnel.destination is not None:
            return NbmaPeer(tunnel.destination, 0, f"point-to-point: everything goes to {tunnel.destination}")
        entry = _entry(tunnel, next_hop)
        for known, nbma, connection in tunnel.adjacencies:
            if known == next_hop:
                if next_hop in tunnel.by_server:
                    why = f"{wording.mapping(entry)}" if entry is not None else "nobody has answered yet"
                    what = f"NHRP: {next_hop} by the server for now, at {nbma}"
                    return NbmaPeer(nbma, connection, what, f"{why}; it is asked for meanwhile")
                why = wording.mapping(entry) if entry is not None else ""
                return NbmaPeer(nbma, connection, f"NHRP: {next_hop} is at {nbma}", why)
        return self._not_yet(router, tunnel, next_hop, entry)

    def _not_yet(
        self, router: str, tunnel: TunnelFacts, next_hop: Address, entry: MappingFacts | None
    ) -> NbmaPeer | None:
        """Return the neighbor that the data plane does not know yet, and for which NHRP will answer as soon as a packet
        asks.
        """
        if entry is not None and entry.kind == "static" and entry.nbma is not None:
            return NbmaPeer(entry.nbma, 0, f"NHRP: {next_hop} is at {entry.nbma}", wording.mapping(entry))
        server = _best_server(tunnel, next_hop)
        if server is None or server.nbma is None:
            return None
        what = f"NHRP: {next_hop} is not known; the first packets go by {server.address} at {server.nbma}"
        return NbmaPeer(server.nbma, 0, what, f"{router} sends a Resolution Request meanwhile")

    def _why_override(self, router: str, match: Match, override: HopFacts) -> str:
        entry = self._shortcut(router, match, override)
        return wording.mapping(entry) if entry is not None else ""

    def _shortcut(self, router: str, match: Match, override: HopFacts) -> MappingFacts | None:
        """Return the entry of that very prefix; one with the same next hop is a poorer answer: that hop has one of its
        own.
        """
        tunnel = self.view.tunnel(router, override.interface)
        entries = tunnel.mappings if tunnel is not None else ()
        exact = (entry for entry in entries if entry.target == match.route.prefix)
        near = (entry for entry in entries if entry.route and entry.next_hop == override.address)
        return next(chain(exact, near), None)

    # ------------------------------------------------------------------------------------------------ in

    def _wrap(self, router: str, tunnel: TunnelFacts, packet: Packet, wrapping: Wrapping, nbma: Address) -> WalkEnd:
        sa = wrapping.sa
        source, remote = tunnel.source or nbma, sa.remote if sa is not None else nbma
        df = tunnel.df == "set" or (tunnel.df == "copy" and packet.df and packet.destination.version == 4)
        outer = replace(packet.wrapped(wrapping, (source, remote), df=df), ttl=tunnel.ttl)
        limit = self._limit_towards(router, remote, tunnel.front)
        message = replace(outer, datagrams=tuple((size + wrapping.gre,) for size in packet.pieces))
        clause = "RFC 2784 §2.1" if tunnel.key is None and not tunnel.sequence else "RFC 2890 §2"
        room = None if limit is None else wrapping.largest(limit) + wrapping.gre  # what ESP and UDP take is gone, too
        what = f"GRE, {wording.header(wrapping)}: {wrapping.gre} octets"
        self._say(router, message, Act.GRE, what, limit=room, clause=clause)
        if sa is not None:
            self._seal(router, outer, packet, wrapping, limit)
        within = "GRE" if sa is None else "ESP in UDP" if wrapping.udp else "ESP"
        what = f"IPv4 {source} > {remote}, {within}, {'DF set' if df else 'DF clear'}"
        self._say(router, outer, Act.OUTER, what, limit=limit)
        return self._send_outer(router, outer, tunnel.front)

    def _seal(self, router: str, outer: Packet, packet: Packet, wrapping: Wrapping, limit: int | None) -> None:
        sa, suite = wrapping.sa, wrapping.suite
        if sa is None or suite is None:
            return
        sealed = replace(outer, datagrams=tuple((size - HEADER_LENGTH - wrapping.udp,) for size in outer.pieces))
        added = wrapping.sealing(packet.octets) + wrapping.inner_header
        parts = f"8 + IV {suite.iv} + padding {wrapping.padding(packet.octets)} + 2 + ICV {suite.icv}"
        inner = f" + IP header {wrapping.inner_header}" if wrapping.inner_header else ""
        what = f"ESP, SPI 0x{sa.spi_out:08X}, {wording.transform(sa)}: {added} octets"
        because = f"{parts}{inner}; connection {sa.connection}"
        room = None if limit is None else limit - HEADER_LENGTH - wrapping.udp
        self._say(router, sealed, Act.ESP, what, because=because, limit=room, clause="RFC 4303 §2")
        if wrapping.udp:
            within = replace(outer, datagrams=tuple((size - HEADER_LENGTH,) for size in outer.pieces))
            room = None if limit is None else limit - HEADER_LENGTH
            what = f"UDP, port {outer.ports[0]} to {outer.ports[1]}: {wrapping.udp} octets"
            self._say(router, within, Act.UDP, what, limit=room, clause="RFC 3948 §2.1")

    def _limit_towards(self, router: str, address: Address, front: str) -> int | None:
        """Return the MTU of the port that packets to an NBMA address leave by."""
        match = self.view.match(router, address, front)
        interface = self.view.interface(router, match.hops[0].interface) if match is not None and match.hops else None
        return interface.ip_mtu if interface is not None else None

    def _send_outer(self, router: str, outer: Packet, front: str) -> WalkEnd:
        """Send an outer packet. Without a route the encapsulating router drops it silently: the sender of the inner
        packet did nothing wrong.
        """
        match = self.view.match(router, outer.destination, front)
        if match is None:
            return self._drop(router, outer, f"no route to {outer.destination}")
        recursive = any(self.view.tunnel(router, hop.interface) is not None for hop in match.hops)
        if not recursive and not match.route.drops:
            return self._route(router, outer, vrf=front)
        self._say(router, outer, Act.ROUTE, wording.route(match.route), because=wording.why_this_route(match))
        if recursive:
            why = f"the route to {outer.destination} leads into a tunnel: recursive routing"
        else:
            why = f"the route to {match.route.prefix} leads nowhere"
        return self._drop(router, outer, why)

    # ------------------------------------------------------------------------------------------------ out

    def _out_of_tunnel(self, router: str, packet: Packet, front: str) -> WalkEnd:
        wrapping, inner = packet.wrapping, packet.inner
        if wrapping is None or inner is None:
            return self._done(router, packet)
        nbma, connection = packet.source, 0
        if wrapping.sa is not None:
            sa = self.view.sa_of(router, packet.destination, front, wrapping.sa.spi_out)
            spi = f"0x{wrapping.sa.spi_out:08X}"
            if sa is None:
                return self._drop(router, packet, f"{router} has no SA with SPI {spi}", clause="RFC 4301 §5.2")
            nbma, connection = sa.remote, sa.connection
            what = f"ESP opens: SPI {spi} is of connection {connection} with {nbma}"
            self._say(router, packet, Act.OPEN, what, clause="RFC 4301 §5.2")
        tunnel = self._tunnel_of(router, (packet.destination, front), nbma, wrapping.key)
        if tunnel is None:
            return self._drop(router, packet, self._why_no_tunnel(router, (packet.destination, front), wrapping.key))
        if bool(tunnel.protection) != bool(connection):
            how = "in clear, and its tunnel takes only ESP" if tunnel.protection else "in ESP, and its tunnel has none"
            return self._drop(router, packet, f"it came {how} ({tunnel.name})", clause="RFC 4301 §5.2")
        interface = self.view.interface(router, tunnel.name)
        if interface is None or not interface.line:
            reason = interface.reason if interface is not None else tunnel.reason
            return self._drop(router, packet, f"{tunnel.name} is down: {reason}")
        what = f"out of {tunnel.name}: GRE with {wording.key(wrapping.key)} from {nbma}, TTL {inner.ttl}"
        self._say(router, inner, Act.OPEN, what, clause="RFC 2784 §2.4")
        return self.arrive(router, tunnel.name, inner, PacketOrigin(tunnel.name, nbma, connection))

    def _tunnel_of(
        self, router: str, ours: tuple[Address, str], remote: Address, key: int | None
    ) -> TunnelFacts | None:
        """Return the tunnel as received GRE is sorted: a point-to-point one to that address comes before a multipoint
        one.

        ours: the address that the packet came to, and its VRF.
        """
        facts = self.view.router(router)
        fitting = [
            tunnel
            for tunnel in (facts.tunnels if facts is not None else ())
            if (tunnel.source, tunnel.front) == ours and tunnel.key == key and tunnel.enabled
        ]
        exact = [tunnel for tunnel in fitting if tunnel.destination == remote]
        return next(iter([*exact, *(tunnel for tunnel in fitting if tunnel.destination is None)]), None)

    def _why_no_tunnel(self, router: str, ours: tuple[Address, str], key: int | None) -> str:
        facts, (local, front) = self.view.router(router), ours
        tunnels = facts.tunnels if facts is not None else ()
        there = [tunnel for tunnel in tunnels if (tunnel.source, tunnel.front) == ours]
        if not there:
            where = f" in VRF {front}" if front else ""
            return f"{router} has no tunnel with the source {local}{where}"
        known = " and ".join(f"{tunnel.name} has {wording.key(tunnel.key)}" for tunnel in there)
        if any(tunnel.key == key for tunnel in there):
            return f"no tunnel of {router} takes it: {known}, for another far end, or is shut"
        return f"no tunnel of {router} has {wording.key(key)}: {known}"

    def _watch_hairpin(self, router: str, leaves: str, next_hop: Address, sender: PacketOrigin, packet: Packet) -> None:
        came, goes = self.view.tunnel(router, sender.tunnel), self.view.tunnel(router, leaves)
        if came is None or goes is None or came.network_id is None or came.network_id != goes.network_id:
            return
        neighbor = self._neighbor(router, goes, next_hop)
        if neighbor is not None and self._reached(router, goes, neighbor) == (sender.nbma, sender.connection):
            return  # what goes back to where it came from is no detour
        if came.redirects:
            what = f"goes back into NHRP network {came.network_id}: a redirect goes to {sender.nbma}, once in a while"
        else:
            what = f"goes back into NHRP network {came.network_id}: nobody is told, for there is no ip nhrp redirect"
        self._say(router, packet, Act.REDIRECT, what)

    def _reached(self, router: str, tunnel: TunnelFacts, neighbor: NbmaPeer) -> tuple[Address, int]:
        """Return the neighbor's address and connection as in packets from it: with protection, those of the SA."""
        if not tunnel.protection or tunnel.source is None:
            return neighbor.nbma, neighbor.connection
        sa = self.view.sa_towards(router, tunnel, neighbor.nbma, neighbor.connection)
        return (sa.remote, sa.connection) if sa is not None else (neighbor.nbma, neighbor.connection)


def _entry(tunnel: TunnelFacts, next_hop: Address) -> MappingFacts | None:
    """Return the host entry of the NHRP cache for a next hop."""
    for entry in tunnel.mappings:
        if entry.target.prefixlen == next_hop.max_prefixlen and entry.target.network_address == next_hop:
            return entry
    return None


def _best_server(tunnel: TunnelFacts, next_hop: Address) -> ServerFacts | None:
    known = [server for server in tunnel.servers if server.address is not None and server.nbma is not None]
    fitting = [server for server in known if server.address is not None and server.address.version == next_hop.version]
    best = min(fitting, key=lambda server: not server.responding, default=None)
    return None if best is None or best.address == next_hop else best


def _no_sa(tunnel: TunnelFacts, nbma: Address) -> str:
    reason = next((peer.reason for peer in tunnel.unsecured if peer.nbma == nbma), "")
    return f"no SA with {nbma}" + (f": {reason}" if reason else "")


def suite_of(sa: SaFacts) -> EspSuite:
    """Return the lengths of an SA's algorithms: "aes-gcm 256", "aes-cbc 128 sha256"."""
    cipher, bits, *hashes = sa.transform.lower().split()
    try:
        chosen = EspTransform(EspCipher(cipher), int(bits), EspHash(hashes[0]) if hashes else None)
    except ValueError as error:
        raise UserError(f"this program does not know the transform {sa.transform!r}") from error
    return EspSuite.of(chosen)
