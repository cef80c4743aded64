"""Troubles of OSPF, BGP and RIP, and of what filters and summaries do to any protocol."""

from __future__ import annotations

from typing import Final

from dmvpn.tools.causes import Cause
from dmvpn.tools.troubles.acts import Command, Configure, Eigrp, Kill, Part
from dmvpn.tools.troubles.trouble import Need, Trouble

_LOST: Final = "Nobody at {spoke.name} reaches the others any more. Its tunnel is up, says monitoring."
_TUNNEL: Final = "interface {tunnel}"
_NEIGHBORS: Final = "Is {hub.name} a neighbor of {spoke.name}, and does it say why not?"
_FORGET: Final = (Command(Part.SPOKE, ("clear ip nhrp",)), Command(Part.OTHER, ("clear ip nhrp",)))
_LIST: Final = ("ip prefix-list LESSON seq 5 deny {lan_network}/{lan_length}",)
_LIST_OF_ALL: Final = (*_LIST, "ip prefix-list LESSON seq 10 permit 0.0.0.0/0 le 32")
_FILTERED: Final = (
    "Who has a route to the LAN of {spoke.name}, and who has none?",
    "`show ip prefix-list` at {spoke.name}: which routes does it let through?",
)
_TERMS: Final = "`show ip ospf interface {spoke.tunnel}` at both ends: what do they not agree on?"

OSPF: Final = (
    Trouble(
        id="ospf-hello",
        title="OSPF says Hello at other times on a spoke's tunnel",
        acts=(Configure(Part.SPOKE, (_TUNNEL, "ip ospf hello-interval 7", "ip ospf dead-interval 28")),),
        complaint=_LOST,
        hints=(_NEIGHBORS, _TERMS),
        cause=Cause.OSPF_TERMS,
        parts=(Part.SPOKE, Part.HUB),
        needs=(Need.OSPF,),
    ),
    Trouble(
        id="ospf-area",
        title="The tunnel of a spoke is in another area",
        acts=(Configure(Part.SPOKE, (_TUNNEL, "ip ospf {ospf} area 5")),),
        complaint=_LOST,
        hints=(_NEIGHBORS, _TERMS),
        cause=Cause.OSPF_TERMS,
        parts=(Part.SPOKE, Part.HUB),
        needs=(Need.OSPF,),
    ),
    Trouble(
        id="ospf-authentication",
        title="OSPF of a spoke has another password",
        acts=(
            Configure(
                Part.SPOKE,
                (_TUNNEL, "ip ospf authentication message-digest", "ip ospf message-digest-key 1 md5 NotOurs1"),
            ),
        ),
        complaint=_LOST,
        hints=(_NEIGHBORS, "`show running-config interface {spoke.tunnel}` at both ends."),
        cause=Cause.OSPF_AUTHENTICATION,
        parts=(Part.SPOKE, Part.HUB),
        needs=(Need.OSPF,),
    ),
    Trouble(
        id="ospf-network-type",
        title="OSPF takes the tunnel of a spoke for a network of another type",
        acts=(
            Configure(
                Part.SPOKE,
                (_TUNNEL, "ip ospf network point-to-point", "ip ospf hello-interval 10", "ip ospf dead-interval 40"),
            ),
        ),
        complaint=_LOST,
        hints=("They are neighbors. What are they to each other?", _TERMS),
        cause=Cause.OSPF_NETWORK_TYPE,
        parts=(Part.SPOKE, Part.HUB),
        also=(Cause.OSPF_TERMS,),
        needs=(Need.OSPF,),
        noticed=False,
    ),
    Trouble(
        id="ospf-passive",
        title="The tunnel of a spoke is passive in OSPF",
        acts=(Configure(Part.SPOKE, ("router ospf {ospf}", "passive-interface {tunnel}")),),
        complaint=_LOST,
        hints=(_NEIGHBORS, "`show ip ospf interface {spoke.tunnel}` at {spoke.name}."),
        cause=Cause.PASSIVE_INTERFACE,
        needs=(Need.OSPF,),
    ),
    Trouble(
        id="ospf-nobody-designated",
        title="The hub may not become designated router",
        acts=(Configure(Part.HUB, (_TUNNEL, "ip ospf network broadcast", "ip ospf priority 0")),),
        complaint="No branch reaches another one. All tunnels are up, says monitoring.",
        hints=("They are neighbors. Who collects and tells what they know?", "`show ip ospf neighbor` at {hub.name}."),
        cause=Cause.OSPF_NETWORK_TYPE,
        parts=(Part.HUB,),
        needs=(Need.OSPF, Need.ONE_HUB),
    ),
)

BGP: Final = (
    Trouble(
        id="bgp-as",
        title="A spoke expects another autonomous system of the hub",
        acts=(Configure(Part.SPOKE, ("router bgp {bgp}", "neighbor {hub.tunnel_address} remote-as 64999")),),
        complaint=_LOST,
        hints=(_NEIGHBORS, "`show ip bgp neighbors` at {spoke.name}, and its log."),
        cause=Cause.BGP_SYSTEM,
        parts=(Part.SPOKE, Part.HUB),
        needs=(Need.BGP,),
    ),
    Trouble(
        id="bgp-password",
        title="A spoke has a BGP password that the hub does not have",
        acts=(
            Configure(Part.SPOKE, ("router bgp {bgp}", "neighbor {hub.tunnel_address} password NotOurs1")),
            Command(Part.SPOKE, ("clear ip bgp *",)),
        ),
        complaint=_LOST,
        hints=(_NEIGHBORS, "`show running-config | section bgp` at both ends."),
        cause=Cause.BGP_PASSWORD,
        parts=(Part.SPOKE, Part.HUB),
        needs=(Need.BGP,),
    ),
    Trouble(
        id="bgp-neighbor-shutdown",
        title="A spoke has shut its session with the hub down",
        acts=(Configure(Part.SPOKE, ("router bgp {bgp}", "neighbor {hub.tunnel_address} shutdown")),),
        complaint=_LOST,
        hints=(_NEIGHBORS, "`show ip bgp summary` at {spoke.name}."),
        cause=Cause.BGP_NEIGHBOR,
        needs=(Need.BGP,),
    ),
    Trouble(
        id="bgp-neighbor-missing",
        title="A spoke has no line for the hub in BGP",
        acts=(Configure(Part.SPOKE, ("router bgp {bgp}", "no neighbor {hub.tunnel_address}")),),
        complaint=_LOST,
        hints=(_NEIGHBORS, "`show ip bgp summary` at {spoke.name}."),
        cause=Cause.BGP_NEIGHBOR,
        needs=(Need.BGP,),
        noticed=False,
    ),
    Trouble(
        id="bgp-lan-not-announced",
        title="BGP of a spoke does not tell of its LAN",
        acts=(Configure(Part.SPOKE, ("router bgp {bgp}", "no network {lan_network} mask {lan_mask}")),),
        complaint="Nobody reaches the computers at {spoke.name} any more.",
        hints=("Who has a route to {spoke.lan_network}?", "`show ip bgp` at {spoke.name}: what is its own?"),
        cause=Cause.NETWORK_STATEMENT,
        needs=(Need.BGP,),
    ),
    Trouble(
        id="bgp-filter",
        title="A prefix list keeps BGP of a spoke from telling of its LAN",
        acts=(
            Configure(
                Part.SPOKE,
                (*_LIST_OF_ALL, "router bgp {bgp}", "neighbor {hub.tunnel_address} prefix-list LESSON out"),
            ),
            Command(Part.SPOKE, ("clear ip bgp * soft",)),
        ),
        complaint="Nobody reaches the computers at {spoke.name} any more.",
        hints=_FILTERED,
        cause=Cause.ROUTE_FILTERED,
        needs=(Need.BGP, Need.ONE_HUB),
    ),
)

RIP: Final = (
    Trouble(
        id="rip-version",
        title="A spoke speaks RIP version 1",
        acts=(Configure(Part.SPOKE, ("router rip", "no version 2")),),
        complaint=_LOST,
        hints=("What does {spoke.name} hear of {hub.name}?", "`show ip protocols` at {spoke.name}."),
        cause=Cause.RIP_BLOCKED,
        needs=(Need.RIP,),
        noticed=False,
    ),
    Trouble(
        id="rip-passive",
        title="The tunnel of a spoke is passive in RIP",
        acts=(Configure(Part.SPOKE, ("router rip", "passive-interface {tunnel}")),),
        complaint="Nobody reaches the computers at {spoke.name} any more.",
        hints=("What does {hub.name} hear of {spoke.name}?", "`show ip protocols` at {spoke.name}."),
        cause=Cause.PASSIVE_INTERFACE,
        needs=(Need.RIP,),
        noticed=False,
    ),
    Trouble(
        id="rip-filter",
        title="A prefix list keeps RIP of a spoke from telling of its LAN",
        acts=(Configure(Part.SPOKE, (*_LIST_OF_ALL, "router rip", "distribute-list prefix LESSON out")),),
        complaint="Nobody reaches the computers at {spoke.name} any more.",
        hints=_FILTERED,
        cause=Cause.ROUTE_FILTERED,
        needs=(Need.RIP,),
        noticed=False,
    ),
)

FILTERS: Final = (
    Trouble(
        id="eigrp-filter",
        title="A prefix list keeps EIGRP of a spoke from telling of its LAN",
        acts=(
            Configure(Part.SPOKE, _LIST_OF_ALL),
            Eigrp(Part.SPOKE, topology=("distribute-list prefix LESSON out",)),
            *_FORGET,
        ),
        complaint="Nobody reaches the computers at {spoke.name} any more.",
        hints=_FILTERED,
        cause=Cause.ROUTE_FILTERED,
        needs=(Need.EIGRP,),
    ),
    Trouble(
        id="hub-filter",
        title="A prefix list keeps the hub from believing what a spoke says of its LAN",
        acts=(
            Configure(Part.HUB, ("ip prefix-list LESSON seq 5 deny {spoke.lan_network}/{spoke.lan_length}",)),
            Configure(Part.HUB, ("ip prefix-list LESSON seq 10 permit 0.0.0.0/0 le 32",)),
            Eigrp(Part.HUB, topology=("distribute-list prefix LESSON in",)),
            *_FORGET,
        ),
        complaint="Nobody reaches the computers at {spoke.name} any more.",
        hints=(_FILTERED[0], "`show ip prefix-list` at {hub.name}: which routes does it let through?"),
        cause=Cause.ROUTE_FILTERED,
        parts=(Part.HUB,),
        needs=(Need.EIGRP, Need.ONE_HUB),
    ),
    Trouble(
        id="provider-dead",
        title="The provider's router is dead",
        acts=(Kill(Part.PROVIDER),),
        complaint="No branch reaches another one, and nobody reaches the Internet.",
        hints=("Does the next router after yours answer?", "{provider.name} does not run."),
        cause=Cause.ROUTER_DEAD,
        parts=(Part.PROVIDER,),
        needs=(Need.PROVIDER,),
    ),
)

PROTOCOLS_TROUBLES: Final = (*OSPF, *BGP, *RIP, *FILTERS)
