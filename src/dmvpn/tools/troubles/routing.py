"""Troubles of routing over the tunnels: of each protocol, of filters and summaries, and of networks and hosts.

A network may be announced by two, shadowed, or led astray; LANs, their ports and hosts belong to these.
"""

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
    hub,
    spoke,
    with_story,
    word,
)
from dmvpn.tools.troubles.orders import renumbered, without_networks

# ------------------------------------------------------------------------------------------------ EIGRP


_NOT_OURS: Final = "not-ours"
_no_routes: Final = partial(
    with_story, complaint="{spoke.name} does not reach the head office. Its tunnel is up, says monitoring."
)
_NEIGHBORS: Final = "It is registered, and no routes come. `show ip eigrp neighbors` at both ends."

ROUTING: Final = (
    _no_routes(
        Rewrite(Role.SPOKE, EIGRP_PROCESS, partial(renumbered, number=4711)),
        Cause.AUTONOMOUS_SYSTEM,
        parts=(Role.SPOKE, Role.HUB),
    )(f"""
        eigrp-as: A spoke's EIGRP is in another autonomous system
        {_NEIGHBORS}
        What has to be alike at both ends before EIGRP routers talk?
        The autonomous system is {{hub.as}}.
        """),
    model.gone(
        Rewrite(Role.SPOKE, EIGRP_PROCESS, partial(without_networks, word="lan_address")), Cause.NETWORK_STATEMENT
    )("""
        lan-not-announced: A spoke does not advertise its LAN
        The router is up. Who knows where its LAN is?
        `show ip route {spoke.lan_network}` at {hub.name}, `show ip protocols` at {spoke.name}.
        A `network` statement for {spoke.lan_network} is missing at {spoke.name}.
        """),
    _no_routes(
        Rewrite(Role.SPOKE, EIGRP_PROCESS, partial(without_networks, word="tunnel_address")), Cause.NETWORK_STATEMENT
    )(f"""
        tunnel-not-announced: A spoke runs no EIGRP on its tunnel
        {_NEIGHBORS}
        `show ip eigrp interfaces` at {{spoke.name}}: which one is missing?
        A `network` statement for {{spoke.tunnel_network}} is missing at {{spoke.name}}.
        """),
    with_story(
        Rewrite(Role.HUB, EIGRP_PROCESS, partial(without_networks, word="tunnel_address")), Cause.NETWORK_STATEMENT
    )("""
        hub-tunnel-not-announced: The hub runs no EIGRP on its tunnel
        says: The branches reach neither the head office nor each other. Their tunnels are up, says monitoring.
        All are registered, and no routes come.
        `show ip eigrp interfaces` at {hub.name}: which one is missing?
        A `network` statement for {hub.tunnel_network} is missing at {hub.name}.
        """),
    _no_routes(
        Eigrp(
            Role.SPOKE,
            named=(eigrp_ports.AF_PASSIVE.line(),),
            classic=(
                eigrp_lines.ROUTER_CLASSIC.line(number=word("eigrp")),
                eigrp_lines.PASSIVE.line(name=word("tunnel")),
            ),
        ),
        Cause.PASSIVE_INTERFACE,
    )(f"""
        passive-interface: A spoke's tunnel is a passive interface
        {_NEIGHBORS}
        `show ip protocols` at {{spoke.name}}: where does EIGRP keep silent?
        {{spoke.tunnel}} is passive: `no passive-interface`.
        """),
    with_story(
        model.on_tunnel(Role.HUB, (sections.SPLIT_HORIZON, {})),
        Command(Role.HUB, ("clear ip eigrp neighbors",)),
        *model.FORGET,
        Cause.SPLIT_HORIZON,
        needs=(Need.ONE_HUB,),
    )("""
        split-horizon: Split horizon at the hub hides each spoke's routes from the other spokes
        says: {spoke.name} and {other.name} do not reach each other. The head office reaches both.
        The hub has all routes. Does it pass them on?
        By which interface does a route come in at {hub.name}, and by which one would it go out?
        Split horizon has to be off on {hub.tunnel}.
        """),
    _no_routes(
        spoke(
            common.KEY_CHAIN.line(name="LESSON"), common.KEY.line(number=1), common.KEY_STRING.line(secret=_NOT_OURS)
        ),
        model.on_tunnel(Role.SPOKE, (sections.MODE, {}), (sections.CHAIN, {"chain": "LESSON"})),
        Cause.EIGRP_AUTHENTICATION,
        parts=(Role.SPOKE, Role.HUB),
    )(f"""
        eigrp-authentication: A spoke's EIGRP requires authentication, the hub's has none
        {_NEIGHBORS}
        Hellos arrive, and are not believed. `show running-config | section eigrp` at both ends.
        {{spoke.name}} authenticates EIGRP on {{spoke.tunnel}}, {{hub.name}} does not.
        """),
    with_story(
        model.on_tunnel(Role.SPOKE, (sections.HELLO_INTERVAL, {"seconds": 60}), (sections.HOLD_TIME, {"seconds": 10})),
        Cause.EIGRP_TIMERS,
    )("""
        eigrp-timers: A spoke's hello interval is longer than its hold time
        says: {spoke.name} works for a moment, then it is away for a minute, then it works again.
        It comes and goes. What does the log of {hub.name} say, and how regularly?
        How often does {spoke.name} say hello, and how long does the hub wait for it?
        The hello interval of {spoke.name} is longer than its hold time.
        """),
    _no_routes(Differ(Role.SPOKE, EIGRP, WEIGHTS), needs=(Need.EIGRP,))(f"""
        eigrp-weights: A spoke's EIGRP has different K-values
        {_NEIGHBORS}
        What has to be alike at both ends before EIGRP routers talk? The log says it.
        `metric weights` at {{spoke.name}} are not the hub's.
        """),
    with_story(
        Eigrp(Role.HUB, address_family=(eigrp_lines.IN_FAMILY.stub.line(connected=True),)),
        *model.FORGET,
        Cause.HUB_STUB,
        needs=(Need.ONE_HUB,),
    )("""
        hub-stub: The hub is an EIGRP stub: it advertises no learned routes
        says: {spoke.name} and {other.name} do not reach each other. The head office reaches both.
        The hub has all routes. Does it pass them on?
        `show ip eigrp neighbors detail` at {spoke.name}: what does the hub say of itself?
        `eigrp stub` belongs to spokes, not to {hub.name}.
        """),
    model.gone(
        Eigrp(Role.SPOKE, address_family=(eigrp_lines.IN_FAMILY.stub.line(receive_only=True),)),
        *model.FORGET,
        Cause.SPOKE_STUB,
    )("""
        spoke-stub: A spoke is an EIGRP stub that only receives: its LAN is not advertised
        The router is up, and it has all routes. Who knows where its LAN is?
        `show ip eigrp neighbors detail` at {hub.name}: what does {spoke.name} say of itself?
        A stub that is to be reached advertises its networks: `eigrp stub connected summary` at {spoke.name}.
        """),
    with_story(spoke(model.route("other.lan_network", "other.lan_mask")), Cause.BLACK_HOLE)("""
        black-hole: A static route of a spoke to another one's LAN leads to Null0
        says: {spoke.name} does not reach {other.name}. All other sites do.
        One pair is concerned. Trace it from both ends.
        `show ip route {other.lan_network}` at {spoke.name}: who says so?
        A static route to Null0 is better than what EIGRP knows. It has to go.
        """),
)


# ------------------------------------------------------------------------------------------- OSPF, BGP, RIP and filters


_lost: Final = partial(
    with_story, complaint="{spoke.name} does not reach the other sites any more. Its tunnel is up, says monitoring."
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
    _lost(Differ(Role.SPOKE, tables.OSPF, ospf_terms.TIMERS))(f"""
        ospf-hello: The OSPF hello interval of a spoke's tunnel differs
        {_IS_NEIGHBOR}
        {_TERMS}
        """),
    _lost(Differ(Role.SPOKE, tables.OSPF, ospf_terms.AREA))(f"""
        ospf-area: The tunnel of a spoke is in a different OSPF area
        {_IS_NEIGHBOR}
        {_TERMS}
        """),
    _lost(Differ(Role.SPOKE, tables.OSPF, ospf_terms.AUTHENTICATION))(f"""
        ospf-authentication: The OSPF password of a spoke differs
        {_IS_NEIGHBOR}
        `show running-config interface {{spoke.tunnel}}` at both ends.
        """),
    _lost(
        spoke(
            model.TUNNEL,
            ospf_ports.NETWORK.line(point_to_point=True),
            ospf_ports.HELLO_INTERVAL.line(seconds=10),
            ospf_ports.DEAD_INTERVAL.line(seconds=40),
        ),
        Cause.OSPF_NETWORK_TYPE,
        Cause.OSPF_TERMS,
        parts=(Role.SPOKE, Role.HUB),
        needs=(Need.OSPF,),
        noticed=False,
    )(f"""
        ospf-network-type: The OSPF network type of a spoke's tunnel differs
        They are neighbors. Which role has each of them?
        {_TERMS}
        """),
    _lost(spoke(model.OSPF, ospf_lines.PASSIVE.line(name=word("tunnel"))), Cause.PASSIVE_INTERFACE)(f"""
        ospf-passive: The tunnel of a spoke is passive in OSPF
        {_IS_NEIGHBOR}
        `show ip ospf interface {{spoke.tunnel}}` at {{spoke.name}}.
        """),
    with_story(
        hub(model.TUNNEL, ospf_ports.NETWORK.line(broadcast=True), ospf_ports.PRIORITY.line(priority=0)),
        Cause.OSPF_NETWORK_TYPE,
        needs=(Need.OSPF, Need.ONE_HUB),
    )("""
        ospf-nobody-designated: The hub may not become designated router
        says: No branch reaches another one. All tunnels are up, says monitoring.
        They are neighbors. Which one floods the LSAs of all?
        `show ip ospf neighbor` at {hub.name}.
        """),
)

BGP: Final = (
    _lost(spoke(*model.of_hub(remote_as=64999)), Cause.BGP_SYSTEM, parts=(Role.SPOKE, Role.HUB))(f"""
        bgp-as: A spoke has the wrong remote AS for the hub
        {_IS_NEIGHBOR}
        `show ip bgp neighbors` at {{spoke.name}}, and its log.
        """),
    _lost(Differ(Role.SPOKE, bgp_terms.BGP, bgp_terms.PASSWORD), Command(Role.SPOKE, ("clear ip bgp *",)))(f"""
        bgp-password: A spoke has a BGP password that the hub does not have
        {_IS_NEIGHBOR}
        `show running-config | section bgp` at both ends.
        """),
    _lost(spoke(*model.of_hub(shutdown=True)), Cause.BGP_NEIGHBOR)(f"""
        bgp-neighbor-shutdown: A spoke has shut its session with the hub down
        {_IS_NEIGHBOR}
        `show ip bgp summary` at {{spoke.name}}.
        """),
    _lost(
        spoke(model.BGP, bgp_processes.NEIGHBOR.no(peer=word("hub.tunnel_address"))), Cause.BGP_NEIGHBOR, noticed=False
    )(f"""
        bgp-neighbor-missing: A spoke has no line for the hub in BGP
        {_IS_NEIGHBOR}
        `show ip bgp summary` at {{spoke.name}}.
        """),
    model.gone(
        spoke(model.BGP, bgp_processes.IN_ROUTER.network.no(address=word("lan_network"), mask=word("lan_mask"))),
        Cause.NETWORK_STATEMENT,
    )("""
        bgp-lan-not-announced: BGP of a spoke does not advertise its LAN
        Which routers have a route to {spoke.lan_network}?
        `show ip bgp` at {spoke.name}: its own routes?
        """),
    model.gone(
        spoke(*_LIST_OF_ALL, *model.of_hub(list="LESSON", prefix_list=True, out=True)),
        Command(Role.SPOKE, ("clear ip bgp * soft",)),
        Cause.ROUTE_FILTERED,
        needs=(Need.ONE_HUB,),
    )(f"""
        bgp-filter: A prefix list keeps BGP of a spoke from advertising its LAN
        {_FILTERED[0]}
        {_FILTERED[1]}
        """),
)

RIP: Final = (
    _lost(spoke(model.RIP, rip_lines.VERSION.no(version=2)), Cause.RIP_BLOCKED, noticed=False)("""
        rip-version: A spoke speaks RIP version 1
        What does {spoke.name} hear of {hub.name}?
        `show ip protocols` at {spoke.name}.
        """),
    model.gone(
        spoke(model.RIP, rip_lines.PASSIVE.line(interface=word("tunnel"))), Cause.PASSIVE_INTERFACE, noticed=False
    )("""
        rip-passive: The tunnel of a spoke is passive in RIP
        What does {hub.name} hear of {spoke.name}?
        `show ip protocols` at {spoke.name}.
        """),
    model.gone(
        spoke(*_LIST_OF_ALL, model.RIP, rip_lines.DISTRIBUTION.by_prefix_list.line(list="LESSON", out=True)),
        Cause.ROUTE_FILTERED,
        noticed=False,
    )(f"""
        rip-filter: A prefix list keeps RIP of a spoke from advertising its LAN
        {_FILTERED[0]}
        {_FILTERED[1]}
        """),
)

FILTERS: Final = (
    model.gone(
        spoke(*_LIST_OF_ALL),
        Eigrp(Role.SPOKE, topology=(_EIGRP_LISTS.line(prefix=True, list="LESSON", out=True),)),
        *model.FORGET,
        Cause.ROUTE_FILTERED,
    )(f"""
        eigrp-filter: A prefix list keeps EIGRP of a spoke from advertising its LAN
        {_FILTERED[0]}
        {_FILTERED[1]}
        """),
    model.gone(
        hub(
            access_lists.ENTRY.line(
                name="LESSON", sequence=5, prefix=Placeholder("{spoke.lan_network}/{spoke.lan_length}"), deny=True
            )
        ),
        hub(access_lists.ENTRY.line(name="LESSON", sequence=10, prefix="0.0.0.0/0", most=32, permit=True)),
        Eigrp(Role.HUB, topology=(_EIGRP_LISTS.line(prefix=True, list="LESSON", **{"in": True}),)),
        *model.FORGET,
        Cause.ROUTE_FILTERED,
        needs=(Need.ONE_HUB,),
    )(f"""
        hub-filter: A prefix list at the hub rejects the route to a spoke's LAN
        {_FILTERED[0]}
        `show ip prefix-list` at {{hub.name}}: which routes does it let through?
        """),
    with_story(Kill(Role.PROVIDER), Cause.ROUTER_DEAD, needs=(Need.PROVIDER,))("""
        provider-dead: The provider's router is dead
        says: No branch reaches another one or the Internet.
        Does the next router after yours answer?
        {provider.name} does not run.
        """),
)

PROTOCOLS_TROUBLES: Final = (*OSPF, *BGP, *RIP, *FILTERS)


# ------------------------------------------------------------------------------------------------ networks


_ASTRAY: Final = "Trace it from both ends. Who sends it where?"

PREFIXES: Final = (
    model.gone(spoke(model.LAN, common.SHUTDOWN.line()), Cause.INTERFACE_SHUTDOWN)("""
        lan-shutdown: The port of a spoke to its LAN is shut down
        The tunnel is well. What is behind it?
        `show ip interface brief` at {spoke.name}.
        """),
    model.gone(spoke(model.LAN, model.address("nobody_in_lan", "lan_mask")), Cause.HOST_GATEWAY, Cause.WRONG_MASK)("""
        lan-address: A spoke's LAN address is not the gateway address of its hosts
        {spoke.name} answers. Does the computer send anything to it?
        Which gateway has {spoke.host}?
        """),
    with_story(
        spoke(model.LOOPBACK, model.address("other.host", model.HOST)),
        Eigrp(
            Role.SPOKE,
            address_family=(eigrp_lines.IN_FAMILY.network.line(address=word("other.host"), wildcard=IPv4Address(0)),),
        ),
        *model.FORGET,
        Cause.LAN_OVERLAP,
        Cause.ADDRESS_CONFLICT,
        Cause.NO_ROUTE_THERE,
        parts=(Role.SPOKE, Role.OTHER),
    )(f"""
        host-taken: A spoke has an address of another one's LAN, and advertises it
        says: The computer {{other.host}} at {{other.name}} is offline, people say. Its neighbors are there.
        {_ASTRAY}
        `show ip route {{other.host}}` at {{hub.name}}: whose is it?
        """),
    with_story(
        spoke(model.route("other.lan_network", "255.255.255.128")),
        Eigrp(Role.SPOKE, topology=(eigrp_lines.OF_TOPOLOGY.redistribute.line(static=True),)),
        *model.FORGET,
        Cause.BLACK_HOLE,
        Cause.LAN_OVERLAP,
        Cause.NO_ROUTE_THERE,
    )(f"""
        lan-shadowed: A spoke advertises half of another one's LAN
        says: Half of the computers at {{other.name}} are offline.
        {_ASTRAY}
        `show ip route {{other.host}}` at {{hub.name}}: who says so?
        """),
    model.gone(
        hub(model.route("spoke.lan_network", "spoke.lan_mask", "other.tunnel_address")),
        *model.FORGET,
        Cause.BLACK_HOLE,
        Cause.NO_ROUTE_THERE,
    )(f"""
        hub-route-astray: A static route of the hub leads packets for one spoke to another one
        {_ASTRAY}
        `show ip route {{spoke.lan_network}}` at {{hub.name}}: who says so?
        """),
    model.gone(hub(model.route("spoke.lan_network", "spoke.lan_mask")), *model.FORGET, Cause.BLACK_HOLE)(f"""
        hub-black-hole: A static route of the hub to a spoke's LAN leads to Null0
        {_ASTRAY}
        `show ip route {{spoke.lan_network}}` at {{hub.name}}: who says so?
        """),
    with_story(
        spoke(model.route("other.host", "255.255.255.255", "nobody_in_tunnel")),
        *model.FORGET,
        Cause.BLACK_HOLE,
        Cause.NO_ROUTE_THERE,
        noticed=False,
    )(f"""
        host-route-astray: A host route of a spoke to another one's computer has a next hop that no router has
        says: {{spoke.name}} does not reach {{other.host}}. All other sites do.
        {_ASTRAY}
        `show ip route {{other.host}}` at {{spoke.name}}: who says so?
        """),
    with_story(
        Eigrp(Role.HUB, named=(eigrp_ports.AF_PASSIVE.line(),)),
        *model.FORGET,
        Cause.PASSIVE_INTERFACE,
        needs=(Need.ONE_HUB,),
    )("""
        hub-passive: The hub's tunnel is passive
        says: No branch reaches another one. Their tunnels are up, says monitoring.
        Who are the neighbors of {hub.name}?
        `show ip protocols` at {hub.name}.
        """),
    model.lost(
        model.registering("tunnel_address", "nbma"),
        model.FORGET_SPOKE,
        Cause.NHS_ADDRESS,
        Cause.NHS_NBMA,
        Cause.NHS_MISSING,
    )("""
        server-is-self: A spoke is its own next hop server
        With whom does {spoke.name} register?
        `show ip nhrp nhs` at {spoke.name}: whose address is that?
        """),
    with_story(
        Edit(Role.SPOKE, model.TUNNEL, remove=("ip nhrp nhs {hub.tunnel_address}", "ip nhrp map {hub.tunnel_address}")),
        Cause.NHS_MISSING,
        needs=(Need.TWO_HUBS,),
        noticed=False,
    )("""
        second-server-missing: A spoke has one server where all other spokes have two
        says: No user complains. The hubs were to be tested next week, one after the other.
        Compare `show ip nhrp nhs` of all branches.
        {hub.name} is not among the servers of {spoke.name}.
        """),
    with_story(
        spoke(model.TUNNEL, common.IP_MTU.line(octets=600), common.ADJUST_MSS.line(octets=560)),
        Cause.MTU,
        Cause.MSS,
        Cause.PATH_MTU,
        noticed=False,
    )("""
        small-tunnel: The tunnel of a spoke has a small MTU
        says: At {spoke.name} large files are slow.
        Up to which size do packets pass in one piece?
        `show ip interface {spoke.tunnel}` at {spoke.name}.
        """),
)
