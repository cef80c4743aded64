"""Troubles of networks: announced by two, shadowed, led astray; LANs, their ports and hosts."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.causes import Cause
from dmvpn.features.eigrp.config import interfaces as eigrp_ports
from dmvpn.features.eigrp.config import processes as eigrp_lines
from dmvpn.ios import common
from dmvpn.tools.troubles import pieces
from dmvpn.tools.troubles.model import Command, Edit, Eigrp, Need, Role, Trouble, hub, spoke, word

_ASTRAY: Final = "Trace it from both ends. Who sends it where?"

PREFIXES: Final = (
    pieces.gone(
        id="lan-shutdown",
        title="The port of a spoke to its LAN is shut down",
        acts=(spoke(pieces.LAN, common.SHUTDOWN.of()),),
        hints=("The tunnel is well. What is behind it?", "`show ip interface brief` at {spoke.name}."),
        causes=(Cause.INTERFACE_SHUTDOWN,),
    ),
    pieces.gone(
        id="lan-address",
        title="A spoke has another address in its LAN than its computers believe",
        acts=(spoke(pieces.LAN, pieces.address("nobody_in_lan", "lan_mask")),),
        hints=("{spoke.name} answers. Does the computer send anything to it?", "Which gateway has {spoke.host}?"),
        causes=(Cause.HOST_GATEWAY, Cause.WRONG_MASK),
    ),
    Trouble(
        id="host-taken",
        title="A spoke has an address of another one's LAN, and announces it",
        acts=(
            spoke(pieces.LOOPBACK, pieces.address("other.host", pieces.HOST)),
            Eigrp(
                Role.SPOKE,
                address_family=(eigrp_lines.IN_FAMILY.network.of(address=word("other.host"), wildcard=IPv4Address(0)),),
            ),
            *pieces.FORGET,
        ),
        complaint="The computer {other.host} at {other.name} is offline, people say. Its neighbors are there.",
        hints=(_ASTRAY, "`show ip route {other.host}` at {hub.name}: whose is it?"),
        causes=(Cause.LAN_OVERLAP, Cause.ADDRESS_CONFLICT, Cause.NO_ROUTE_THERE),
        parts=(Role.SPOKE, Role.OTHER),
    ),
    Trouble(
        id="lan-shadowed",
        title="A spoke announces half of another one's LAN",
        acts=(
            spoke(pieces.route("other.lan_network", "255.255.255.128")),
            Eigrp(Role.SPOKE, topology=(eigrp_lines.OF_TOPOLOGY.redistribute.of(static=True),)),
            *pieces.FORGET,
        ),
        complaint="Half of the computers at {other.name} are offline.",
        hints=(_ASTRAY, "`show ip route {other.host}` at {hub.name}: who says so?"),
        causes=(Cause.BLACK_HOLE, Cause.LAN_OVERLAP, Cause.NO_ROUTE_THERE),
    ),
    pieces.gone(
        id="hub-route-astray",
        title="A static route of the hub leads what is for one spoke to another one",
        acts=(hub(pieces.route("spoke.lan_network", "spoke.lan_mask", "other.tunnel_address")), *pieces.FORGET),
        hints=(_ASTRAY, "`show ip route {spoke.lan_network}` at {hub.name}: who says so?"),
        causes=(Cause.BLACK_HOLE, Cause.NO_ROUTE_THERE),
    ),
    pieces.gone(
        id="hub-black-hole",
        title="A static route of the hub sends what is for a spoke into nothing",
        acts=(hub(pieces.route("spoke.lan_network", "spoke.lan_mask")), *pieces.FORGET),
        hints=(_ASTRAY, "`show ip route {spoke.lan_network}` at {hub.name}: who says so?"),
        causes=(Cause.BLACK_HOLE,),
    ),
    Trouble(
        id="host-route-astray",
        title="A host route of a spoke sends what is for a computer of another one to nobody",
        acts=(spoke(pieces.route("other.host", "255.255.255.255", "nobody_in_tunnel")), *pieces.FORGET),
        complaint="{spoke.name} does not reach {other.host}. Everybody else does.",
        hints=(_ASTRAY, "`show ip route {other.host}` at {spoke.name}: who says so?"),
        causes=(Cause.BLACK_HOLE, Cause.NO_ROUTE_THERE),
        noticed=False,
    ),
    Trouble(
        id="hub-passive",
        title="The hub's tunnel is passive",
        acts=(Eigrp(Role.HUB, named=(eigrp_ports.AF_PASSIVE.of(),)), *pieces.FORGET),
        complaint="No branch reaches another one. Their tunnels are up, says monitoring.",
        hints=("Who are the neighbors of {hub.name}?", "`show ip protocols` at {hub.name}."),
        causes=(Cause.PASSIVE_INTERFACE,),
        needs=(Need.ONE_HUB,),
    ),
    pieces.lost(
        id="server-is-self",
        title="A spoke is its own next hop server",
        acts=(pieces.registering("tunnel_address", "nbma"), Command(Role.HUB, ("clear ip nhrp",))),
        hints=("With whom does {spoke.name} register?", "`show ip nhrp nhs` at {spoke.name}: whose address is that?"),
        causes=(Cause.NHS_ADDRESS, Cause.NHS_NBMA, Cause.NHS_MISSING),
    ),
    Trouble(
        id="second-server-missing",
        title="A spoke has one server where the others have two",
        acts=(
            Edit(
                Role.SPOKE,
                pieces.TUNNEL,
                remove=("ip nhrp nhs {hub.tunnel_address}", "ip nhrp map {hub.tunnel_address}"),
            ),
        ),
        complaint="Nobody complains. The hubs were to be tested next week, one after the other.",
        hints=("Compare `show ip nhrp nhs` of all branches.", "{hub.name} is not among the servers of {spoke.name}."),
        causes=(Cause.NHS_MISSING,),
        needs=(Need.TWO_HUBS,),
        noticed=False,
    ),
    Trouble(
        id="small-tunnel",
        title="The tunnel of a spoke lets only small packets in",
        acts=(spoke(pieces.TUNNEL, common.IP_MTU.of(octets=600), common.ADJUST_MSS.of(octets=560)),),
        complaint="At {spoke.name} large files are slow.",
        hints=("Up to which size do packets pass in one piece?", "`show ip interface {spoke.tunnel}` at {spoke.name}."),
        causes=(Cause.MTU, Cause.MSS, Cause.PATH_MTU),
        noticed=False,
    ),
)
