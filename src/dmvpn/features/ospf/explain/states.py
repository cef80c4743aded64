"""States of interfaces and neighbors, and why a neighbor is down."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordGroup, WordKind, words
from dmvpn.features.ospf.adjacency import INTERFACE_DOWN, ONE_WAY, RESET, SILENT
from dmvpn.features.ospf.states import InterfaceState, NeighborState

_N, _I = NeighborState, InterfaceState

_NEIGHBORS = WordGroup(
    title="states of a neighbor of OSPF",
    kind=WordKind.STATE,
    screens=("show ip ospf neighbor",),
    rank=17,
    next="show ip ospf neighbor detail",
    clause="RFC 2328 §10.1",
    sighting=r"^\d+\.\d+\.\d+\.\d+ +\d+   (\w+)/",
    explanations=words(f"""
        {_N.DOWN.value} | DOWN (OSPF neighbor) :: Nothing has been heard from it for the dead interval.
        {_N.ATTEMPT.value} :: It is configured with `neighbor`, is called, and has not answered yet.
            next: ping (its address)
        {_N.INIT.value} :: Its Hello was heard, and does not name us: it does not hear ours.
            when: If it lasts: multicasts in one direction are lost, or the multicast map is missing.
            next: show ip nhrp multicast (on both)
        {_N.TWO_WAY.value} :: Both hear each other, and no adjacency is wanted: on such a network each exchanges
            databases with the designated router and its backup alone.
        {_N.EX_START.value} :: Who leads the exchange of databases is being agreed. [RFC 2328 §10.6]
            when: If it lasts, the two have different MTUs, or large unicasts are lost.
            next: show ip interface (ip mtu on both)
        {_N.EXCHANGE.value} :: Both describe their databases.
            when: If it lasts, descriptions are lost: the MTU of the path is too small.
            next: ping (its address, size 1400 df-bit)
        {_N.LOADING.value} :: Both databases are described; the LSAs that are missing here are being requested.
        {_N.FULL.value} :: Both have the same database, and packets may take this way. The state to be in.
        """),
)
_ROLES = WordGroup(
    title="roles on a network of OSPF",
    kind=WordKind.STATE,
    screens=("show ip ospf neighbor", "show ip ospf interface", "show ip ospf interface brief"),
    rank=18,
    next="show ip ospf interface",
    clause="RFC 2328 §9.1",
    sighting=r"/(DROTHER|BDR|DR)\b|, State ([A-Z_]+)",
    explanations=words(f"""
        {_I.DOWN.value} | DOWN (OSPF interface) :: OSPF sends nothing here: the line is down.
        {_I.LOOPBACK.value} | LOOP :: A loopback: it is advertised as a host route and has no neighbors.
        {_I.WAITING.value} | WAIT :: The router listens for the dead interval before it takes part in an election.
        {_I.POINT_TO_POINT.value} | P2P :: A network with one neighbor and no election. The default for tunnels.
            when: With several spokes at a hub the adjacencies come and go: `ip ospf network point-to-multipoint`.
        {_I.POINT_TO_MULTIPOINT.value} | P2MP | POINT_TO_MULTIPOINT_NBMA :: Each pair of neighbors is a link of its own:
            the hub is the next hop from spoke to spoke.
        {_I.DR_OTHER.value} | DROTH :: Neither designated router nor its backup.
            when: Spokes should be this: `ip ospf priority 0`.
        {_I.BACKUP.value} :: The backup: adjacent with all, and takes over when the designated router goes.
        {_I.DESIGNATED.value} :: The designated router: adjacent with all, it speaks for the network. On a DMVPN it has
            to be the hub.
        BROADCAST :: A network type: all hear each other, and one router is elected to speak for all.
        NON_BROADCAST :: The same without multicasts: neighbors are configured.
        """),
)
_DOWN = WordGroup(
    title="why a neighbor of OSPF went down",
    kind=WordKind.REASON,
    screens=("show logging",),
    rank=36,
    lines=True,
    next="show ip ospf neighbor",
    sighting=r"%OSPF-5-ADJCHG: .* to (?:DOWN|INIT), (.+)$",
    explanations=words(f"""
        {SILENT} :: No Hello came for the dead interval. [RFC 2328 §10.2]
            when: The link, the tunnel or IPsec is down, or the multicast map of the hub is missing.
            next: show dmvpn, show ip nhrp multicast
        {INTERFACE_DOWN} :: Our interface went down, or OSPF does not run there any more. next: show interfaces
        {RESET} :: A user typed `clear ip ospf process`, or another router took the place of this one on a
            point-to-point network.
            next: show ip ospf interface (network type)
        {ONE_WAY} :: Its Hello does not name us any more: it does not hear us, or has begun again.
        """),
)
GROUPS: Final = (_NEIGHBORS, _ROLES, _DOWN)
