"""Troubles of tunnel interfaces: key, source, destination, mode, address, sizes."""

from __future__ import annotations

from typing import Final

from dmvpn.base.causes import Cause
from dmvpn.features.eigrp.config import processes as eigrp_lines
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.features.tunnel.terms import KEY
from dmvpn.ios import common
from dmvpn.network.terms import tunnels as tables
from dmvpn.tools.troubles import pieces
from dmvpn.tools.troubles.model import Command, Differ, Edit, Eigrp, Need, Role, Trouble, hub, spoke, word

TUNNELS: Final = (
    pieces.lost(
        id="tunnel-key",
        title="The tunnel key of a spoke differs",
        acts=(Differ(Role.SPOKE, tables.TUNNELS, KEY),),
        hints=(
            "The underlay works, and nobody says a word. What makes a router drop a GRE packet silently?",
            "Compare the tunnel interfaces of {spoke.name} and {hub.name}, line by line.",
            "The tunnel key of {spoke.name} is not the hub's.",
        ),
    ),
    pieces.all_lost(
        id="hub-key-missing",
        title="The hub has no tunnel key",
        acts=(Differ(Role.HUB, tables.TUNNELS, KEY, None),),
        hints=(
            "All branches at once, and nobody says a word.",
            "Compare the tunnel interfaces of {hub.name} and a branch, line by line.",
            "{hub.name} lost its `tunnel key`.",
        ),
    ),
    pieces.lost(
        id="tunnel-source",
        title="A spoke's tunnel has its LAN port as source",
        acts=(spoke(pieces.TUNNEL, tunnel_lines.SOURCE.of(interface=word("lan"))),),
        hints=(
            "The underlay works. From which address does the tunnel speak?",
            "`show interfaces {spoke.tunnel}` at {spoke.name}: where would an answer to that source go?",
            "The tunnel source of {spoke.name} has to be {spoke.wan}.",
        ),
        causes=(Cause.WRONG_SOURCE,),
    ),
    pieces.lost(
        id="tunnel-destination",
        title="A point-to-point spoke leads to another spoke instead of the hub",
        acts=(spoke(pieces.TUNNEL, tunnel_lines.DESTINATION.of(address=word("other.nbma"))),),
        hints=(
            "The underlay works, the tunnel is up. Where does it lead?",
            "`show interfaces {spoke.tunnel}` at {spoke.name}: who is that destination?",
            "The tunnel destination of {spoke.name} has to be {hub.nbma}.",
        ),
        causes=(Cause.WRONG_DESTINATION,),
        needs=(Need.POINT_TO_POINT,),
    ),
    Trouble(
        id="hub-point-to-point",
        title="The hub's tunnel is point-to-point GRE",
        acts=(
            hub(
                pieces.TUNNEL,
                tunnel_lines.MODE.no(gre=True, multipoint=True),
                tunnel_lines.DESTINATION.of(address=word("other.nbma")),
            ),
        ),
        complaint="Only one branch still reaches the head office, {other.name}. The others are offline.",
        hints=(
            "Why that one, and only that one?",
            "`show interfaces {hub.tunnel}` at {hub.name}: what kind of tunnel is it?",
            "`no tunnel destination` and `tunnel mode gre multipoint` at {hub.name}.",
        ),
        causes=(Cause.HUB_POINT_TO_POINT, Cause.WRONG_DESTINATION),
    ),
    Trouble(
        id="spoke-point-to-point",
        title="A phase 3 spoke has a point-to-point tunnel",
        acts=(
            spoke(
                pieces.TUNNEL,
                tunnel_lines.MODE.no(gre=True, multipoint=True),
                tunnel_lines.DESTINATION.of(address=word("hub.nbma")),
            ),
            Command(Role.OTHER, ("clear ip nhrp",)),
        ),
        complaint=pieces.LONG_WAY,
        hints=(
            "Everything works, by the hub. What does a spoke need to be reached directly?",
            "`show dmvpn detail` at {spoke.name} and {other.name} while they talk: which state have the entries?",
            "{spoke.name} has `tunnel destination`: it can lead to the hub alone.",
        ),
        causes=(Cause.SPOKE_POINT_TO_POINT,),
        needs=(Need.PHASE_3, Need.ONE_HUB),
    ),
    pieces.lost(
        id="tunnel-shutdown",
        title="A spoke's tunnel is shut down",
        acts=(spoke(pieces.TUNNEL, common.SHUTDOWN.of()),),
        hints=(
            "Begin at the site that is concerned, from below.",
            "`show ip interface brief` at {spoke.name}.",
            "{spoke.tunnel} is administratively down: `no shutdown`.",
        ),
        causes=(Cause.TUNNEL_SHUTDOWN, Cause.INTERFACE_SHUTDOWN),
    ),
    pieces.all_lost(
        id="hub-tunnel-shutdown",
        title="The hub's tunnel is shut down",
        acts=(hub(pieces.TUNNEL, common.SHUTDOWN.of()),),
        hints=(
            "All branches at once: look for what they share.",
            "`show ip interface brief` at {hub.name}.",
            "{hub.tunnel} is administratively down: `no shutdown`.",
        ),
        causes=(Cause.TUNNEL_SHUTDOWN, Cause.INTERFACE_SHUTDOWN),
    ),
    Trouble(
        id="address-conflict",
        title="A spoke has the tunnel address of another one",
        acts=(spoke(pieces.TUNNEL, pieces.address("other.tunnel_address", "other.tunnel_mask")),),
        complaint="{spoke.name} is offline since it got a new router. {other.name} complains now and then, too.",
        hints=(
            "Both branches were well before the new router came. What might they quarrel about?",
            "The log of {spoke.name} says why the hub does not want it.",
            "{other.tunnel_address} is the tunnel address of {other.name}; {spoke.name} has {spoke.tunnel_address}.",
        ),
        causes=(Cause.ADDRESS_CONFLICT, Cause.STALE_UNIQUE),
        parts=(Role.SPOKE, Role.OTHER),
    ),
    Trouble(
        id="recursion",
        title="The hub announces its own underlay by the tunnel: the tunnel would run through itself",
        acts=(
            Eigrp(
                Role.HUB,
                address_family=(
                    eigrp_lines.IN_FAMILY.network.of(address=word("nbma_network"), wildcard=word("nbma_wildcard")),
                ),
            ),
        ),
        complaint="The tunnels of all branches go down, come back, and go down again.",
        hints=(
            "It comes and goes. What do the logs of the branches say each time?",
            "`show ip route {hub.nbma}` at {spoke.name} while it is up: which way is that?",
            "EIGRP at {hub.name} must not take {hub.nbma_network} in.",
        ),
        causes=(Cause.RECURSION,),
        parts=(Role.HUB, Role.SPOKE),
    ),
    pieces.lost(
        id="recursion-static",
        title="A static route of a spoke sends the tunnel's own packets into the tunnel",
        acts=(spoke(pieces.route("hub.nbma", "255.255.255.255", "hub.tunnel_address")),),
        hints=(
            "Why is the tunnel down, though its source is up?",
            "`show ip route {hub.nbma}` at {spoke.name}, and its log.",
            "The static route to {hub.nbma} leads into the tunnel: it has to go.",
        ),
        causes=(Cause.RECURSION,),
    ),
    pieces.lost(
        id="tunnel-ttl",
        title="What a spoke sends by its tunnel lives for one router only",
        acts=(spoke(pieces.TUNNEL, tunnel_lines.TTL.of(ttl=1)),),
        hints=(
            "The underlay answers pings from {spoke.name}, and its tunnel is up. Do the tunnel's packets arrive?",
            "`traceroute {hub.nbma}` at {spoke.name}: how many routers does a tunnel packet have to pass?",
            "`tunnel ttl 1` ends at the provider: `tunnel ttl 255` is what it was.",
        ),
        causes=(Cause.TTL,),
        needs=(Need.PROVIDER,),
    ),
    Trouble(
        id="mss",
        title="TCP is not told how much a tunnel carries",
        acts=(
            Edit(Role.HUB, pieces.TUNNEL, remove=("ip tcp adjust-mss",)),
            Edit(Role.SPOKE, pieces.TUNNEL, remove=("ip tcp adjust-mss",)),
        ),
        complaint="At {spoke.name} some web pages never finish loading. Ping is perfect.",
        hints=(
            "Ping is perfect, and web pages hang. What is the difference?",
            "Which size do two computers agree on when a TCP connection begins, and who could tell them better?",
            "`ip tcp adjust-mss 1360` is missing on the tunnels of {spoke.name} and {hub.name}.",
        ),
        causes=(Cause.MSS,),
        parts=(Role.SPOKE, Role.HUB),
    ),
)
