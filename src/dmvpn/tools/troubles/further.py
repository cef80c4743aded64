"""Mechanisms besides the catalog, in lists of their own, drawn with seeds of their own.

One more in `TROUBLES` would change every draw from there.

    FURTHER     stray lines, addresses and LANs taken twice, wires in one direction, summaries, filters inwards
    UNLISTED    no rule of the doctor is about them: `dmvpn doctor` finds them by trial. Most are a line that IOS
                accepts and that does what it says: a limit, a list, a summary, a switch. Whether it harms depends
                on the rest of the network
"""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.findings import Cause
from dmvpn.features.bgp.config import instance as bgp_processes
from dmvpn.features.eigrp.config import processes as eigrp_lines
from dmvpn.features.eigrp.config import sections
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.features.ospf.config import processes as ospf_lines
from dmvpn.features.policy.config import access_lists, route_maps
from dmvpn.features.rip import config as rip_lines
from dmvpn.ios import Placeholder
from dmvpn.ios.interface_addresses import ADDRESS, SECONDARY
from dmvpn.shells.lab.badness import Badness
from dmvpn.tools.troubles import model
from dmvpn.tools.troubles.model import (
    Command,
    Configure,
    Edit,
    Eigrp,
    Need,
    Role,
    Trouble,
    Wire,
    hub,
    spoke,
    without_story,
    word,
)

# ----------------------------------------------------------------------------------------- mechanisms that a rule finds


_DENY: Final = (
    access_lists.ENTRY.line(
        name="LESSON", sequence=5, prefix=Placeholder("{other.lan_network}/{other.lan_length}"), deny=True
    ),
    access_lists.ENTRY.line(name="LESSON", sequence=10, prefix="0.0.0.0/0", most=32, permit=True),
)
_NETWORK, _AGGREGATE = bgp_processes.IN_ROUTER.network, bgp_processes.IN_ROUTER.aggregate
_HALF: Final = "255.255.255.128"
_TAKEN: Final = (Cause.LAN_OVERLAP, Cause.ADDRESS_CONFLICT, Cause.NO_ROUTE_THERE)
_SHADOWED: Final = (Cause.BLACK_HOLE, Cause.LAN_OVERLAP, Cause.NO_ROUTE_THERE)
_NO_WAY: Final = (Cause.BLACK_HOLE, Cause.MISSING_ROUTE, Cause.WRONG_NEXT_HOP, Cause.NO_ROUTE_THERE)
_ROUTES: Final = "Who says so to whom? `show ip route` at both ends."
_WIRE: Final = "The provider has to fix it: `dmvpn lab impair` stands for your call."
_EIGRP_LISTS: Final = eigrp_lines.OF_TOPOLOGY.distribution.by_prefix_list
_SOFT: Final = Command(Role.SPOKE, ("clear ip bgp * soft",))
_IN: Final = {"list": "LESSON", "in": True}
_ALL: Final = (IPv4Address(0), IPv4Address(model.HOST))
_COMPARE: Final = "Compare both ends, from the wire up."
_one: Final = partial(without_story, hints=(_COMPARE, _ROUTES))
_wire: Final = partial(without_story, hints=(_COMPARE, _WIRE))

_BAD_WIRES: Final = (
    _wire("wire-loses-3: A wire loses 3 %", (Wire(Role.SPOKE, Badness(loss=3.0)),), (Cause.LOSSY_LINK,)),
    _wire("wire-loses-30: A wire loses 30 %", (Wire(Role.SPOKE, Badness(loss=30.0)),), (Cause.LOSSY_LINK,)),
    _wire(
        "one-way-outwards: A spoke hears all, and what it sends does not arrive",
        (Wire(Role.SPOKE, Badness(loss=100.0), outgoing=True),),
        (Cause.ONE_WAY_LOSS, Cause.LINK_CUT),
    ),
    _wire(
        "lossy-outwards: Of what a spoke sends a third is lost",
        (Wire(Role.SPOKE, Badness(loss=35.0), outgoing=True),),
        (Cause.LOSSY_LINK, Cause.ONE_WAY_LOSS),
    ),
    _wire(
        "hub-one-way: A hub receives nothing, though what it sends arrives",
        (Wire(Role.HUB, Badness(loss=100.0), incoming=True),),
        (Cause.ONE_WAY_LOSS, Cause.LINK_CUT),
    ),
    _wire("hub-link-cut: The wire of a hub carries nothing", (Wire(Role.HUB, Badness(cut=1.0)),), (Cause.LINK_CUT,)),
    _wire(
        "hub-wire-narrow: The wire of a hub drops packets of more than 1000 octets",
        (Wire(Role.HUB, Badness(mtu=1000.0)),),
        (Cause.PATH_MTU, Cause.MTU, Cause.FRAGMENTS_BLOCKED),
        parts=(Role.SPOKE, Role.OTHER, Role.HUB),
    ),
    _wire(
        "wire-narrow-outwards: What a spoke sends may have 1300 octets at most",
        (Wire(Role.SPOKE, Badness(mtu=1300.0), outgoing=True),),
        (Cause.PATH_MTU, Cause.MTU, Cause.FRAGMENTS_BLOCKED),
        parts=(Role.SPOKE, Role.HUB),
    ),
)

_BELOW: Final = (
    _one(
        "provider-route-to-hub: The provider has a route into nothing for a hub",
        (Configure(Role.PROVIDER, (model.route("hub.nbma", model.HOST),)),),
        _NO_WAY,
        needs=(Need.PROVIDER,),
    ),
    _one(
        "provider-address-gone: The provider's port to a spoke has no address",
        (Configure(Role.PROVIDER, (model.PORT, ADDRESS.no())),),
        (Cause.NO_ADDRESS, *_NO_WAY),
    ),
    _one(
        "stray-route-to-hub: A spoke has a route into nothing for the NBMA address of the hub",
        (spoke(model.route("hub.nbma", model.HOST)),),
        _NO_WAY,
    ),
    _one(
        "second-default-route: A spoke has a second default route, to an address that no router has",
        (spoke(model.default_route("nobody_in_lan")),),
        (Cause.WRONG_NEXT_HOP, Cause.BLACK_HOLE, Cause.MISSING_ROUTE),
    ),
    _one(
        "nbma-taken: A spoke has the NBMA address of the hub on a loopback",
        (spoke(model.LOOPBACK, model.address("hub.nbma", model.HOST)),),
        (Cause.NBMA_CONFLICT, Cause.NHS_NBMA),
        parts=(Role.SPOKE, Role.HUB),
    ),
)

_LANS: Final = (
    _one(
        "lan-past-the-tunnel: A static route of a spoke leads to the LAN of another one past the tunnel",
        (spoke(model.route("other.lan_network", "other.lan_mask", "gateway")), *model.FORGET),
        (Cause.BLACK_HOLE, Cause.NO_ROUTE_THERE),
    ),
    _one(
        "lan-second-address: A spoke has the LAN of another one on a port more",
        (
            spoke(model.LAN, SECONDARY.line(address=word("other.lan_address"), mask=word("other.lan_mask"))),
            *model.FORGET,
        ),
        _TAKEN,
        parts=(Role.SPOKE, Role.OTHER),
    ),
    *(
        _one(
            f"host-taken-{need.name.lower()}: A spoke advertises an address of another one's LAN by {need.name}",
            (spoke(model.LOOPBACK, model.address("other.host", model.HOST), *lines), *model.FORGET),
            _TAKEN,
            parts=(Role.SPOKE, Role.OTHER),
        )
        for need, lines in (
            (Need.OSPF, (model.OSPF, ospf_lines.NETWORKS.line(network=Placeholder("{other.host} 0.0.0.0"), area=0))),
            (Need.RIP, (model.RIP, rip_lines.NETWORK.line(network=word("other.lan_network")))),
            (Need.BGP, (model.BGP, _NETWORK.line(address=word("other.host"), mask=model.HOST))),
        )
    ),
    *(
        _one(
            f"lan-shadowed-{need.name.lower()}: A spoke advertises half of another one's LAN by {need.name}",
            (spoke(model.route("other.lan_network", _HALF), *lines), *model.FORGET),
            _SHADOWED,
        )
        for need, lines in (
            (Need.OSPF, (model.OSPF, ospf_lines.REDISTRIBUTE.line(static=True, subnets=True))),
            (Need.RIP, (model.RIP, rip_lines.REDISTRIBUTE_STATIC.line())),
            (Need.BGP, (model.BGP, _NETWORK.line(address=word("other.lan_network"), mask=_HALF))),
        )
    ),
    _one(
        "summary-eigrp: The hub says one large network for all LANs, which in phase 2 leads by the hub",
        (model.on_tunnel(Role.HUB, (sections.SUMMARY, {"address": "10.0.0.0", "mask": "255.0.0.0"})), *model.FORGET),
        (Cause.ROUTE_FILTERED, Cause.NEXT_HOP_SELF),
        needs=(Need.ONE_HUB,),
    ),
    _one(
        "summary-bgp: The hub says one large network for all LANs in BGP, which in phase 2 leads by the hub",
        (hub(model.BGP, _AGGREGATE.line(address="10.0.0.0", mask="255.0.0.0", summary_only=True)), *model.FORGET),
        (Cause.ROUTE_FILTERED, Cause.NEXT_HOP_SELF),
        needs=(Need.ONE_HUB,),
    ),
)

_PROTOCOLS: Final = (
    _one(
        "all-networks-eigrp: EIGRP of a hub takes in every interface, its underlay, too",
        (Eigrp(Role.HUB, address_family=(eigrp_lines.IN_FAMILY.network.line(address=_ALL[0], wildcard=_ALL[1]),)),),
        (Cause.RECURSION,),
        parts=(Role.HUB, Role.SPOKE),
    ),
    _one(
        "all-networks-ospf: OSPF of a hub takes in every interface, its underlay, too",
        (hub(model.OSPF, ospf_lines.NETWORKS.line(network=_ALL, area=0)),),
        (Cause.RECURSION,),
        parts=(Role.HUB, Role.SPOKE),
    ),
    _one(
        "hub-bgp-neighbor-shutdown: A hub has shut its session with a spoke down",
        (hub(*model.of_spoke(shutdown=True)),),
        (Cause.BGP_NEIGHBOR,),
    ),
    *(
        _one(
            f"filter-inwards-{need.name.lower()}: A spoke does not believe {need.name} what it says of another "
            "one's LAN",
            (*acts, *model.FORGET),
            (Cause.ROUTE_FILTERED,),
        )
        for need, *acts in (
            (Need.EIGRP, spoke(*_DENY), Eigrp(Role.SPOKE, topology=(_EIGRP_LISTS.line(prefix=True, **_IN),))),
            (Need.OSPF, spoke(*_DENY, model.OSPF, ospf_lines.DISTRIBUTION.by_prefix_list.line(**_IN))),
            (Need.RIP, spoke(*_DENY, model.RIP, rip_lines.DISTRIBUTION.by_prefix_list.line(**_IN))),
            (Need.BGP, spoke(*_DENY, *model.of_hub(prefix_list=True, **_IN)), _SOFT),
        )
    ),
)

FURTHER: Final = (*_BAD_WIRES, *_BELOW, *_LANS, *_PROTOCOLS)
#: Healthy all the same, as `SLOW` is: packets arrive, later than a ping waits that does not know the way.
VERY_SLOW: Final = _wire(
    "wire-very-slow: What comes to a spoke takes more than a second, and what it sends, too",
    (Wire(Role.SPOKE, Badness(delay=1100.0)),),
    (Cause.LOSSY_LINK,),
)


# -------------------------------------------------------------------------------------------- mechanisms without a rule


_HINTS: Final = (
    "Which of the lines between the two ends could keep packets, or routes, back?",
    "Leave lines out in a copy of the network, one after another, and see what becomes of the packets.",
)
_by_trial: Final = partial(without_story, hints=_HINTS)
_SOFT_CLEAR: Final = (Command(Role.SPOKE, ("clear ip bgp * soft",)), *model.FORGET)
_HARD: Final = (Command(Role.SPOKE, ("clear ip bgp *",)), *model.FORGET)
_ELSEWHERE: Final = access_lists.ENTRY.line(name="LESSON", sequence=5, prefix="192.0.2.0/24", permit=True)
_LEAST: Final = access_lists.ENTRY.line(name="LESSON", sequence=5, prefix="0.0.0.0/0", least=30, permit=True)
_NO_PERMIT: Final = (
    route_maps.ROUTE_MAP.line(name="LESSON", sequence=10, deny=True),
    route_maps.MATCH_PREFIX.line(list1="LESSON"),
)
_EIGRP_LIST: Final = eigrp_lines.OF_TOPOLOGY.distribution.by_prefix_list.line(
    prefix=True, list="LESSON", **{"in": True}
)
_BY_TRIAL: Final = (Cause.BY_TRIAL,)
_KEPT_BACK: Final = (Cause.ROUTE_FILTERED, Cause.BY_TRIAL)


def _of_tunnel(heading: str, line: str, *causes: Cause, needs: tuple[Need, ...] = ()) -> Trouble:
    return _by_trial(heading, (spoke(model.TUNNEL, line), *model.FORGET), causes or _BY_TRIAL, needs=needs)


_NHRP: Final = (
    _of_tunnel(
        "cluster-of-nobody: A spoke uses none of the servers of its cluster",
        nhrp_lines.NHS_CLUSTER.line(cluster=0, max_connections=True, connections=0),
        Cause.BY_TRIAL,
        Cause.NHS_MISSING,
    ),
    _of_tunnel(
        "max-send: A router may send one packet of NHRP in many hours",
        nhrp_lines.MAX_SEND.line(packets=1, every=True, seconds=65535),
    ),
    _of_tunnel(
        "interest-none: A spoke asks for no destination of its packets",
        nhrp_lines.INTEREST.line(none=True),
        Cause.BY_TRIAL,
        Cause.SHORTCUT,
        needs=(Need.MULTIPOINT,),
    ),
    _of_tunnel(
        "network-id-of-a-level: A tunnel of a router belongs to another NHRP network than its other tunnel",
        nhrp_lines.NETWORK_ID.line(id=4242),
        Cause.BY_TRIAL,
        Cause.NETWORK_ID,
        Cause.REDIRECT,
    ),
    _of_tunnel(
        "redirect-of-a-level: A router sends no redirects on one of its tunnels",
        nhrp_lines.REDIRECT.no(),
        Cause.BY_TRIAL,
        Cause.REDIRECT,
    ),
)

_LISTS: Final = (
    _by_trial(
        "prefix-list-eigrp: A prefix list of a spoke permits a network that does not exist, so EIGRP takes nothing",
        (spoke(_ELSEWHERE), Eigrp(Role.SPOKE, topology=(_EIGRP_LIST,))),
        _KEPT_BACK,
    ),
    _by_trial(
        "prefix-list-ospf: A prefix list of a spoke permits very long prefixes alone, so OSPF installs no LAN",
        (spoke(_LEAST, model.OSPF, ospf_lines.DISTRIBUTION.by_prefix_list.line(list="LESSON", **{"in": True})),),
        _KEPT_BACK,
    ),
    _by_trial(
        "prefix-list-rip: A prefix list of a hub permits a network that does not exist, so RIP sends nothing",
        (hub(_ELSEWHERE, model.RIP, rip_lines.DISTRIBUTION.by_prefix_list.line(list="LESSON", out=True)),),
        _KEPT_BACK,
    ),
    _by_trial(
        "prefix-list-bgp: A prefix list of a hub permits very long prefixes alone, so BGP sends a spoke nothing",
        (
            hub(_LEAST, *model.of_spoke(list="LESSON", prefix_list=True, out=True)),
            Command(Role.HUB, ("clear ip bgp * soft",)),
        ),
        _KEPT_BACK,
    ),
    _by_trial(
        "route-map-without-permit: A route map of a spoke has a deny and no permit, so BGP sends nothing",
        (spoke(_ELSEWHERE, *_NO_PERMIT, *model.of_hub(list="LESSON", route_map=True, out=True)), *_SOFT_CLEAR),
        _KEPT_BACK,
    ),
    _by_trial(
        "route-map-without-permit-in: A route map of a spoke has a deny and no permit, so BGP takes nothing",
        (spoke(_ELSEWHERE, *_NO_PERMIT, *model.of_hub(list="LESSON", route_map=True, **{"in": True})), *_SOFT_CLEAR),
        _KEPT_BACK,
    ),
)

_BGP_TERMS: Final = (
    _by_trial(
        "next-hop-self-missing: A hub of phase 3 passes routes on to a spoke with the next hops that they had",
        (
            Edit(Role.HUB, model.BGP, remove=("neighbor {spoke.tunnel_address} next-hop-self",)),
            Command(Role.HUB, ("clear ip bgp * soft",)),
            *model.FORGET,
        ),
        (Cause.BY_TRIAL, Cause.NEXT_HOP_SELF),
    ),
    _by_trial(
        "system-twice: Two spokes have one autonomous system, so each drops the routes of the other",
        (
            spoke(
                bgp_processes.ROUTER.no(number=word("bgp")),
                bgp_processes.ROUTER.line(number=word("other.bgp")),
                bgp_processes.TIMERS.line(keepalive=10, hold=30),
                bgp_processes.IN_ROUTER.network.line(address=word("lan_network"), mask=word("lan_mask")),
                bgp_processes.NEIGHBOR.line(peer=word("hub.tunnel_address"), remote_as=word("hub.bgp")),
                bgp_processes.NEIGHBOR.line(peer=word("hub.tunnel_address"), advertisement_interval=True, seconds=1),
            ),
            hub(*model.of_spoke(remote_as=word("other.bgp"))),
            *model.FORGET,
        ),
        (Cause.BY_TRIAL, Cause.BGP_SYSTEM),
        parts=(Role.SPOKE, Role.OTHER, Role.HUB),
        needs=(Need.ONE_HUB,),
    ),
    _by_trial(
        "maximum-prefix: A spoke ends its session with the hub at the second prefix",
        (spoke(*model.of_hub(maximum_prefix=True, prefixes=1)), *_HARD),
        (Cause.MAXIMUM, Cause.BY_TRIAL, Cause.BGP_NEIGHBOR),
    ),
    _by_trial(
        "family-not-active: A spoke does not exchange IPv4 routes with the hub",
        (
            spoke(
                model.BGP,
                bgp_processes.FAMILY.line(),
                bgp_processes.FAMILY_ACTIVATE.no(peer=word("hub.tunnel_address"), activate=True),
            ),
            *_HARD,
        ),
        (Cause.BY_TRIAL, Cause.BGP_NEIGHBOR),
    ),
)

_LIMITS: Final = (
    _by_trial(
        "family-shutdown: The address family of EIGRP is shut down at a router",
        (Eigrp(Role.SPOKE, address_family=(eigrp_lines.FAMILY_SHUTDOWN.line(),)), *model.FORGET),
        (Cause.BY_TRIAL, Cause.PASSIVE_INTERFACE, Cause.NETWORK_STATEMENT, Cause.AUTONOMOUS_SYSTEM),
    ),
    _by_trial(
        "process-shutdown: The process of OSPF is shut down at a router",
        (spoke(model.OSPF, ospf_lines.SHUTDOWN.line()), *model.FORGET),
        (Cause.BY_TRIAL, Cause.PASSIVE_INTERFACE, Cause.NETWORK_STATEMENT),
    ),
    _by_trial(
        "areas-apart: The LAN of a spoke is in an area that touches no backbone",
        (
            Edit(
                Role.SPOKE,
                model.OSPF,
                remove=("network {lan_network} ",),
                add=(ospf_lines.NETWORKS.line(network=Placeholder("{lan_network} {lan_wildcard}"), area=7),),
            ),
            *model.FORGET,
        ),
        (Cause.BY_TRIAL, Cause.OSPF_TERMS, Cause.NETWORK_STATEMENT),
    ),
    _by_trial(
        "summary-of-a-spoke-eigrp: A spoke advertises one large network for all LANs, and drops what it has no longer "
        "prefix for",
        (
            model.on_tunnel(Role.SPOKE, (sections.SUMMARY, {"address": "10.0.0.0", "mask": "255.0.0.0"})),
            *model.FORGET,
        ),
        (Cause.BY_TRIAL, Cause.BLACK_HOLE, Cause.ROUTE_FILTERED),
    ),
    _by_trial(
        "summary-rip: The hub advertises one large network for all LANs in RIP, which in phase 2 leads by the hub",
        (hub(model.TUNNEL, rip_lines.SUMMARY.line(address="10.20.0.0", mask="255.255.0.0")), *model.FORGET),
        (Cause.BY_TRIAL, Cause.NEXT_HOP_SELF),
        needs=(Need.RIP,),
    ),
)

_WIRES: Final = (
    _by_trial(
        "esp-outwards-blocked: What a spoke sends by ESP is dropped, and what it receives arrives",
        (Wire(Role.SPOKE, Badness(block=("esp", "udp-4500")), outgoing=True),),
        (Cause.ESP_BLOCKED, Cause.NAT_T_BLOCKED, Cause.IKE_BLOCKED),
        needs=(Need.PROTECTED, Need.NO_GATEWAY),
    ),
    _by_trial(
        "esp-inwards-blocked: ESP for a spoke is dropped, and what it sends arrives",
        (Wire(Role.SPOKE, Badness(block=("esp", "udp-4500")), incoming=True),),
        (Cause.ESP_BLOCKED, Cause.NAT_T_BLOCKED, Cause.IKE_BLOCKED),
        needs=(Need.PROTECTED, Need.NO_GATEWAY),
    ),
)

UNLISTED: Final = (*_NHRP, *_LISTS, *_BGP_TERMS, *_LIMITS, *_WIRES)
