"""IPsec in numbers: pairs of addresses that are to be protected, their SAs, and what each connection carried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from operator import add, attrgetter
from typing import Final

from dmvpn.base.breath import gulping
from dmvpn.base.metrics import Bound, MetricRow
from dmvpn.base.values import collected
from dmvpn.features.ipsec.associations import SaStanding
from dmvpn.features.ipsec.machine import IpsecMachine
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import measured

_numbers: Final = attrgetter("sent_octets", "received_octets", "sent", "received", "replayed", "broken", "unsent")
_NOTHING: Final = (0,) * 7


@measured("ipsec_pairs", "interface", "state")("""
    gauge dmvpn_ipsec_peers :: Peers that a tunnel wants protected, or that are; state: secured, ipsec, ike, or intf
        (nothing is there).
    """)
def _pairs(ctx: ShowContext) -> Iterator[MetricRow]:
    found = Counter(ctx.machine(IpsecMachine).phases())
    for tunnel in ctx.ports.tunnels.all():
        if tunnel.protection:
            for state in ("secured", "ipsec", "ike", "intf"):
                yield (tunnel.name, state, found[tunnel.name, state])


@measured("ipsec_sas", "state")("""
    gauge dmvpn_ipsec_sas :: Pairs of SAs; state: active, lingering (it waits for late packets), or refused (by the host
        below).
    """)
def _sas(ctx: ShowContext) -> Iterator[MetricRow]:
    found = Counter(each.standing for each in gulping(ctx.machine(IpsecMachine).associations))
    for standing in SaStanding:
        yield (standing.value, found[standing])


@measured("ipsec_peers", "peer", "port", "front_vrf", bound=Bound.PEERS)("""
    counter dmvpn_ipsec_peer_sent_bytes_total :: Payload that was sent to the peer in ESP.
    counter dmvpn_ipsec_peer_received_bytes_total :: Payload that came from the peer in ESP.
    counter dmvpn_ipsec_peer_sent_packets_total :: Packets that were sent to the peer in ESP.
    counter dmvpn_ipsec_peer_received_packets_total :: Packets that came from the peer in ESP.
    counter dmvpn_ipsec_peer_replayed_packets_total :: ESP of the peer that was too old, or had come before.
    counter dmvpn_ipsec_peer_broken_packets_total :: ESP of the peer that did not open.
    counter dmvpn_ipsec_peer_unsent_packets_total :: Packets to the peer that a limit or the host refused.
    """)
def _traffic(ctx: ShowContext) -> Iterator[MetricRow]:
    """Yield a row for each address and port of peers: what all its pairs of SAs carried, those before them included."""
    counted = ctx.counting.sas_counted()
    counts = {} if counted is None else {count.spi_in: count for count in gulping(counted.counts)}
    associations = ctx.machine(IpsecMachine).associations
    found: dict[tuple[str, str, str], tuple[int, ...]] = {}
    for connection in gulping(associations.everything()):
        labels = str(connection.remote), str(connection.remote_port or ""), connection.front
        sums, carried = found.get(labels, _NOTHING), associations.carried(connection.number)
        if carried is not None:
            sums = tuple(map(add, sums, _numbers(carried)))
        for each in associations.connection_sas(connection.number):
            count = counts.get(each.spi, each.count)
            if count is not None:
                numbers = _numbers(count)
                sums = numbers if sums is _NOTHING else tuple(map(add, sums, numbers))
        found[labels] = sums
    for labels, numbers in gulping(tuple(found.items())):
        yield (*labels, *numbers)


METRICS: Final = collected(Measured, vars())
