"""Troubles of networks: announced by two, shadowed, led astray; LANs, their ports and hosts."""

from __future__ import annotations

from typing import Final

from dmvpn.tools.causes import Cause
from dmvpn.tools.troubles.acts import Command, Configure, Edit, Eigrp, Part
from dmvpn.tools.troubles.trouble import Need, Trouble

_GONE: Final = "Nobody reaches the computers at {spoke.name} any more."
_FORGET: Final = (Command(Part.SPOKE, ("clear ip nhrp",)), Command(Part.OTHER, ("clear ip nhrp",)))
_ASTRAY: Final = "Trace it from both ends. Who sends it where?"

PREFIXES: Final = (
    Trouble(
        id="lan-shutdown",
        title="The port of a spoke to its LAN is shut down",
        acts=(Configure(Part.SPOKE, ("interface {lan}", "shutdown")),),
        complaint=_GONE,
        hints=("The tunnel is well. What is behind it?", "`show ip interface brief` at {spoke.name}."),
        cause=Cause.INTERFACE_SHUTDOWN,
    ),
    Trouble(
        id="lan-address",
        title="A spoke has another address in its LAN than its computers believe",
        acts=(Configure(Part.SPOKE, ("interface {lan}", "ip address {nobody_in_lan} {lan_mask}")),),
        complaint=_GONE,
        hints=("{spoke.name} answers. Does the computer send anything to it?", "Which gateway has {spoke.host}?"),
        cause=Cause.HOST_GATEWAY,
        also=(Cause.WRONG_MASK,),
    ),
    Trouble(
        id="host-taken",
        title="A spoke has an address of another one's LAN, and announces it",
        acts=(
            Configure(Part.SPOKE, ("interface Loopback66", "ip address {other.host} 255.255.255.255")),
            Eigrp(Part.SPOKE, address_family=("network {other.host} 0.0.0.0",)),
            *_FORGET,
        ),
        complaint="The computer {other.host} at {other.name} is offline, people say. Its neighbors are there.",
        hints=(_ASTRAY, "`show ip route {other.host}` at {hub.name}: whose is it?"),
        cause=Cause.LAN_OVERLAP,
        parts=(Part.SPOKE, Part.OTHER),
        also=(Cause.ADDRESS_CONFLICT, Cause.NO_ROUTE_THERE),
        needs=(Need.EIGRP,),
    ),
    Trouble(
        id="lan-shadowed",
        title="A spoke announces half of another one's LAN",
        acts=(
            Configure(Part.SPOKE, ("ip route {other.lan_network} 255.255.255.128 Null0",)),
            Eigrp(Part.SPOKE, topology=("redistribute static",)),
            *_FORGET,
        ),
        complaint="Half of the computers at {other.name} are offline.",
        hints=(_ASTRAY, "`show ip route {other.host}` at {hub.name}: who says so?"),
        cause=Cause.BLACK_HOLE,
        also=(Cause.LAN_OVERLAP, Cause.NO_ROUTE_THERE),
        needs=(Need.EIGRP,),
    ),
    Trouble(
        id="hub-route-astray",
        title="A static route of the hub leads what is for one spoke to another one",
        acts=(
            Configure(Part.HUB, ("ip route {spoke.lan_network} {spoke.lan_mask} {other.tunnel_address}",)),
            *_FORGET,
        ),
        complaint=_GONE,
        hints=(_ASTRAY, "`show ip route {spoke.lan_network}` at {hub.name}: who says so?"),
        cause=Cause.BLACK_HOLE,
        parts=(Part.HUB,),
        also=(Cause.NO_ROUTE_THERE,),
    ),
    Trouble(
        id="hub-black-hole",
        title="A static route of the hub sends what is for a spoke into nothing",
        acts=(Configure(Part.HUB, ("ip route {spoke.lan_network} {spoke.lan_mask} Null0",)), *_FORGET),
        complaint=_GONE,
        hints=(_ASTRAY, "`show ip route {spoke.lan_network}` at {hub.name}: who says so?"),
        cause=Cause.BLACK_HOLE,
        parts=(Part.HUB,),
    ),
    Trouble(
        id="host-route-astray",
        title="A host route of a spoke sends what is for a computer of another one to nobody",
        acts=(Configure(Part.SPOKE, ("ip route {other.host} 255.255.255.255 {nobody_in_tunnel}",)), *_FORGET),
        complaint="{spoke.name} does not reach {other.host}. Everybody else does.",
        hints=(_ASTRAY, "`show ip route {other.host}` at {spoke.name}: who says so?"),
        cause=Cause.BLACK_HOLE,
        also=(Cause.NO_ROUTE_THERE,),
        noticed=False,
    ),
    Trouble(
        id="hub-passive",
        title="The hub's tunnel is passive",
        acts=(
            Eigrp(
                Part.HUB,
                named=("passive-interface",),
            ),
            *_FORGET,
        ),
        complaint="No branch reaches another one. Their tunnels are up, says monitoring.",
        hints=("Who are the neighbors of {hub.name}?", "`show ip protocols` at {hub.name}."),
        cause=Cause.PASSIVE_INTERFACE,
        parts=(Part.HUB,),
        needs=(Need.EIGRP, Need.ONE_HUB),
    ),
    Trouble(
        id="server-is-self",
        title="A spoke is its own next hop server",
        acts=(
            Edit(
                Part.SPOKE,
                "interface {tunnel}",
                remove=("ip nhrp nhs", "ip nhrp map"),
                add=("ip nhrp nhs {tunnel_address} nbma {nbma} multicast",),
            ),
            Command(Part.HUB, ("clear ip nhrp",)),
        ),
        complaint="The branch {spoke.name} does not reach the head office any more.",
        hints=("With whom does {spoke.name} register?", "`show ip nhrp nhs` at {spoke.name}: whose address is that?"),
        cause=Cause.NHS_ADDRESS,
        also=(Cause.NHS_NBMA, Cause.NHS_MISSING),
    ),
    Trouble(
        id="second-server-missing",
        title="A spoke has one server where the others have two",
        acts=(
            Edit(
                Part.SPOKE,
                "interface {tunnel}",
                remove=("ip nhrp nhs {hub.tunnel_address}", "ip nhrp map {hub.tunnel_address}"),
            ),
        ),
        complaint="Nobody complains. The hubs were to be tested next week, one after the other.",
        hints=("Compare `show ip nhrp nhs` of all branches.", "{hub.name} is not among the servers of {spoke.name}."),
        cause=Cause.NHS_MISSING,
        needs=(Need.TWO_HUBS,),
        noticed=False,
    ),
    Trouble(
        id="small-tunnel",
        title="The tunnel of a spoke lets only small packets in",
        acts=(Configure(Part.SPOKE, ("interface {tunnel}", "ip mtu 600", "ip tcp adjust-mss 560")),),
        complaint="At {spoke.name} large files are slow.",
        hints=("Up to which size do packets pass in one piece?", "`show ip interface {spoke.tunnel}` at {spoke.name}."),
        cause=Cause.MTU,
        also=(Cause.MSS, Cause.PATH_MTU),
        noticed=False,
    ),
)
