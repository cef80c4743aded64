"""Troubles of OSPF, BGP and RIP, and of what filters and summaries do to any protocol."""

from __future__ import annotations

from functools import partial
from typing import Final

from dmvpn.base.causes import Cause
from dmvpn.features.bgp.config import processes as bgp_processes
from dmvpn.features.eigrp.config import processes as eigrp_lines
from dmvpn.features.ospf import terms as ospf_terms
from dmvpn.features.ospf.config import interfaces as ospf_ports
from dmvpn.features.ospf.config import processes as ospf_lines
from dmvpn.features.policy.config import prefix_lists
from dmvpn.features.rip import config as rip_lines
from dmvpn.ios import Placeholder
from dmvpn.network.terms import bgp as bgp_terms
from dmvpn.network.terms import protocols as tables
from dmvpn.tools.troubles import pieces
from dmvpn.tools.troubles.acts import Command, Differ, Eigrp, Kill, Role, hub, spoke, word
from dmvpn.tools.troubles.trouble import Need, Trouble

_lost: Final = partial(
    Trouble, complaint="Nobody at {spoke.name} reaches the others any more. Its tunnel is up, says monitoring."
)
_NEIGHBORS: Final = "Is {hub.name} a neighbor of {spoke.name}, and does it say why not?"
_LIST: Final = (
    prefix_lists.ENTRY.of(name="LESSON", sequence=5, prefix=Placeholder("{lan_network}/{lan_length}"), deny=True),
)
_EIGRP_LISTS: Final = eigrp_lines.OF_TOPOLOGY.distribution.by_prefix_list
_LIST_OF_ALL: Final = (*_LIST, "ip prefix-list LESSON seq 10 permit 0.0.0.0/0 le 32")
_FILTERED: Final = (
    "Who has a route to the LAN of {spoke.name}, and who has none?",
    "`show ip prefix-list` at {spoke.name}: which routes does it let through?",
)
_TERMS: Final = "`show ip ospf interface {spoke.tunnel}` at both ends: what do they not agree on?"

OSPF: Final = (
    _lost(
        id="ospf-hello",
        title="OSPF says Hello at other times on a spoke's tunnel",
        acts=(Differ(Role.SPOKE, tables.OSPF, ospf_terms.TIMERS),),
        hints=(_NEIGHBORS, _TERMS),
    ),
    _lost(
        id="ospf-area",
        title="The tunnel of a spoke is in another area",
        acts=(Differ(Role.SPOKE, tables.OSPF, ospf_terms.AREA),),
        hints=(_NEIGHBORS, _TERMS),
    ),
    _lost(
        id="ospf-authentication",
        title="OSPF of a spoke has another password",
        acts=(Differ(Role.SPOKE, tables.OSPF, ospf_terms.AUTHENTICATION),),
        hints=(_NEIGHBORS, "`show running-config interface {spoke.tunnel}` at both ends."),
    ),
    _lost(
        id="ospf-network-type",
        title="OSPF takes the tunnel of a spoke for a network of another type",
        acts=(
            spoke(
                pieces.TUNNEL,
                ospf_ports.NETWORK.of(point_to_point=True),
                ospf_ports.HELLO_INTERVAL.of(seconds=10),
                ospf_ports.DEAD_INTERVAL.of(seconds=40),
            ),
        ),
        hints=("They are neighbors. What are they to each other?", _TERMS),
        causes=(Cause.OSPF_NETWORK_TYPE, Cause.OSPF_TERMS),
        parts=(Role.SPOKE, Role.HUB),
        needs=(Need.OSPF,),
        noticed=False,
    ),
    _lost(
        id="ospf-passive",
        title="The tunnel of a spoke is passive in OSPF",
        acts=(spoke(pieces.OSPF, ospf_lines.PASSIVE.of(name=word("tunnel"))),),
        hints=(_NEIGHBORS, "`show ip ospf interface {spoke.tunnel}` at {spoke.name}."),
        causes=(Cause.PASSIVE_INTERFACE,),
    ),
    Trouble(
        id="ospf-nobody-designated",
        title="The hub may not become designated router",
        acts=(hub(pieces.TUNNEL, ospf_ports.NETWORK.of(broadcast=True), ospf_ports.PRIORITY.of(priority=0)),),
        complaint="No branch reaches another one. All tunnels are up, says monitoring.",
        hints=("They are neighbors. Who collects and tells what they know?", "`show ip ospf neighbor` at {hub.name}."),
        causes=(Cause.OSPF_NETWORK_TYPE,),
        needs=(Need.OSPF, Need.ONE_HUB),
    ),
)

BGP: Final = (
    _lost(
        id="bgp-as",
        title="A spoke expects another autonomous system of the hub",
        acts=(spoke(*pieces.of_hub(remote_as=64999)),),
        hints=(_NEIGHBORS, "`show ip bgp neighbors` at {spoke.name}, and its log."),
        causes=(Cause.BGP_SYSTEM,),
        parts=(Role.SPOKE, Role.HUB),
    ),
    _lost(
        id="bgp-password",
        title="A spoke has a BGP password that the hub does not have",
        acts=(Differ(Role.SPOKE, bgp_terms.BGP, bgp_terms.PASSWORD), Command(Role.SPOKE, ("clear ip bgp *",))),
        hints=(_NEIGHBORS, "`show running-config | section bgp` at both ends."),
    ),
    _lost(
        id="bgp-neighbor-shutdown",
        title="A spoke has shut its session with the hub down",
        acts=(spoke(*pieces.of_hub(shutdown=True)),),
        hints=(_NEIGHBORS, "`show ip bgp summary` at {spoke.name}."),
        causes=(Cause.BGP_NEIGHBOR,),
    ),
    _lost(
        id="bgp-neighbor-missing",
        title="A spoke has no line for the hub in BGP",
        acts=(spoke(pieces.BGP, bgp_processes.NEIGHBOR.no(peer=word("hub.tunnel_address"))),),
        hints=(_NEIGHBORS, "`show ip bgp summary` at {spoke.name}."),
        causes=(Cause.BGP_NEIGHBOR,),
        noticed=False,
    ),
    pieces.gone(
        id="bgp-lan-not-announced",
        title="BGP of a spoke does not tell of its LAN",
        acts=(
            spoke(pieces.BGP, bgp_processes.IN_ROUTER.network.no(address=word("lan_network"), mask=word("lan_mask"))),
        ),
        hints=("Who has a route to {spoke.lan_network}?", "`show ip bgp` at {spoke.name}: what is its own?"),
        causes=(Cause.NETWORK_STATEMENT,),
    ),
    pieces.gone(
        id="bgp-filter",
        title="A prefix list keeps BGP of a spoke from telling of its LAN",
        acts=(
            spoke(*_LIST_OF_ALL, *pieces.of_hub(list="LESSON", prefix_list=True, out=True)),
            Command(Role.SPOKE, ("clear ip bgp * soft",)),
        ),
        hints=_FILTERED,
        causes=(Cause.ROUTE_FILTERED,),
        needs=(Need.ONE_HUB,),
    ),
)

RIP: Final = (
    _lost(
        id="rip-version",
        title="A spoke speaks RIP version 1",
        acts=(spoke(pieces.RIP, rip_lines.VERSION.no(version=2)),),
        hints=("What does {spoke.name} hear of {hub.name}?", "`show ip protocols` at {spoke.name}."),
        causes=(Cause.RIP_BLOCKED,),
        noticed=False,
    ),
    pieces.gone(
        id="rip-passive",
        title="The tunnel of a spoke is passive in RIP",
        acts=(spoke(pieces.RIP, rip_lines.PASSIVE.of(interface=word("tunnel"))),),
        hints=("What does {hub.name} hear of {spoke.name}?", "`show ip protocols` at {spoke.name}."),
        causes=(Cause.PASSIVE_INTERFACE,),
        noticed=False,
    ),
    pieces.gone(
        id="rip-filter",
        title="A prefix list keeps RIP of a spoke from telling of its LAN",
        acts=(spoke(*_LIST_OF_ALL, pieces.RIP, rip_lines.DISTRIBUTION.by_prefix_list.of(list="LESSON", out=True)),),
        hints=_FILTERED,
        causes=(Cause.ROUTE_FILTERED,),
        noticed=False,
    ),
)

FILTERS: Final = (
    pieces.gone(
        id="eigrp-filter",
        title="A prefix list keeps EIGRP of a spoke from telling of its LAN",
        acts=(
            spoke(*_LIST_OF_ALL),
            Eigrp(Role.SPOKE, topology=(_EIGRP_LISTS.of(list="LESSON", out=True),)),
            *pieces.FORGET,
        ),
        hints=_FILTERED,
        causes=(Cause.ROUTE_FILTERED,),
    ),
    pieces.gone(
        id="hub-filter",
        title="A prefix list keeps the hub from believing what a spoke says of its LAN",
        acts=(
            hub(
                prefix_lists.ENTRY.of(
                    name="LESSON", sequence=5, prefix=Placeholder("{spoke.lan_network}/{spoke.lan_length}"), deny=True
                )
            ),
            hub(prefix_lists.ENTRY.of(name="LESSON", sequence=10, prefix="0.0.0.0/0", most=32, permit=True)),
            Eigrp(Role.HUB, topology=(_EIGRP_LISTS.of(list="LESSON", **{"in": True}),)),
            *pieces.FORGET,
        ),
        hints=(_FILTERED[0], "`show ip prefix-list` at {hub.name}: which routes does it let through?"),
        causes=(Cause.ROUTE_FILTERED,),
        needs=(Need.ONE_HUB,),
    ),
    Trouble(
        id="provider-dead",
        title="The provider's router is dead",
        acts=(Kill(Role.PROVIDER),),
        complaint="No branch reaches another one, and nobody reaches the Internet.",
        hints=("Does the next router after yours answer?", "{provider.name} does not run."),
        causes=(Cause.ROUTER_DEAD,),
        needs=(Need.PROVIDER,),
    ),
)

PROTOCOLS_TROUBLES: Final = (*OSPF, *BGP, *RIP, *FILTERS)
