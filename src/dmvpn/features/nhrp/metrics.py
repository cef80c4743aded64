"""NHRP in numbers: its packets, its cache, its servers, its direct paths, and its peers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from dmvpn.base.breath import gulping
from dmvpn.base.metrics import Bound, MetricRow
from dmvpn.base.shell import by_address
from dmvpn.base.values import collected
from dmvpn.features.nhrp.cache import Entry, EntryType, Flag, RouteState
from dmvpn.features.nhrp.client import NhsState
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.packet import PacketType
from dmvpn.features.nhrp.path import PathState
from dmvpn.features.nhrp.show.dmvpn import state_of
from dmvpn.features.nhrp.tunnel import Tunnel
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import measured

_TUNNEL: Final = ("interface", "ip_version")


def _tunnels(ctx: ShowContext) -> Iterator[tuple[Tunnel, tuple[str, str]]]:
    """Yield the tunnels with their labels."""
    for tunnel in ctx.machine(NhrpMachine).tunnels:
        yield tunnel, (tunnel.name, str(tunnel.version))


@measured("nhrp_packets", *_TUNNEL, "type")("""
    counter dmvpn_nhrp_sent_packets_total :: NHRP packets that this router made and sent.
    counter dmvpn_nhrp_received_packets_total :: NHRP packets that came and could be read.
    counter dmvpn_nhrp_forwarded_packets_total :: NHRP packets of other stations that went on into this tunnel.
    """)
def _packets(ctx: ShowContext) -> Iterator[MetricRow]:
    for tunnel, labels in _tunnels(ctx):
        kinds = (tunnel.counters.sent, tunnel.counters.received, tunnel.counters.forwarded)
        for kind in PacketType:
            yield (*labels, kind.name.lower(), *(counted.get(kind, 0) for counted in kinds))


@measured("nhrp_refused", *_TUNNEL, "reason")("""
    counter dmvpn_nhrp_refused_packets_total :: NHRP packets that were dropped, or answered with an error.
    """)
def _refused(ctx: ShowContext) -> Iterator[MetricRow]:
    for tunnel, labels in _tunnels(ctx):
        for why, count in tuple(tunnel.counters.refused.items()):
            yield (*labels, why.name.lower(), count)


@measured("nhrp_cache", *_TUNNEL, "type", "kind")("""
    gauge dmvpn_nhrp_cache_entries :: Entries of the NHRP cache by type; kind: local, registered (a client of this
        server), next_hop (another peer), or network (behind a peer).
    """)
def _cache(ctx: ShowContext) -> Iterator[MetricRow]:
    for tunnel, labels in _tunnels(ctx):
        found = Counter((entry.type, _kind(entry)) for entry in gulping(tunnel.cache.entries()))
        for kind in EntryType:
            for owner in ("local", "registered", "next_hop", "network"):
                if (kind, owner) in found or kind is EntryType.DYNAMIC:
                    yield (*labels, kind.value, owner, found[kind, owner])


def _kind(entry: Entry) -> str:
    if Flag.LOCAL in entry.flags:
        return "local"
    if Flag.REGISTERED in entry.flags:
        return "registered"
    return "next_hop" if entry.is_next_hop else "network"


@measured("nhrp_shortcuts", *_TUNNEL, "route")("""
    gauge dmvpn_nhrp_shortcuts :: Networks that NHRP routes to another spoke; route: own (a route of NHRP), or override
        (another protocol's next hop was replaced).
    """)
def _shortcuts(ctx: ShowContext) -> Iterator[MetricRow]:
    for tunnel, labels in _tunnels(ctx):
        found = Counter(entry.route for entry in gulping(tunnel.cache.entries()))
        yield (*labels, "own", found[RouteState.INSTALLED])
        yield (*labels, "override", found[RouteState.OVERRIDE])


@measured("nhrp_tunnels", *_TUNNEL)("""
    gauge dmvpn_nhrp_running :: 1 while NHRP runs on the tunnel.
    gauge dmvpn_nhrp_next_hops_by_server :: Next hops whose packets go through a server, not by a direct path.
    counter dmvpn_nhrp_redirects_suppressed_total :: Redirects that were not sent, because one was sent lately.
    counter dmvpn_nhrp_refused_orders_total :: Orders of NHRP that the host below refused.
    """)
def _tunnel_rows(ctx: ShowContext) -> Iterator[MetricRow]:
    for tunnel, labels in _tunnels(ctx):
        failed = sum(tunnel.counters.failed.values())
        yield (*labels, int(tunnel.running), len(tunnel.gleaned), tunnel.counters.redirects_suppressed, failed)


@measured("nhrp_servers", *_TUNNEL, "server", "nbma")("""
    gauge dmvpn_nhrp_server_up :: 1 while this next hop server has registered this router, 0 while it has not.
    gauge dmvpn_nhrp_server_wanted :: 0 while other servers of its cluster suffice.
    counter dmvpn_nhrp_server_requests_total :: Registration requests to this server.
    counter dmvpn_nhrp_server_failed_requests_total :: Registration requests without an answer.
    counter dmvpn_nhrp_server_replies_total :: Replies of this server to registration requests.
    """)
def _servers(ctx: ShowContext) -> Iterator[MetricRow]:
    for tunnel, labels in _tunnels(ctx):
        for client in tuple(tunnel.clients.values()):
            numbers = (client.requests_sent, client.requests_failed, client.replies_received)
            wanted = int(client.state is not NhsState.WAITING)
            yield (*labels, str(client.nhs), str(client.nbma or ""), int(client.is_responding), wanted, *numbers)


@measured("nhrp_paths", *_TUNNEL, "state")("""
    gauge dmvpn_nhrp_direct_paths :: Direct paths to other spokes by state; proven: packets take it.
    """)
def _paths(ctx: ShowContext) -> Iterator[MetricRow]:
    for tunnel, labels in _tunnels(ctx):
        found = Counter(path.state for path in gulping(tuple(tunnel.paths.values())))
        for state in PathState:
            yield (*labels, state.value, found[state])


@measured("peer_states", *_TUNNEL, "state")("""
    gauge dmvpn_peers :: Peers by state, as show dmvpn has it: UP, NHRP, IKE, IPSEC, INTF.
    """)
def _states(ctx: ShowContext) -> Iterator[MetricRow]:
    for tunnel, labels in _tunnels(ctx):
        found = Counter(state_of(tunnel, entry, ctx)[0] for entry in _peers_of(tunnel))
        for state in dict.fromkeys(("UP", "NHRP", *(("IKE",) if tunnel.protected else ()), *found)):
            yield (*labels, state, found[state])


@measured("peers", *_TUNNEL, "peer", "nbma", bound=Bound.PEERS)("""
    gauge dmvpn_peer_up :: 1 for a peer that show dmvpn shows as UP.
    gauge dmvpn_peer_state_seconds :: For how long the peer has been in its state; -1: it never changed.
    """)
def _peers(ctx: ShowContext) -> Iterator[MetricRow]:
    for tunnel, labels in _tunnels(ctx):
        name, version = labels
        for entry in _peers_of(tunnel):
            state, seconds = state_of(tunnel, entry, ctx)
            peer, nbma = str(entry.next_hop), str(entry.nbma or "")
            yield (name, version, peer, nbma, int(state == "UP"), -1 if seconds is None else round(seconds, 3))


def _peers_of(tunnel: Tunnel) -> Iterator[Entry]:
    """Yield the entries of peers, one for each tunnel address."""
    return (entry for entry in gulping(tunnel.cache.entries()) if entry.is_next_hop and not entry.is_local)


@measured("peer_traffic", "interface", "nbma", bound=Bound.PEERS)("""
    counter dmvpn_peer_sent_packets_total :: Packets that the tunnel sent to this NBMA address.
    counter dmvpn_peer_received_packets_total :: Packets that the tunnel received from this NBMA address.
    counter dmvpn_peer_sent_bytes_total :: Octets inside GRE that the tunnel sent to this NBMA address.
    counter dmvpn_peer_received_bytes_total :: Octets inside GRE that came from this NBMA address.
    """)
def _traffic(ctx: ShowContext) -> Iterator[MetricRow]:
    """Yield the counters of the plane, which counts for both IP versions together. Peers behind one NAT address share
    a row.
    """
    for name in dict.fromkeys(tunnel.name for tunnel in ctx.machine(NhrpMachine).tunnels):
        for peer in gulping(by_address(gulping(ctx.counting.usage(name))).values()):
            yield (name, str(peer.nbma), peer.sent, peer.received, peer.sent_octets, peer.received_octets)


METRICS: Final = collected(Measured, vars())
