"""Mechanisms that no rule of the doctor is about: `dmvpn doctor` finds them by trial.

Most are a line that IOS accepts and that does what it says: a limit, a list, a summary, a switch. Whether it harms
depends on the rest of the network. They are a list of their own, drawn with seeds of their own, as `FURTHER` is.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from dmvpn.base.causes import Cause
from dmvpn.features.bgp.config import processes as bgp_processes
from dmvpn.features.eigrp.config import processes as eigrp_lines
from dmvpn.features.eigrp.config import sections
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.features.ospf.config import processes as ospf_lines
from dmvpn.features.policy.config import prefix_lists, route_maps
from dmvpn.features.rip import config as rip_lines
from dmvpn.ios import Placeholder
from dmvpn.shells.lab.badness import Badness
from dmvpn.tools.troubles import pieces
from dmvpn.tools.troubles.model import Command, Edit, Eigrp, Need, Role, Trouble, Wire, hub, spoke, without_story, word

_HINTS: Final = (
    "Which of the lines between the two ends could keep packets, or routes, back?",
    "Leave lines out in a copy of the network, one after another, and see what becomes of the packets.",
)
_one: Final = partial(without_story, hints=_HINTS)
_SOFT: Final = (Command(Role.SPOKE, ("clear ip bgp * soft",)), *pieces.FORGET)
_HARD: Final = (Command(Role.SPOKE, ("clear ip bgp *",)), *pieces.FORGET)
_ELSEWHERE: Final = prefix_lists.ENTRY.of(name="LESSON", sequence=5, prefix="192.0.2.0/24", permit=True)
_LEAST: Final = prefix_lists.ENTRY.of(name="LESSON", sequence=5, prefix="0.0.0.0/0", least=30, permit=True)
_NO_PERMIT: Final = (
    route_maps.ROUTE_MAP.of(name="LESSON", sequence=10, deny=True),
    route_maps.MATCH_PREFIX.of(list1="LESSON"),
)
_EIGRP_LIST: Final = eigrp_lines.OF_TOPOLOGY.distribution.by_prefix_list.of(list="LESSON", **{"in": True})
_BY_TRIAL: Final = (Cause.BY_TRIAL,)
_KEPT_BACK: Final = (Cause.ROUTE_FILTERED, Cause.BY_TRIAL)


def _of_tunnel(name: str, title: str, line: str, *causes: Cause, needs: tuple[Need, ...] = ()) -> Trouble:
    return _one(name, title, (spoke(pieces.TUNNEL, line), *pieces.FORGET), causes or _BY_TRIAL, needs=needs)


_NHRP: Final = (
    _of_tunnel(
        "cluster-of-nobody",
        "A spoke uses none of the servers of its cluster",
        nhrp_lines.NHS_CLUSTER.of(cluster=0, max_connections=True, connections=0),
        Cause.BY_TRIAL,
        Cause.NHS_MISSING,
    ),
    _of_tunnel(
        "max-send",
        "A router may send one packet of NHRP in many hours",
        nhrp_lines.MAX_SEND.of(packets=1, every=True, seconds=65535),
    ),
    _of_tunnel(
        "interest-none",
        "Packets of a spoke make it ask for nobody",
        nhrp_lines.INTEREST.of(none=True),
        Cause.BY_TRIAL,
        Cause.SHORTCUT,
        needs=(Need.MULTIPOINT,),
    ),
    _of_tunnel(
        "network-id-of-a-level",
        "A tunnel of a router belongs to another NHRP network than its other tunnel",
        nhrp_lines.NETWORK_ID.of(id=4242),
        Cause.BY_TRIAL,
        Cause.NETWORK_ID,
        Cause.REDIRECT,
    ),
    _of_tunnel(
        "redirect-of-a-level",
        "A router sends no redirects on one of its tunnels",
        nhrp_lines.REDIRECT.no(),
        Cause.BY_TRIAL,
        Cause.REDIRECT,
    ),
)

_LISTS: Final = (
    _one(
        "prefix-list-eigrp",
        "A prefix list of a spoke permits a network that nobody has, so EIGRP takes nothing",
        (spoke(_ELSEWHERE), Eigrp(Role.SPOKE, topology=(_EIGRP_LIST,))),
        _KEPT_BACK,
    ),
    _one(
        "prefix-list-ospf",
        "A prefix list of a spoke permits very long prefixes alone, so OSPF installs no LAN",
        (spoke(_LEAST, pieces.OSPF, ospf_lines.DISTRIBUTION.by_prefix_list.of(list="LESSON", **{"in": True})),),
        _KEPT_BACK,
    ),
    _one(
        "prefix-list-rip",
        "A prefix list of a hub permits a network that nobody has, so RIP sends nothing",
        (hub(_ELSEWHERE, pieces.RIP, rip_lines.DISTRIBUTION.by_prefix_list.of(list="LESSON", out=True)),),
        _KEPT_BACK,
    ),
    _one(
        "prefix-list-bgp",
        "A prefix list of a hub permits very long prefixes alone, so BGP sends a spoke nothing",
        (
            hub(_LEAST, *pieces.of_spoke(list="LESSON", prefix_list=True, out=True)),
            Command(Role.HUB, ("clear ip bgp * soft",)),
        ),
        _KEPT_BACK,
    ),
    _one(
        "route-map-without-permit",
        "A route map of a spoke has a deny and no permit, so BGP sends nothing",
        (spoke(_ELSEWHERE, *_NO_PERMIT, *pieces.of_hub(list="LESSON", route_map=True, out=True)), *_SOFT),
        _KEPT_BACK,
    ),
    _one(
        "route-map-without-permit-in",
        "A route map of a spoke has a deny and no permit, so BGP takes nothing",
        (spoke(_ELSEWHERE, *_NO_PERMIT, *pieces.of_hub(list="LESSON", route_map=True, **{"in": True})), *_SOFT),
        _KEPT_BACK,
    ),
)

_BGP_TERMS: Final = (
    _one(
        "next-hop-self-missing",
        "A hub of phase 3 passes routes on to a spoke with the next hops that they had",
        (
            Edit(Role.HUB, pieces.BGP, remove=("neighbor {spoke.tunnel_address} next-hop-self",)),
            Command(Role.HUB, ("clear ip bgp * soft",)),
            *pieces.FORGET,
        ),
        (Cause.BY_TRIAL, Cause.NEXT_HOP_SELF),
    ),
    _one(
        "system-twice",
        "Two spokes have one autonomous system, so each drops the routes of the other",
        (
            spoke(
                bgp_processes.ROUTER.no(number=word("bgp")),
                bgp_processes.ROUTER.of(number=word("other.bgp")),
                bgp_processes.TIMERS.of(keepalive=10, hold=30),
                bgp_processes.IN_ROUTER.network.of(address=word("lan_network"), mask=word("lan_mask")),
                bgp_processes.NEIGHBOR.of(peer=word("hub.tunnel_address"), remote_as=word("hub.bgp")),
                bgp_processes.NEIGHBOR.of(peer=word("hub.tunnel_address"), advertisement_interval=True, seconds=1),
            ),
            hub(*pieces.of_spoke(remote_as=word("other.bgp"))),
            *pieces.FORGET,
        ),
        (Cause.BY_TRIAL, Cause.BGP_SYSTEM),
        parts=(Role.SPOKE, Role.OTHER, Role.HUB),
        needs=(Need.ONE_HUB,),
    ),
    _one(
        "maximum-prefix",
        "A spoke ends its session with the hub at the second prefix",
        (spoke(*pieces.of_hub(maximum_prefix=True, prefixes=1)), *_HARD),
        (Cause.MAXIMUM, Cause.BY_TRIAL, Cause.BGP_NEIGHBOR),
    ),
    _one(
        "family-not-active",
        "A spoke does not exchange IPv4 routes with the hub",
        (
            spoke(
                pieces.BGP,
                bgp_processes.FAMILY.of(),
                bgp_processes.FAMILY_ACTIVATE.no(peer=word("hub.tunnel_address"), activate=True),
            ),
            *_HARD,
        ),
        (Cause.BY_TRIAL, Cause.BGP_NEIGHBOR),
    ),
)

_ROUTING: Final = (
    _one(
        "family-shutdown",
        "The address family of EIGRP is shut down at a router",
        (Eigrp(Role.SPOKE, address_family=(eigrp_lines.FAMILY_SHUTDOWN.of(),)), *pieces.FORGET),
        (Cause.BY_TRIAL, Cause.PASSIVE_INTERFACE, Cause.NETWORK_STATEMENT, Cause.AUTONOMOUS_SYSTEM),
    ),
    _one(
        "process-shutdown",
        "The process of OSPF is shut down at a router",
        (spoke(pieces.OSPF, ospf_lines.SHUTDOWN.of()), *pieces.FORGET),
        (Cause.BY_TRIAL, Cause.PASSIVE_INTERFACE, Cause.NETWORK_STATEMENT),
    ),
    _one(
        "areas-apart",
        "The LAN of a spoke is in an area that touches no backbone",
        (
            Edit(
                Role.SPOKE,
                pieces.OSPF,
                remove=("network {lan_network} ",),
                add=(ospf_lines.NETWORKS.of(network=Placeholder("{lan_network} {lan_wildcard}"), area=7),),
            ),
            *pieces.FORGET,
        ),
        (Cause.BY_TRIAL, Cause.OSPF_TERMS, Cause.NETWORK_STATEMENT),
    ),
    _one(
        "summary-of-a-spoke-eigrp",
        "A spoke announces one large network for all LANs, and drops what it has no longer prefix for",
        (
            pieces.on_tunnel(Role.SPOKE, (sections.SUMMARY, {"address": "10.0.0.0", "mask": "255.0.0.0"})),
            *pieces.FORGET,
        ),
        (Cause.BY_TRIAL, Cause.BLACK_HOLE, Cause.ROUTE_FILTERED),
    ),
    _one(
        "summary-rip",
        "The hub announces one large network for all LANs in RIP, which in phase 2 leads by the hub",
        (hub(pieces.TUNNEL, rip_lines.SUMMARY.of(address="10.20.0.0", mask="255.255.0.0")), *pieces.FORGET),
        (Cause.BY_TRIAL, Cause.NEXT_HOP_SELF),
        needs=(Need.RIP,),
    ),
)

_WIRES: Final = (
    _one(
        "esp-outwards-blocked",
        "What a spoke sends by ESP is dropped, and what it receives arrives",
        (Wire(Role.SPOKE, Badness(block=("esp", "udp-4500")), outgoing=True),),
        (Cause.ESP_BLOCKED, Cause.NAT_T_BLOCKED, Cause.IKE_BLOCKED),
        needs=(Need.PROTECTED, Need.NO_GATEWAY),
    ),
    _one(
        "esp-inwards-blocked",
        "ESP for a spoke is dropped, and what it sends arrives",
        (Wire(Role.SPOKE, Badness(block=("esp", "udp-4500")), incoming=True),),
        (Cause.ESP_BLOCKED, Cause.NAT_T_BLOCKED, Cause.IKE_BLOCKED),
        needs=(Need.PROTECTED, Need.NO_GATEWAY),
    ),
)

UNLISTED: Final = (*_NHRP, *_LISTS, *_BGP_TERMS, *_ROUTING, *_WIRES)
