"""BGP in numbers: its neighbors by state, its messages, and the prefixes of each neighbor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from dmvpn.base.breath import breathing
from dmvpn.base.metrics import NEIGHBORS, ROUTING_PACKETS, Bound, MetricRow
from dmvpn.base.values import collected
from dmvpn.features.bgp.neighbor import Neighbor
from dmvpn.features.bgp.show.common import process
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import filling, measured

_KINDS: Final = {
    "open": "opens",
    "update": "updates",
    "notification": "notifications",
    "keepalive": "keepalives",
    "route_refresh": "refreshes",
}


def _known(ctx: ShowContext) -> tuple[str, tuple[Neighbor, ...]]:
    """Return the number of the process and its neighbors; none if BGP is not configured."""
    machine = process(ctx)
    return ("", ()) if machine is None else (str(machine.config.local_as), tuple(machine.neighbors.values()))


@filling(NEIGHBORS)
def _neighbors(ctx: ShowContext) -> Iterator[MetricRow]:
    name, peers = _known(ctx)
    for state, count in Counter(peer.state for peer in breathing(peers)).items():
        yield ("bgp", name, "", state, count)


@filling(ROUTING_PACKETS)
def _packets(ctx: ShowContext) -> Iterator[MetricRow]:
    name, peers = _known(ctx)
    sums = {kind: [0, 0] for kind in _KINDS}
    for peer in breathing(peers):
        for kind, field in _KINDS.items():
            counted: list[int] = getattr(peer.counts, field)
            sums[kind][0] += counted[0]
            sums[kind][1] += counted[1]
    for kind, (sent, received) in sums.items() if name else ():
        yield ("bgp", name, kind, sent, received)


@measured("bgp_peers", "process", "neighbor", bound=Bound.PEERS)("""
    gauge dmvpn_bgp_neighbor_up :: 1 while the session is established.
    gauge dmvpn_bgp_neighbor_accepted_prefixes :: Prefixes of the neighbor that filters let in.
    counter dmvpn_bgp_neighbor_sent_messages_total :: Messages to the neighbor.
    counter dmvpn_bgp_neighbor_received_messages_total :: Messages of the neighbor.
    counter dmvpn_bgp_neighbor_established_total :: How often the session was established.
    counter dmvpn_bgp_neighbor_lost_total :: How often the session was lost.
    """)
def _peers(ctx: ShowContext) -> Iterator[MetricRow]:
    name, peers = _known(ctx)
    for peer in breathing(peers):
        yield (
            name,
            str(peer.address),
            int(peer.session is not None),
            sum(one.accepted for one in peer.peers.values()),
            peer.counts.total(received=False),
            peer.counts.total(received=True),
            peer.established,
            peer.dropped,
        )


METRICS: Final = collected(Measured, vars())
