"""Further mechanisms: stray lines, addresses and LANs taken twice, wires in one direction, summaries, filters inwards.

They are a list of their own, drawn with seeds of their own: one more in `TROUBLES` would change every draw from there.
"""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.causes import Cause
from dmvpn.features.bgp.config import processes as bgp_processes
from dmvpn.features.eigrp.config import processes as eigrp_lines
from dmvpn.features.eigrp.config import sections
from dmvpn.features.interface.config import sections as port_lines
from dmvpn.features.ospf.config import processes as ospf_lines
from dmvpn.features.policy.config import prefix_lists
from dmvpn.features.rip import config as rip_lines
from dmvpn.ios import Placeholder
from dmvpn.shells.lab.badness import Badness
from dmvpn.tools.troubles import pieces
from dmvpn.tools.troubles.model import Command, Configure, Eigrp, Need, Role, Wire, hub, spoke, without_story, word

_DENY: Final = (
    prefix_lists.ENTRY.of(
        name="LESSON", sequence=5, prefix=Placeholder("{other.lan_network}/{other.lan_length}"), deny=True
    ),
    prefix_lists.ENTRY.of(name="LESSON", sequence=10, prefix="0.0.0.0/0", most=32, permit=True),
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
_ALL: Final = (IPv4Address(0), IPv4Address(pieces.HOST))
_COMPARE: Final = "Compare both ends, from the wire up."
_one: Final = partial(without_story, hints=(_COMPARE, _ROUTES))
_wire: Final = partial(without_story, hints=(_COMPARE, _WIRE))

_BAD_WIRES: Final = (
    _wire("wire-loses-3", "A wire loses 3 %", (Wire(Role.SPOKE, Badness(loss=3.0)),), (Cause.LOSSY_LINK,)),
    _wire("wire-loses-30", "A wire loses 30 %", (Wire(Role.SPOKE, Badness(loss=30.0)),), (Cause.LOSSY_LINK,)),
    _wire(
        "one-way-outwards",
        "A spoke hears all, and what it sends does not arrive",
        (Wire(Role.SPOKE, Badness(loss=100.0), outgoing=True),),
        (Cause.ONE_WAY_LOSS, Cause.LINK_CUT),
    ),
    _wire(
        "lossy-outwards",
        "Of what a spoke sends a third is lost",
        (Wire(Role.SPOKE, Badness(loss=35.0), outgoing=True),),
        (Cause.LOSSY_LINK, Cause.ONE_WAY_LOSS),
    ),
    _wire(
        "hub-one-way",
        "A hub receives nothing, though what it sends arrives",
        (Wire(Role.HUB, Badness(loss=100.0), incoming=True),),
        (Cause.ONE_WAY_LOSS, Cause.LINK_CUT),
    ),
    _wire("hub-link-cut", "The wire of a hub carries nothing", (Wire(Role.HUB, Badness(cut=1.0)),), (Cause.LINK_CUT,)),
    _wire(
        "hub-wire-narrow",
        "The wire of a hub drops packets of more than 1000 octets",
        (Wire(Role.HUB, Badness(mtu=1000.0)),),
        (Cause.PATH_MTU, Cause.MTU, Cause.FRAGMENTS_BLOCKED),
        parts=(Role.SPOKE, Role.OTHER, Role.HUB),
    ),
    _wire(
        "wire-narrow-outwards",
        "What a spoke sends may have 1300 octets at most",
        (Wire(Role.SPOKE, Badness(mtu=1300.0), outgoing=True),),
        (Cause.PATH_MTU, Cause.MTU, Cause.FRAGMENTS_BLOCKED),
        parts=(Role.SPOKE, Role.HUB),
    ),
)

_BELOW: Final = (
    _one(
        "provider-route-to-hub",
        "The provider has a route into nothing for a hub",
        (Configure(Role.PROVIDER, (pieces.route("hub.nbma", pieces.HOST),)),),
        _NO_WAY,
        needs=(Need.PROVIDER,),
    ),
    _one(
        "provider-address-gone",
        "The provider's port to a spoke has no address",
        (Configure(Role.PROVIDER, (pieces.PORT, port_lines.ADDRESS.no())),),
        (Cause.NO_ADDRESS, *_NO_WAY),
    ),
    _one(
        "stray-route-to-hub",
        "A spoke has a route into nothing for the NBMA address of the hub",
        (spoke(pieces.route("hub.nbma", pieces.HOST)),),
        _NO_WAY,
    ),
    _one(
        "second-default-route",
        "A spoke has a second default route, to nobody",
        (spoke(pieces.default_route("nobody_in_lan")),),
        (Cause.WRONG_NEXT_HOP, Cause.BLACK_HOLE, Cause.MISSING_ROUTE),
    ),
    _one(
        "nbma-taken",
        "A spoke has the NBMA address of the hub on a loopback",
        (spoke(pieces.LOOPBACK, pieces.address("hub.nbma", pieces.HOST)),),
        (Cause.NBMA_CONFLICT, Cause.NHS_NBMA),
        parts=(Role.SPOKE, Role.HUB),
    ),
)

_LANS: Final = (
    _one(
        "lan-past-the-tunnel",
        "A static route of a spoke leads to the LAN of another one past the tunnel",
        (spoke(pieces.route("other.lan_network", "other.lan_mask", "gateway")), *pieces.FORGET),
        (Cause.BLACK_HOLE, Cause.NO_ROUTE_THERE),
    ),
    _one(
        "lan-second-address",
        "A spoke has the LAN of another one on a port more",
        (
            spoke(pieces.LAN, port_lines.SECONDARY.of(address=word("other.lan_address"), mask=word("other.lan_mask"))),
            *pieces.FORGET,
        ),
        _TAKEN,
        parts=(Role.SPOKE, Role.OTHER),
    ),
    *(
        _one(
            f"host-taken-{need.name.lower()}",
            f"A spoke tells {need.name} of an address of another one's LAN",
            (spoke(pieces.LOOPBACK, pieces.address("other.host", pieces.HOST), *lines), *pieces.FORGET),
            _TAKEN,
            parts=(Role.SPOKE, Role.OTHER),
        )
        for need, lines in (
            (Need.OSPF, (pieces.OSPF, ospf_lines.NETWORKS.of(network=Placeholder("{other.host} 0.0.0.0"), area=0))),
            (Need.RIP, (pieces.RIP, rip_lines.NETWORK.of(network=word("other.lan_network")))),
            (Need.BGP, (pieces.BGP, _NETWORK.of(address=word("other.host"), mask=pieces.HOST))),
        )
    ),
    *(
        _one(
            f"lan-shadowed-{need.name.lower()}",
            f"A spoke tells {need.name} of half of another one's LAN",
            (spoke(pieces.route("other.lan_network", _HALF), *lines), *pieces.FORGET),
            _SHADOWED,
        )
        for need, lines in (
            (Need.OSPF, (pieces.OSPF, ospf_lines.REDISTRIBUTE.of(static=True, subnets=True))),
            (Need.RIP, (pieces.RIP, rip_lines.REDISTRIBUTE_STATIC.of())),
            (Need.BGP, (pieces.BGP, _NETWORK.of(address=word("other.lan_network"), mask=_HALF))),
        )
    ),
    _one(
        "summary-eigrp",
        "The hub says one large network for all LANs, which in phase 2 leads by the hub",
        (pieces.on_tunnel(Role.HUB, (sections.SUMMARY, {"address": "10.0.0.0", "mask": "255.0.0.0"})), *pieces.FORGET),
        (Cause.ROUTE_FILTERED, Cause.NEXT_HOP_SELF),
        needs=(Need.ONE_HUB,),
    ),
    _one(
        "summary-bgp",
        "The hub says one large network for all LANs in BGP, which in phase 2 leads by the hub",
        (hub(pieces.BGP, _AGGREGATE.of(address="10.0.0.0", mask="255.0.0.0", summary_only=True)), *pieces.FORGET),
        (Cause.ROUTE_FILTERED, Cause.NEXT_HOP_SELF),
        needs=(Need.ONE_HUB,),
    ),
)

_PROTOCOLS: Final = (
    _one(
        "all-networks-eigrp",
        "EIGRP of a hub takes in every interface, its underlay, too",
        (Eigrp(Role.HUB, address_family=(eigrp_lines.IN_FAMILY.network.of(address=_ALL[0], wildcard=_ALL[1]),)),),
        (Cause.RECURSION,),
        parts=(Role.HUB, Role.SPOKE),
    ),
    _one(
        "all-networks-ospf",
        "OSPF of a hub takes in every interface, its underlay, too",
        (hub(pieces.OSPF, ospf_lines.NETWORKS.of(network=_ALL, area=0)),),
        (Cause.RECURSION,),
        parts=(Role.HUB, Role.SPOKE),
    ),
    _one(
        "hub-bgp-neighbor-shutdown",
        "A hub has shut its session with a spoke down",
        (hub(*pieces.of_spoke(shutdown=True)),),
        (Cause.BGP_NEIGHBOR,),
    ),
    *(
        _one(
            f"filter-inwards-{need.name.lower()}",
            f"A spoke does not believe {need.name} what it says of another one's LAN",
            (*acts, *pieces.FORGET),
            (Cause.ROUTE_FILTERED,),
        )
        for need, *acts in (
            (Need.EIGRP, spoke(*_DENY), Eigrp(Role.SPOKE, topology=(_EIGRP_LISTS.of(**_IN),))),
            (Need.OSPF, spoke(*_DENY, pieces.OSPF, ospf_lines.DISTRIBUTION.by_prefix_list.of(**_IN))),
            (Need.RIP, spoke(*_DENY, pieces.RIP, rip_lines.DISTRIBUTION.by_prefix_list.of(**_IN))),
            (Need.BGP, spoke(*_DENY, *pieces.of_hub(prefix_list=True, **_IN)), _SOFT),
        )
    ),
)

FURTHER: Final = (*_BAD_WIRES, *_BELOW, *_LANS, *_PROTOCOLS)
#: Healthy all the same, as `SLOW` is: packets arrive, later than a ping waits that does not know the way.
VERY_SLOW: Final = _wire(
    "wire-very-slow",
    "What comes to a spoke takes more than a second, and what it sends, too",
    (Wire(Role.SPOKE, Badness(delay=1100.0)),),
    (Cause.LOSSY_LINK,),
)
