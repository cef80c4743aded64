"""Further mechanisms: stray lines, addresses and LANs taken twice, wires in one direction, summaries, filters inwards.

They are a list of their own, drawn with seeds of their own: one more in `TROUBLES` would change every draw from there.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from dmvpn.shells.lab.badness import Badness
from dmvpn.tools.causes import Cause
from dmvpn.tools.troubles.acts import Command, Configure, Eigrp, Part, Wire
from dmvpn.tools.troubles.trouble import Need, untold

_FORGET: Final = (Command(Part.SPOKE, ("clear ip nhrp",)), Command(Part.OTHER, ("clear ip nhrp",)))
_DENY: Final = (
    "ip prefix-list LESSON seq 5 deny {other.lan_network}/{other.lan_length}",
    "ip prefix-list LESSON seq 10 permit 0.0.0.0/0 le 32",
)
_LOOPBACK: Final = ("interface Loopback66", "ip address {other.host} 255.255.255.255")
_HALF: Final = ("ip route {other.lan_network} 255.255.255.128 Null0",)
_TAKEN: Final = (Cause.LAN_OVERLAP, Cause.ADDRESS_CONFLICT, Cause.NO_ROUTE_THERE)
_SHADOWED: Final = (Cause.BLACK_HOLE, Cause.LAN_OVERLAP, Cause.NO_ROUTE_THERE)
_NO_WAY: Final = (Cause.BLACK_HOLE, Cause.MISSING_ROUTE, Cause.WRONG_NEXT_HOP, Cause.NO_ROUTE_THERE)
_TOLD: Final = "Who says so to whom? `show ip route` at both ends."
_WIRE: Final = "The provider has to fix it: `dmvpn lab impair` stands for your call."
_EVERYTHING: Final = "network 0.0.0.0 255.255.255.255"
_COMPARE: Final = "Compare both ends, from the wire up."
_one: Final = partial(untold, hints=(_COMPARE, _TOLD))
_wire: Final = partial(untold, hints=(_COMPARE, _WIRE))

_BAD_WIRES: Final = (
    _wire("wire-loses-3", "A wire loses 3 %", (Wire(Part.SPOKE, Badness(loss=3.0)),), (Cause.LOSSY_LINK,)),
    _wire("wire-loses-30", "A wire loses 30 %", (Wire(Part.SPOKE, Badness(loss=30.0)),), (Cause.LOSSY_LINK,)),
    _wire(
        "one-way-outwards",
        "A spoke hears all, and what it sends does not arrive",
        (Wire(Part.SPOKE, Badness(loss=100.0), outgoing=True),),
        (Cause.ONE_WAY_LOSS, Cause.LINK_CUT),
    ),
    _wire(
        "lossy-outwards",
        "Of what a spoke sends a third is lost",
        (Wire(Part.SPOKE, Badness(loss=35.0), outgoing=True),),
        (Cause.LOSSY_LINK, Cause.ONE_WAY_LOSS),
    ),
    _wire(
        "hub-one-way",
        "A hub receives nothing, though what it sends arrives",
        (Wire(Part.HUB, Badness(loss=100.0), incoming=True),),
        (Cause.ONE_WAY_LOSS, Cause.LINK_CUT),
        parts=(Part.HUB,),
    ),
    _wire(
        "hub-link-cut",
        "The wire of a hub carries nothing",
        (Wire(Part.HUB, Badness(cut=1.0)),),
        (Cause.LINK_CUT,),
        parts=(Part.HUB,),
    ),
    _wire(
        "hub-wire-narrow",
        "The wire of a hub drops packets of more than 1000 octets",
        (Wire(Part.HUB, Badness(mtu=1000.0)),),
        (Cause.PATH_MTU, Cause.MTU, Cause.FRAGMENTS_BLOCKED),
        parts=(Part.SPOKE, Part.OTHER, Part.HUB),
    ),
    _wire(
        "wire-narrow-outwards",
        "What a spoke sends may have 1300 octets at most",
        (Wire(Part.SPOKE, Badness(mtu=1300.0), outgoing=True),),
        (Cause.PATH_MTU, Cause.MTU, Cause.FRAGMENTS_BLOCKED),
        parts=(Part.SPOKE, Part.HUB),
    ),
)

_BELOW: Final = (
    _one(
        "provider-route-to-hub",
        "The provider has a route into nothing for a hub",
        (Configure(Part.PROVIDER, ("ip route {hub.nbma} 255.255.255.255 Null0",)),),
        _NO_WAY,
        parts=(Part.PROVIDER,),
        needs=(Need.PROVIDER,),
    ),
    _one(
        "provider-address-gone",
        "The provider's port to a spoke has no address",
        (Configure(Part.PROVIDER, ("interface {port}", "no ip address")),),
        (Cause.NO_ADDRESS, *_NO_WAY),
        parts=(Part.PROVIDER,),
        needs=(Need.PROVIDER,),
    ),
    _one(
        "stray-route-to-hub",
        "A spoke has a route into nothing for the NBMA address of the hub",
        (Configure(Part.SPOKE, ("ip route {hub.nbma} 255.255.255.255 Null0",)),),
        _NO_WAY,
    ),
    _one(
        "second-default-route",
        "A spoke has a second default route, to nobody",
        (Configure(Part.SPOKE, ("ip route 0.0.0.0 0.0.0.0 {nobody_in_lan}",)),),
        (Cause.WRONG_NEXT_HOP, Cause.BLACK_HOLE, Cause.MISSING_ROUTE),
    ),
    _one(
        "nbma-taken",
        "A spoke has the NBMA address of the hub on a loopback",
        (Configure(Part.SPOKE, ("interface Loopback66", "ip address {hub.nbma} 255.255.255.255")),),
        (Cause.NBMA_CONFLICT, Cause.NHS_NBMA),
        parts=(Part.SPOKE, Part.HUB),
    ),
)

_LANS: Final = (
    _one(
        "lan-past-the-tunnel",
        "A static route of a spoke leads to the LAN of another one past the tunnel",
        (Configure(Part.SPOKE, ("ip route {other.lan_network} {other.lan_mask} {gateway}",)), *_FORGET),
        (Cause.BLACK_HOLE, Cause.NO_ROUTE_THERE),
    ),
    _one(
        "lan-second-address",
        "A spoke has the LAN of another one on a port more",
        (
            Configure(Part.SPOKE, ("interface {lan}", "ip address {other.lan_address} {other.lan_mask} secondary")),
            *_FORGET,
        ),
        _TAKEN,
        parts=(Part.SPOKE, Part.OTHER),
    ),
    _one(
        "host-taken-ospf",
        "A spoke tells OSPF of an address of another one's LAN",
        (Configure(Part.SPOKE, (*_LOOPBACK, "router ospf {ospf}", "network {other.host} 0.0.0.0 area 0")), *_FORGET),
        _TAKEN,
        parts=(Part.SPOKE, Part.OTHER),
        needs=(Need.OSPF,),
    ),
    _one(
        "host-taken-rip",
        "A spoke tells RIP of an address of another one's LAN",
        (Configure(Part.SPOKE, (*_LOOPBACK, "router rip", "network {other.lan_network}")), *_FORGET),
        _TAKEN,
        parts=(Part.SPOKE, Part.OTHER),
        needs=(Need.RIP,),
    ),
    _one(
        "host-taken-bgp",
        "A spoke tells BGP of an address of another one's LAN",
        (
            Configure(Part.SPOKE, (*_LOOPBACK, "router bgp {bgp}", "network {other.host} mask 255.255.255.255")),
            *_FORGET,
        ),
        _TAKEN,
        parts=(Part.SPOKE, Part.OTHER),
        needs=(Need.BGP,),
    ),
    _one(
        "lan-shadowed-ospf",
        "A spoke tells OSPF of half of another one's LAN",
        (Configure(Part.SPOKE, (*_HALF, "router ospf {ospf}", "redistribute static subnets")), *_FORGET),
        _SHADOWED,
        needs=(Need.OSPF,),
    ),
    _one(
        "lan-shadowed-rip",
        "A spoke tells RIP of half of another one's LAN",
        (Configure(Part.SPOKE, (*_HALF, "router rip", "redistribute static")), *_FORGET),
        _SHADOWED,
        needs=(Need.RIP,),
    ),
    _one(
        "lan-shadowed-bgp",
        "A spoke tells BGP of half of another one's LAN",
        (
            Configure(Part.SPOKE, (*_HALF, "router bgp {bgp}", "network {other.lan_network} mask 255.255.255.128")),
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
                Part.HUB,
                named=("summary-address 10.0.0.0 255.0.0.0",),
                classic=("ip summary-address eigrp {as} 10.0.0.0 255.0.0.0",),
            ),
            *_FORGET,
        ),
        (Cause.ROUTE_FILTERED, Cause.NEXT_HOP_SELF),
        parts=(Part.HUB,),
        needs=(Need.EIGRP, Need.ONE_HUB),
    ),
    _one(
        "summary-bgp",
        "The hub says one large network for all LANs in BGP, which in phase 2 leads by the hub",
        (Configure(Part.HUB, ("router bgp {bgp}", "aggregate-address 10.0.0.0 255.0.0.0 summary-only")), *_FORGET),
        (Cause.ROUTE_FILTERED, Cause.NEXT_HOP_SELF),
        parts=(Part.HUB,),
        needs=(Need.BGP, Need.ONE_HUB),
    ),
)

_PROTOCOLS: Final = (
    _one(
        "all-networks-eigrp",
        "EIGRP of a hub takes in every interface, its underlay, too",
        (Eigrp(Part.HUB, address_family=(_EVERYTHING,)),),
        (Cause.RECURSION,),
        parts=(Part.HUB, Part.SPOKE),
        needs=(Need.EIGRP,),
    ),
    _one(
        "all-networks-ospf",
        "OSPF of a hub takes in every interface, its underlay, too",
        (Configure(Part.HUB, ("router ospf {ospf}", f"{_EVERYTHING} area 0")),),
        (Cause.RECURSION,),
        parts=(Part.HUB, Part.SPOKE),
        needs=(Need.OSPF,),
    ),
    _one(
        "hub-bgp-neighbor-shutdown",
        "A hub has shut its session with a spoke down",
        (Configure(Part.HUB, ("router bgp {bgp}", "neighbor {spoke.tunnel_address} shutdown")),),
        (Cause.BGP_NEIGHBOR,),
        parts=(Part.HUB,),
        needs=(Need.BGP,),
    ),
    _one(
        "filter-inwards-eigrp",
        "A spoke does not believe EIGRP what it says of another one's LAN",
        (Configure(Part.SPOKE, _DENY), Eigrp(Part.SPOKE, topology=("distribute-list prefix LESSON in",)), *_FORGET),
        (Cause.ROUTE_FILTERED,),
        needs=(Need.EIGRP,),
    ),
    _one(
        "filter-inwards-ospf",
        "A spoke does not believe OSPF what it says of another one's LAN",
        (Configure(Part.SPOKE, (*_DENY, "router ospf {ospf}", "distribute-list prefix LESSON in")), *_FORGET),
        (Cause.ROUTE_FILTERED,),
        needs=(Need.OSPF,),
    ),
    _one(
        "filter-inwards-rip",
        "A spoke does not believe RIP what it says of another one's LAN",
        (Configure(Part.SPOKE, (*_DENY, "router rip", "distribute-list prefix LESSON in")), *_FORGET),
        (Cause.ROUTE_FILTERED,),
        needs=(Need.RIP,),
    ),
    _one(
        "filter-inwards-bgp",
        "A spoke does not believe BGP what it says of another one's LAN",
        (
            Configure(Part.SPOKE, (*_DENY, "router bgp {bgp}", "neighbor {hub.tunnel_address} prefix-list LESSON in")),
            Command(Part.SPOKE, ("clear ip bgp * soft",)),
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
    (Wire(Part.SPOKE, Badness(delay=1100.0)),),
    (Cause.LOSSY_LINK,),
)
