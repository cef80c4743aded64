"""States of interfaces and neighbors, and why a neighbor is down."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.ospf.adjacency import INTERFACE_DOWN, ONE_WAY, RESET, SILENT
from dmvpn.features.ospf.neighbor import InterfaceState, NeighborState

_NEIGHBORS = words(WordKind.STATE, NeighborState, rank=17, sighting=r"^\d+\.\d+\.\d+\.\d+ +\d+   (\w+)/")("""
    ## states of a neighbor of OSPF :: show ip ospf neighbor [RFC 2328 §10.1] next: show ip ospf neighbor detail
    DOWN | DOWN (OSPF neighbor) :: Nothing has been heard from it for the dead interval.
    ATTEMPT :: It is configured with `neighbor`, is called, and has not answered yet. next: ping (its address)
    INIT :: Its Hello was heard, and does not name us: it does not hear ours.
        when: If it lasts: multicasts in one direction are lost, or the multicast map is missing.
        next: show ip nhrp multicast (on both)
    TWO_WAY :: Both hear each other, and no adjacency is wanted: on such a network each exchanges databases with the
        designated router and its backup alone.
    EX_START :: Who leads the exchange of databases is being agreed. [RFC 2328 §10.6]
        when: If it lasts, the two have different MTUs, or large unicasts are lost.
        next: show ip interface (ip mtu on both)
    EXCHANGE :: Both describe their databases.
        when: If it lasts, descriptions are lost: the MTU of the path is too small.
        next: ping (its address, size 1400 df-bit)
    LOADING :: Both databases are described; the LSAs that are missing here are being requested.
    FULL :: Both have the same database, and packets may take this way. The state to be in.
    """)
_ROLES = words(WordKind.STATE, rank=18, sighting=r"/(DROTHER|BDR|DR)\b|, State ([A-Z_]+)")(f"""
    ## roles on a network of OSPF :: show ip ospf neighbor, show ip ospf interface, show ip ospf interface brief
        [RFC 2328 §9.1]
        next: show ip ospf interface
    {InterfaceState.DOWN.value} | DOWN (OSPF interface) :: OSPF sends nothing here: the line is down.
    {InterfaceState.LOOPBACK.value} | LOOP :: A loopback: it is advertised as a host route and has no neighbors.
    {InterfaceState.WAITING.value} | WAIT :: The router listens for the dead interval before it takes part in an
        election.
    {InterfaceState.POINT_TO_POINT.value} | P2P :: A network with one neighbor and no election. The default for tunnels.
        when: With several spokes at a hub the adjacencies come and go: `ip ospf network point-to-multipoint`.
    {InterfaceState.POINT_TO_MULTIPOINT.value} | P2MP | POINT_TO_MULTIPOINT_NBMA :: Each pair of neighbors is a link of
        its own: the hub is the next hop from spoke to spoke.
    {InterfaceState.DR_OTHER.value} | DROTH :: Neither designated router nor its backup.
        when: Spokes should be this: `ip ospf priority 0`.
    {InterfaceState.BACKUP.value} :: The backup: adjacent with all, and takes over when the designated router goes.
    {InterfaceState.DESIGNATED.value} :: The designated router: adjacent with all, it speaks for the network. On a DMVPN
        it has to be the hub.
    BROADCAST :: A network type: all hear each other, and one router is elected to speak for all.
    NON_BROADCAST :: The same without multicasts: neighbors are configured.
    """)
_DOWN = words(WordKind.REASON, rank=36, sighting=r"%OSPF-5-ADJCHG: .* to (?:DOWN|INIT), (.+)$")(f"""
    ## why a neighbor of OSPF went down :: show logging next: show ip ospf neighbor
    {SILENT} :: No Hello came for the dead interval. [RFC 2328 §10.2]
        when: The link, the tunnel or IPsec is down, or the multicast map of the hub is missing.
        next: show dmvpn, show ip nhrp multicast
    {INTERFACE_DOWN} :: Our interface went down, or OSPF does not run there any more. next: show interfaces
    {RESET} :: A user typed `clear ip ospf process`, or another router took the place of this one on a point-to-point
        network.
        next: show ip ospf interface (network type)
    {ONE_WAY} :: Its Hello does not name us any more: it does not hear us, or has begun again.
    """)

GROUPS: Final = groups(vars())
