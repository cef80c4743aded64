"""Further mechanisms: stray lines, addresses and LANs taken twice, wires in one direction, summaries, filters inwards.

They are a list of their own, drawn with seeds of their own: one more in `TROUBLES` would change every draw from there.
"""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.causes import Cause
from dmvpn.features.bgp.config import processes as bgp_processes
from dmvpn.features.eigrp.config import interfaces as eigrp_ports
from dmvpn.features.eigrp.config import processes as eigrp_lines
from dmvpn.features.interface.config import sections as port_lines
from dmvpn.features.ospf.config import processes as ospf_lines
from dmvpn.features.policy.config import prefix_lists
from dmvpn.features.rip import config as rip_lines
from dmvpn.features.static import config as static_lines
from dmvpn.ios import Placeholder, common
from dmvpn.shells.lab.badness import Badness
from dmvpn.tools.troubles.acts import Command, Configure, Eigrp, Role, Wire, word
from dmvpn.tools.troubles.trouble import Need, without_story

_BGP: Final = bgp_processes.ROUTER.of(number=word("bgp"))
_OSPF: Final = ospf_lines.ROUTER.of(number=word("ospf"))
_RIP: Final = rip_lines.ROUTER.of()
_FORGET: Final = (Command(Role.SPOKE, ("clear ip nhrp",)), Command(Role.OTHER, ("clear ip nhrp",)))
_DENY: Final = (
    prefix_lists.ENTRY.of(
        name="LESSON", sequence=5, prefix=Placeholder("{other.lan_network}/{other.lan_length}"), deny=True
    ),
    prefix_lists.ENTRY.of(name="LESSON", sequence=10, prefix="0.0.0.0/0", most=32, permit=True),
)
_LOOPBACK: Final = (
    common.INTERFACE.of(name="Loopback66"),
    port_lines.ADDRESS.of(address=word("other.host"), mask="255.255.255.255"),
)
_HALF: Final = (static_lines.ROUTE.of(network=word("other.lan_network"), mask="255.255.255.128", interface="Null0"),)
_TAKEN: Final = (Cause.LAN_OVERLAP, Cause.ADDRESS_CONFLICT, Cause.NO_ROUTE_THERE)
_SHADOWED: Final = (Cause.BLACK_HOLE, Cause.LAN_OVERLAP, Cause.NO_ROUTE_THERE)
_NO_WAY: Final = (Cause.BLACK_HOLE, Cause.MISSING_ROUTE, Cause.WRONG_NEXT_HOP, Cause.NO_ROUTE_THERE)
_ROUTES: Final = "Who says so to whom? `show ip route` at both ends."
_WIRE: Final = "The provider has to fix it: `dmvpn lab impair` stands for your call."
_IN: Final = {"list": "LESSON", "in": True}
_ALL: Final = (IPv4Address(0), IPv4Address("255.255.255.255"))
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
        parts=(Role.HUB,),
    ),
    _wire(
        "hub-link-cut",
        "The wire of a hub carries nothing",
        (Wire(Role.HUB, Badness(cut=1.0)),),
        (Cause.LINK_CUT,),
        parts=(Role.HUB,),
    ),
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
        (
            Configure(
                Role.PROVIDER,
                (static_lines.ROUTE.of(network=word("hub.nbma"), mask="255.255.255.255", interface="Null0"),),
            ),
        ),
        _NO_WAY,
        parts=(Role.PROVIDER,),
        needs=(Need.PROVIDER,),
    ),
    _one(
        "provider-address-gone",
        "The provider's port to a spoke has no address",
        (Configure(Role.PROVIDER, (common.INTERFACE.of(name=word("port")), port_lines.ADDRESS.no())),),
        (Cause.NO_ADDRESS, *_NO_WAY),
        parts=(Role.PROVIDER,),
        needs=(Need.PROVIDER,),
    ),
    _one(
        "stray-route-to-hub",
        "A spoke has a route into nothing for the NBMA address of the hub",
        (
            Configure(
                Role.SPOKE,
                (static_lines.ROUTE.of(network=word("hub.nbma"), mask="255.255.255.255", interface="Null0"),),
            ),
        ),
        _NO_WAY,
    ),
    _one(
        "second-default-route",
        "A spoke has a second default route, to nobody",
        (
            Configure(
                Role.SPOKE,
                (static_lines.ROUTE.of(network=IPv4Address(0), mask=IPv4Address(0), next_hop=word("nobody_in_lan")),),
            ),
        ),
        (Cause.WRONG_NEXT_HOP, Cause.BLACK_HOLE, Cause.MISSING_ROUTE),
    ),
    _one(
        "nbma-taken",
        "A spoke has the NBMA address of the hub on a loopback",
        (
            Configure(
                Role.SPOKE,
                (
                    common.INTERFACE.of(name="Loopback66"),
                    port_lines.ADDRESS.of(address=word("hub.nbma"), mask="255.255.255.255"),
                ),
            ),
        ),
        (Cause.NBMA_CONFLICT, Cause.NHS_NBMA),
        parts=(Role.SPOKE, Role.HUB),
    ),
)

_LANS: Final = (
    _one(
        "lan-past-the-tunnel",
        "A static route of a spoke leads to the LAN of another one past the tunnel",
        (
            Configure(
                Role.SPOKE,
                (
                    static_lines.ROUTE.of(
                        network=word("other.lan_network"), mask=word("other.lan_mask"), next_hop=word("gateway")
                    ),
                ),
            ),
            *_FORGET,
        ),
        (Cause.BLACK_HOLE, Cause.NO_ROUTE_THERE),
    ),
    _one(
        "lan-second-address",
        "A spoke has the LAN of another one on a port more",
        (
            Configure(
                Role.SPOKE,
                (
                    common.INTERFACE.of(name=word("lan")),
                    port_lines.SECONDARY.of(address=word("other.lan_address"), mask=word("other.lan_mask")),
                ),
            ),
            *_FORGET,
        ),
        _TAKEN,
        parts=(Role.SPOKE, Role.OTHER),
    ),
    _one(
        "host-taken-ospf",
        "A spoke tells OSPF of an address of another one's LAN",
        (
            Configure(
                Role.SPOKE,
                (*_LOOPBACK, _OSPF, ospf_lines.NETWORKS.of(network=Placeholder("{other.host} 0.0.0.0"), area=0)),
            ),
            *_FORGET,
        ),
        _TAKEN,
        parts=(Role.SPOKE, Role.OTHER),
        needs=(Need.OSPF,),
    ),
    _one(
        "host-taken-rip",
        "A spoke tells RIP of an address of another one's LAN",
        (Configure(Role.SPOKE, (*_LOOPBACK, _RIP, rip_lines.NETWORK.of(network=word("other.lan_network")))), *_FORGET),
        _TAKEN,
        parts=(Role.SPOKE, Role.OTHER),
        needs=(Need.RIP,),
    ),
    _one(
        "host-taken-bgp",
        "A spoke tells BGP of an address of another one's LAN",
        (
            Configure(
                Role.SPOKE,
                (
                    *_LOOPBACK,
                    _BGP,
                    bgp_processes.IN_ROUTER.network.of(address=word("other.host"), mask="255.255.255.255"),
                ),
            ),
            *_FORGET,
        ),
        _TAKEN,
        parts=(Role.SPOKE, Role.OTHER),
        needs=(Need.BGP,),
    ),
    _one(
        "lan-shadowed-ospf",
        "A spoke tells OSPF of half of another one's LAN",
        (
            Configure(Role.SPOKE, (*_HALF, _OSPF, ospf_lines.REDISTRIBUTE.of(static=True, subnets=True))),
            *_FORGET,
        ),
        _SHADOWED,
        needs=(Need.OSPF,),
    ),
    _one(
        "lan-shadowed-rip",
        "A spoke tells RIP of half of another one's LAN",
        (Configure(Role.SPOKE, (*_HALF, _RIP, rip_lines.REDISTRIBUTE_STATIC.of())), *_FORGET),
        _SHADOWED,
        needs=(Need.RIP,),
    ),
    _one(
        "lan-shadowed-bgp",
        "A spoke tells BGP of half of another one's LAN",
        (
            Configure(
                Role.SPOKE,
                (
                    *_HALF,
                    _BGP,
                    bgp_processes.IN_ROUTER.network.of(address=word("other.lan_network"), mask="255.255.255.128"),
                ),
            ),
            *_FORGET,
        ),
        _SHADOWED,
        needs=(Need.BGP,),
    ),
    _one(
        "summary-eigrp",
        "The hub says one large network for all LANs, which in phase 2 leads by the hub",
        (
            Eigrp(
                Role.HUB,
                named=(eigrp_ports.AF_SUMMARY.of(address="10.0.0.0", mask="255.0.0.0"),),
                classic=(eigrp_ports.IP_SUMMARY.of(number=word("as"), address="10.0.0.0", mask="255.0.0.0"),),
            ),
            *_FORGET,
        ),
        (Cause.ROUTE_FILTERED, Cause.NEXT_HOP_SELF),
        parts=(Role.HUB,),
        needs=(Need.EIGRP, Need.ONE_HUB),
    ),
    _one(
        "summary-bgp",
        "The hub says one large network for all LANs in BGP, which in phase 2 leads by the hub",
        (
            Configure(
                Role.HUB,
                (_BGP, bgp_processes.IN_ROUTER.aggregate.of(address="10.0.0.0", mask="255.0.0.0", summary_only=True)),
            ),
            *_FORGET,
        ),
        (Cause.ROUTE_FILTERED, Cause.NEXT_HOP_SELF),
        parts=(Role.HUB,),
        needs=(Need.BGP, Need.ONE_HUB),
    ),
)

_PROTOCOLS: Final = (
    _one(
        "all-networks-eigrp",
        "EIGRP of a hub takes in every interface, its underlay, too",
        (Eigrp(Role.HUB, address_family=(eigrp_lines.IN_FAMILY.network.of(address=_ALL[0], wildcard=_ALL[1]),)),),
        (Cause.RECURSION,),
        parts=(Role.HUB, Role.SPOKE),
        needs=(Need.EIGRP,),
    ),
    _one(
        "all-networks-ospf",
        "OSPF of a hub takes in every interface, its underlay, too",
        (Configure(Role.HUB, (_OSPF, ospf_lines.NETWORKS.of(network=_ALL, area=0))),),
        (Cause.RECURSION,),
        parts=(Role.HUB, Role.SPOKE),
        needs=(Need.OSPF,),
    ),
    _one(
        "hub-bgp-neighbor-shutdown",
        "A hub has shut its session with a spoke down",
        (Configure(Role.HUB, (_BGP, bgp_processes.NEIGHBOR.of(peer=word("spoke.tunnel_address"), shutdown=True))),),
        (Cause.BGP_NEIGHBOR,),
        parts=(Role.HUB,),
        needs=(Need.BGP,),
    ),
    _one(
        "filter-inwards-eigrp",
        "A spoke does not believe EIGRP what it says of another one's LAN",
        (
            Configure(Role.SPOKE, _DENY),
            Eigrp(Role.SPOKE, topology=(eigrp_lines.OF_TOPOLOGY.distribution.by_prefix_list.of(**_IN),)),
            *_FORGET,
        ),
        (Cause.ROUTE_FILTERED,),
        needs=(Need.EIGRP,),
    ),
    _one(
        "filter-inwards-ospf",
        "A spoke does not believe OSPF what it says of another one's LAN",
        (
            Configure(Role.SPOKE, (*_DENY, _OSPF, ospf_lines.DISTRIBUTION.by_prefix_list.of(**_IN))),
            *_FORGET,
        ),
        (Cause.ROUTE_FILTERED,),
        needs=(Need.OSPF,),
    ),
    _one(
        "filter-inwards-rip",
        "A spoke does not believe RIP what it says of another one's LAN",
        (Configure(Role.SPOKE, (*_DENY, _RIP, rip_lines.DISTRIBUTION.by_prefix_list.of(**_IN))), *_FORGET),
        (Cause.ROUTE_FILTERED,),
        needs=(Need.RIP,),
    ),
    _one(
        "filter-inwards-bgp",
        "A spoke does not believe BGP what it says of another one's LAN",
        (
            Configure(
                Role.SPOKE,
                (
                    *_DENY,
                    _BGP,
                    bgp_processes.NEIGHBOR.of(
                        peer=word("hub.tunnel_address"), list="LESSON", prefix_list=True, **{"in": True}
                    ),
                ),
            ),
            Command(Role.SPOKE, ("clear ip bgp * soft",)),
            *_FORGET,
        ),
        (Cause.ROUTE_FILTERED,),
        needs=(Need.BGP,),
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
