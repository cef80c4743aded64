"""Troubles of routing over the tunnels: of each protocol, of filters and summaries, and of networks and hosts.

A network may be announced by two, shadowed, or led astray; LANs, their ports and hosts belong to these.
"""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.findings import Cause
from dmvpn.features.bgp.config import instance as bgp_processes
from dmvpn.features.eigrp.config import interfaces as eigrp_ports
from dmvpn.features.eigrp.config import processes as eigrp_lines
from dmvpn.features.eigrp.config import sections
from dmvpn.features.eigrp.terms import WEIGHTS
from dmvpn.features.ospf import terms as ospf_terms
from dmvpn.features.ospf.config import interfaces as ospf_ports
from dmvpn.features.ospf.config import processes as ospf_lines
from dmvpn.features.policy.config import access_lists
from dmvpn.features.rip import config as rip_lines
from dmvpn.ios import Placeholder, common
from dmvpn.network.terms import bgp as bgp_terms
from dmvpn.network.terms import protocols as tables
from dmvpn.network.terms.protocols import EIGRP
from dmvpn.tools.troubles import model
from dmvpn.tools.troubles.model import EIGRP as EIGRP_PROCESS
from dmvpn.tools.troubles.model import (
    Command,
    Differ,
    Edit,
    Eigrp,
    Kill,
    Need,
    Rewrite,
    Role,
    Trouble,
    hub,
    spoke,
    word,
)
from dmvpn.tools.troubles.orders import renumbered, without_networks

# ------------------------------------------------------------------------------------------------ EIGRP


_NOT_OURS: Final = "not-ours"
_no_routes: Final = partial(
    Trouble, complaint="{spoke.name} does not reach the head office. Its tunnel is up, says monitoring."
)
_NEIGHBORS: Final = "It is registered, and no routes come. `show ip eigrp neighbors` at both ends."

ROUTING: Final = (
    _no_routes(
        id="eigrp-as",
        title="A spoke's EIGRP is in another autonomous system",
        acts=(Rewrite(Role.SPOKE, EIGRP_PROCESS, partial(renumbered, number=4711)),),
        hints=(
            _NEIGHBORS,
            "What has to be alike at both ends before EIGRP routers talk?",
            "The autonomous system is {hub.as}.",
        ),
        causes=(Cause.AUTONOMOUS_SYSTEM,),
        parts=(Role.SPOKE, Role.HUB),
    ),
    model.gone(
        id="lan-not-announced",
        title="A spoke does not advertise its LAN",
        acts=(Rewrite(Role.SPOKE, EIGRP_PROCESS, partial(without_networks, word="lan_address")),),
        hints=(
            "The router is up. Who knows where its LAN is?",
            "`show ip route {spoke.lan_network}` at {hub.name}, `show ip protocols` at {spoke.name}.",
            "A `network` statement for {spoke.lan_network} is missing at {spoke.name}.",
        ),
        causes=(Cause.NETWORK_STATEMENT,),
    ),
    _no_routes(
        id="tunnel-not-announced",
        title="A spoke runs no EIGRP on its tunnel",
        acts=(Rewrite(Role.SPOKE, EIGRP_PROCESS, partial(without_networks, word="tunnel_address")),),
        hints=(
            _NEIGHBORS,
            "`show ip eigrp interfaces` at {spoke.name}: which one is missing?",
            "A `network` statement for {spoke.tunnel_network} is missing at {spoke.name}.",
        ),
        causes=(Cause.NETWORK_STATEMENT,),
    ),
    Trouble(
        id="hub-tunnel-not-announced",
        title="The hub runs no EIGRP on its tunnel",
        acts=(Rewrite(Role.HUB, EIGRP_PROCESS, partial(without_networks, word="tunnel_address")),),
        complaint="The branches reach neither the head office nor each other. Their tunnels are up, says monitoring.",
        hints=(
            "All are registered, and no routes come.",
            "`show ip eigrp interfaces` at {hub.name}: which one is missing?",
            "A `network` statement for {hub.tunnel_network} is missing at {hub.name}.",
        ),
        causes=(Cause.NETWORK_STATEMENT,),
    ),
    _no_routes(
        id="passive-interface",
        title="A spoke's tunnel is a passive interface",
        acts=(
            Eigrp(
                Role.SPOKE,
                named=(eigrp_ports.AF_PASSIVE.line(),),
                classic=(
                    eigrp_lines.ROUTER_CLASSIC.line(number=word("eigrp")),
                    eigrp_lines.PASSIVE.line(name=word("tunnel")),
                ),
            ),
        ),
        hints=(
            _NEIGHBORS,
            "`show ip protocols` at {spoke.name}: where does EIGRP keep silent?",
            "{spoke.tunnel} is passive: `no passive-interface`.",
        ),
        causes=(Cause.PASSIVE_INTERFACE,),
    ),
    Trouble(
        id="split-horizon",
        title="Split horizon at the hub hides each spoke's routes from the other spokes",
        acts=(
            model.on_tunnel(Role.HUB, (sections.SPLIT_HORIZON, {})),
            Command(Role.HUB, ("clear ip eigrp neighbors",)),
            *model.FORGET,
        ),
        complaint="{spoke.name} and {other.name} do not reach each other. The head office reaches both.",
        hints=(
            "The hub has all routes. Does it pass them on?",
            "By which interface does a route come in at {hub.name}, and by which one would it go out?",
            "Split horizon has to be off on {hub.tunnel}.",
        ),
        causes=(Cause.SPLIT_HORIZON,),
        needs=(Need.ONE_HUB,),
    ),
    _no_routes(
        id="eigrp-authentication",
        title="A spoke's EIGRP requires authentication, the hub's has none",
        acts=(
            spoke(
                common.KEY_CHAIN.line(name="LESSON"),
                common.KEY.line(number=1),
                common.KEY_STRING.line(secret=_NOT_OURS),
            ),
            model.on_tunnel(Role.SPOKE, (sections.MODE, {}), (sections.CHAIN, {"chain": "LESSON"})),
        ),
        hints=(
            _NEIGHBORS,
            "Hellos arrive, and are not believed. `show running-config | section eigrp` at both ends.",
            "{spoke.name} authenticates EIGRP on {spoke.tunnel}, {hub.name} does not.",
        ),
        causes=(Cause.EIGRP_AUTHENTICATION,),
        parts=(Role.SPOKE, Role.HUB),
    ),
    Trouble(
        id="eigrp-timers",
        title="A spoke's hello interval is longer than its hold time",
        acts=(
            model.on_tunnel(
                Role.SPOKE, (sections.HELLO_INTERVAL, {"seconds": 60}), (sections.HOLD_TIME, {"seconds": 10})
            ),
        ),
        complaint="{spoke.name} works for a moment, then it is away for a minute, then it works again.",
        hints=(
            "It comes and goes. What does the log of {hub.name} say, and how regularly?",
            "How often does {spoke.name} say hello, and how long does the hub wait for it?",
            "The hello interval of {spoke.name} is longer than its hold time.",
        ),
        causes=(Cause.EIGRP_TIMERS,),
    ),
    _no_routes(
        id="eigrp-weights",
        title="A spoke's EIGRP has different K-values",
        acts=(Differ(Role.SPOKE, EIGRP, WEIGHTS),),
        needs=(Need.EIGRP,),
        hints=(
            _NEIGHBORS,
            "What has to be alike at both ends before EIGRP routers talk? The log says it.",
            "`metric weights` at {spoke.name} are not the hub's.",
        ),
    ),
    Trouble(
        id="hub-stub",
        title="The hub is an EIGRP stub: it advertises no learned routes",
        acts=(Eigrp(Role.HUB, address_family=(eigrp_lines.IN_FAMILY.stub.line(connected=True),)), *model.FORGET),
        complaint="{spoke.name} and {other.name} do not reach each other. The head office reaches both.",
        hints=(
            "The hub has all routes. Does it pass them on?",
            "`show ip eigrp neighbors detail` at {spoke.name}: what does the hub say of itself?",
            "`eigrp stub` belongs to spokes, not to {hub.name}.",
        ),
        causes=(Cause.HUB_STUB,),
        needs=(Need.ONE_HUB,),
    ),
    model.gone(
        id="spoke-stub",
        title="A spoke is an EIGRP stub that only receives: its LAN is not advertised",
        acts=(Eigrp(Role.SPOKE, address_family=(eigrp_lines.IN_FAMILY.stub.line(receive_only=True),)), *model.FORGET),
        hints=(
            "The router is up, and it has all routes. Who knows where its LAN is?",
            "`show ip eigrp neighbors detail` at {hub.name}: what does {spoke.name} say of itself?",
            "A stub that is to be reached advertises its networks: `eigrp stub connected summary` at {spoke.name}.",
        ),
        causes=(Cause.SPOKE_STUB,),
    ),
    Trouble(
        id="black-hole",
        title="A static route of a spoke to another one's LAN leads to Null0",
        acts=(spoke(model.route("other.lan_network", "other.lan_mask")),),
        complaint="{spoke.name} does not reach {other.name}. All other sites do.",
        hints=(
            "One pair is concerned. Trace it from both ends.",
            "`show ip route {other.lan_network}` at {spoke.name}: who says so?",
            "A static route to Null0 is better than what EIGRP knows. It has to go.",
        ),
        causes=(Cause.BLACK_HOLE,),
    ),
)


# ------------------------------------------------------------------------------------------- OSPF, BGP, RIP and filters


_lost: Final = partial(
    Trouble, complaint="{spoke.name} does not reach the other sites any more. Its tunnel is up, says monitoring."
)
_IS_NEIGHBOR: Final = "Is {hub.name} a neighbor of {spoke.name}, and does it say why not?"
_LIST: Final = (
    access_lists.ENTRY.line(name="LESSON", sequence=5, prefix=Placeholder("{lan_network}/{lan_length}"), deny=True),
)
_EIGRP_LISTS: Final = eigrp_lines.OF_TOPOLOGY.distribution.by_prefix_list
_LIST_OF_ALL: Final = (*_LIST, "ip prefix-list LESSON seq 10 permit 0.0.0.0/0 le 32")
_FILTERED: Final = (
    "Which routers have a route to the LAN of {spoke.name}, and which have none?",
    "`show ip prefix-list` at {spoke.name}: which routes does it let through?",
)
_TERMS: Final = "`show ip ospf interface {spoke.tunnel}` at both ends: what do they not agree on?"

OSPF: Final = (
    _lost(
        id="ospf-hello",
        title="The OSPF hello interval of a spoke's tunnel differs",
        acts=(Differ(Role.SPOKE, tables.OSPF, ospf_terms.TIMERS),),
        hints=(_IS_NEIGHBOR, _TERMS),
    ),
    _lost(
        id="ospf-area",
        title="The tunnel of a spoke is in a different OSPF area",
        acts=(Differ(Role.SPOKE, tables.OSPF, ospf_terms.AREA),),
        hints=(_IS_NEIGHBOR, _TERMS),
    ),
    _lost(
        id="ospf-authentication",
        title="The OSPF password of a spoke differs",
        acts=(Differ(Role.SPOKE, tables.OSPF, ospf_terms.AUTHENTICATION),),
        hints=(_IS_NEIGHBOR, "`show running-config interface {spoke.tunnel}` at both ends."),
    ),
    _lost(
        id="ospf-network-type",
        title="The OSPF network type of a spoke's tunnel differs",
        acts=(
            spoke(
                model.TUNNEL,
                ospf_ports.NETWORK.line(point_to_point=True),
                ospf_ports.HELLO_INTERVAL.line(seconds=10),
                ospf_ports.DEAD_INTERVAL.line(seconds=40),
            ),
        ),
        hints=("They are neighbors. Which role has each of them?", _TERMS),
        causes=(Cause.OSPF_NETWORK_TYPE, Cause.OSPF_TERMS),
        parts=(Role.SPOKE, Role.HUB),
        needs=(Need.OSPF,),
        noticed=False,
    ),
    _lost(
        id="ospf-passive",
        title="The tunnel of a spoke is passive in OSPF",
        acts=(spoke(model.OSPF, ospf_lines.PASSIVE.line(name=word("tunnel"))),),
        hints=(_IS_NEIGHBOR, "`show ip ospf interface {spoke.tunnel}` at {spoke.name}."),
        causes=(Cause.PASSIVE_INTERFACE,),
    ),
    Trouble(
        id="ospf-nobody-designated",
        title="The hub may not become designated router",
        acts=(hub(model.TUNNEL, ospf_ports.NETWORK.line(broadcast=True), ospf_ports.PRIORITY.line(priority=0)),),
        complaint="No branch reaches another one. All tunnels are up, says monitoring.",
        hints=("They are neighbors. Which one floods the LSAs of all?", "`show ip ospf neighbor` at {hub.name}."),
        causes=(Cause.OSPF_NETWORK_TYPE,),
        needs=(Need.OSPF, Need.ONE_HUB),
    ),
)

BGP: Final = (
    _lost(
        id="bgp-as",
        title="A spoke has the wrong remote AS for the hub",
        acts=(spoke(*model.of_hub(remote_as=64999)),),
        hints=(_IS_NEIGHBOR, "`show ip bgp neighbors` at {spoke.name}, and its log."),
        causes=(Cause.BGP_SYSTEM,),
        parts=(Role.SPOKE, Role.HUB),
    ),
    _lost(
        id="bgp-password",
        title="A spoke has a BGP password that the hub does not have",
        acts=(Differ(Role.SPOKE, bgp_terms.BGP, bgp_terms.PASSWORD), Command(Role.SPOKE, ("clear ip bgp *",))),
        hints=(_IS_NEIGHBOR, "`show running-config | section bgp` at both ends."),
    ),
    _lost(
        id="bgp-neighbor-shutdown",
        title="A spoke has shut its session with the hub down",
        acts=(spoke(*model.of_hub(shutdown=True)),),
        hints=(_IS_NEIGHBOR, "`show ip bgp summary` at {spoke.name}."),
        causes=(Cause.BGP_NEIGHBOR,),
    ),
    _lost(
        id="bgp-neighbor-missing",
        title="A spoke has no line for the hub in BGP",
        acts=(spoke(model.BGP, bgp_processes.NEIGHBOR.no(peer=word("hub.tunnel_address"))),),
        hints=(_IS_NEIGHBOR, "`show ip bgp summary` at {spoke.name}."),
        causes=(Cause.BGP_NEIGHBOR,),
        noticed=False,
    ),
    model.gone(
        id="bgp-lan-not-announced",
        title="BGP of a spoke does not advertise its LAN",
        acts=(
            spoke(model.BGP, bgp_processes.IN_ROUTER.network.no(address=word("lan_network"), mask=word("lan_mask"))),
        ),
        hints=("Which routers have a route to {spoke.lan_network}?", "`show ip bgp` at {spoke.name}: its own routes?"),
        causes=(Cause.NETWORK_STATEMENT,),
    ),
    model.gone(
        id="bgp-filter",
        title="A prefix list keeps BGP of a spoke from advertising its LAN",
        acts=(
            spoke(*_LIST_OF_ALL, *model.of_hub(list="LESSON", prefix_list=True, out=True)),
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
        acts=(spoke(model.RIP, rip_lines.VERSION.no(version=2)),),
        hints=("What does {spoke.name} hear of {hub.name}?", "`show ip protocols` at {spoke.name}."),
        causes=(Cause.RIP_BLOCKED,),
        noticed=False,
    ),
    model.gone(
        id="rip-passive",
        title="The tunnel of a spoke is passive in RIP",
        acts=(spoke(model.RIP, rip_lines.PASSIVE.line(interface=word("tunnel"))),),
        hints=("What does {hub.name} hear of {spoke.name}?", "`show ip protocols` at {spoke.name}."),
        causes=(Cause.PASSIVE_INTERFACE,),
        noticed=False,
    ),
    model.gone(
        id="rip-filter",
        title="A prefix list keeps RIP of a spoke from advertising its LAN",
        acts=(spoke(*_LIST_OF_ALL, model.RIP, rip_lines.DISTRIBUTION.by_prefix_list.line(list="LESSON", out=True)),),
        hints=_FILTERED,
        causes=(Cause.ROUTE_FILTERED,),
        noticed=False,
    ),
)

FILTERS: Final = (
    model.gone(
        id="eigrp-filter",
        title="A prefix list keeps EIGRP of a spoke from advertising its LAN",
        acts=(
            spoke(*_LIST_OF_ALL),
            Eigrp(Role.SPOKE, topology=(_EIGRP_LISTS.line(prefix=True, list="LESSON", out=True),)),
            *model.FORGET,
        ),
        hints=_FILTERED,
        causes=(Cause.ROUTE_FILTERED,),
    ),
    model.gone(
        id="hub-filter",
        title="A prefix list at the hub rejects the route to a spoke's LAN",
        acts=(
            hub(
                access_lists.ENTRY.line(
                    name="LESSON", sequence=5, prefix=Placeholder("{spoke.lan_network}/{spoke.lan_length}"), deny=True
                )
            ),
            hub(access_lists.ENTRY.line(name="LESSON", sequence=10, prefix="0.0.0.0/0", most=32, permit=True)),
            Eigrp(Role.HUB, topology=(_EIGRP_LISTS.line(prefix=True, list="LESSON", **{"in": True}),)),
            *model.FORGET,
        ),
        hints=(_FILTERED[0], "`show ip prefix-list` at {hub.name}: which routes does it let through?"),
        causes=(Cause.ROUTE_FILTERED,),
        needs=(Need.ONE_HUB,),
    ),
    Trouble(
        id="provider-dead",
        title="The provider's router is dead",
        acts=(Kill(Role.PROVIDER),),
        complaint="No branch reaches another one or the Internet.",
        hints=("Does the next router after yours answer?", "{provider.name} does not run."),
        causes=(Cause.ROUTER_DEAD,),
        needs=(Need.PROVIDER,),
    ),
)

PROTOCOLS_TROUBLES: Final = (*OSPF, *BGP, *RIP, *FILTERS)


# ------------------------------------------------------------------------------------------------ networks


_ASTRAY: Final = "Trace it from both ends. Who sends it where?"

PREFIXES: Final = (
    model.gone(
        id="lan-shutdown",
        title="The port of a spoke to its LAN is shut down",
        acts=(spoke(model.LAN, common.SHUTDOWN.line()),),
        hints=("The tunnel is well. What is behind it?", "`show ip interface brief` at {spoke.name}."),
        causes=(Cause.INTERFACE_SHUTDOWN,),
    ),
    model.gone(
        id="lan-address",
        title="A spoke's LAN address is not the gateway address of its hosts",
        acts=(spoke(model.LAN, model.address("nobody_in_lan", "lan_mask")),),
        hints=("{spoke.name} answers. Does the computer send anything to it?", "Which gateway has {spoke.host}?"),
        causes=(Cause.HOST_GATEWAY, Cause.WRONG_MASK),
    ),
    Trouble(
        id="host-taken",
        title="A spoke has an address of another one's LAN, and advertises it",
        acts=(
            spoke(model.LOOPBACK, model.address("other.host", model.HOST)),
            Eigrp(
                Role.SPOKE,
                address_family=(
                    eigrp_lines.IN_FAMILY.network.line(address=word("other.host"), wildcard=IPv4Address(0)),
                ),
            ),
            *model.FORGET,
        ),
        complaint="The computer {other.host} at {other.name} is offline, people say. Its neighbors are there.",
        hints=(_ASTRAY, "`show ip route {other.host}` at {hub.name}: whose is it?"),
        causes=(Cause.LAN_OVERLAP, Cause.ADDRESS_CONFLICT, Cause.NO_ROUTE_THERE),
        parts=(Role.SPOKE, Role.OTHER),
    ),
    Trouble(
        id="lan-shadowed",
        title="A spoke advertises half of another one's LAN",
        acts=(
            spoke(model.route("other.lan_network", "255.255.255.128")),
            Eigrp(Role.SPOKE, topology=(eigrp_lines.OF_TOPOLOGY.redistribute.line(static=True),)),
            *model.FORGET,
        ),
        complaint="Half of the computers at {other.name} are offline.",
        hints=(_ASTRAY, "`show ip route {other.host}` at {hub.name}: who says so?"),
        causes=(Cause.BLACK_HOLE, Cause.LAN_OVERLAP, Cause.NO_ROUTE_THERE),
    ),
    model.gone(
        id="hub-route-astray",
        title="A static route of the hub leads packets for one spoke to another one",
        acts=(hub(model.route("spoke.lan_network", "spoke.lan_mask", "other.tunnel_address")), *model.FORGET),
        hints=(_ASTRAY, "`show ip route {spoke.lan_network}` at {hub.name}: who says so?"),
        causes=(Cause.BLACK_HOLE, Cause.NO_ROUTE_THERE),
    ),
    model.gone(
        id="hub-black-hole",
        title="A static route of the hub to a spoke's LAN leads to Null0",
        acts=(hub(model.route("spoke.lan_network", "spoke.lan_mask")), *model.FORGET),
        hints=(_ASTRAY, "`show ip route {spoke.lan_network}` at {hub.name}: who says so?"),
        causes=(Cause.BLACK_HOLE,),
    ),
    Trouble(
        id="host-route-astray",
        title="A host route of a spoke to another one's computer has a next hop that no router has",
        acts=(spoke(model.route("other.host", "255.255.255.255", "nobody_in_tunnel")), *model.FORGET),
        complaint="{spoke.name} does not reach {other.host}. All other sites do.",
        hints=(_ASTRAY, "`show ip route {other.host}` at {spoke.name}: who says so?"),
        causes=(Cause.BLACK_HOLE, Cause.NO_ROUTE_THERE),
        noticed=False,
    ),
    Trouble(
        id="hub-passive",
        title="The hub's tunnel is passive",
        acts=(Eigrp(Role.HUB, named=(eigrp_ports.AF_PASSIVE.line(),)), *model.FORGET),
        complaint="No branch reaches another one. Their tunnels are up, says monitoring.",
        hints=("Who are the neighbors of {hub.name}?", "`show ip protocols` at {hub.name}."),
        causes=(Cause.PASSIVE_INTERFACE,),
        needs=(Need.ONE_HUB,),
    ),
    model.lost(
        id="server-is-self",
        title="A spoke is its own next hop server",
        acts=(model.registering("tunnel_address", "nbma"), Command(Role.HUB, ("clear ip nhrp",))),
        hints=("With whom does {spoke.name} register?", "`show ip nhrp nhs` at {spoke.name}: whose address is that?"),
        causes=(Cause.NHS_ADDRESS, Cause.NHS_NBMA, Cause.NHS_MISSING),
    ),
    Trouble(
        id="second-server-missing",
        title="A spoke has one server where all other spokes have two",
        acts=(
            Edit(
                Role.SPOKE,
                model.TUNNEL,
                remove=("ip nhrp nhs {hub.tunnel_address}", "ip nhrp map {hub.tunnel_address}"),
            ),
        ),
        complaint="No user complains. The hubs were to be tested next week, one after the other.",
        hints=("Compare `show ip nhrp nhs` of all branches.", "{hub.name} is not among the servers of {spoke.name}."),
        causes=(Cause.NHS_MISSING,),
        needs=(Need.TWO_HUBS,),
        noticed=False,
    ),
    Trouble(
        id="small-tunnel",
        title="The tunnel of a spoke has a small MTU",
        acts=(spoke(model.TUNNEL, common.IP_MTU.line(octets=600), common.ADJUST_MSS.line(octets=560)),),
        complaint="At {spoke.name} large files are slow.",
        hints=("Up to which size do packets pass in one piece?", "`show ip interface {spoke.tunnel}` at {spoke.name}."),
        causes=(Cause.MTU, Cause.MSS, Cause.PATH_MTU),
        noticed=False,
    ),
)
