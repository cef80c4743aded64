"""Troubles of NHRP: registration, multicast, redirect and shortcut."""

from __future__ import annotations

from typing import Final

from dmvpn.base.causes import Cause
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.features.nhrp.terms import PASSWORD
from dmvpn.network.terms import protocols as tables
from dmvpn.tools.troubles import pieces
from dmvpn.tools.troubles.acts import Command, Differ, Edit, Role, spoke, word
from dmvpn.tools.troubles.trouble import Need, Trouble

_SERVERS: Final = ("ip nhrp nhs", "ip nhrp map")
#: Clear the caches, so that all routers have to resolve again.
_FORGET: Final = pieces.commands("clear ip nhrp", Role.HUB, Role.SPOKE, Role.OTHER)

NHRP: Final = (
    Trouble(
        id="nhrp-authentication",
        title="The NHRP password of a spoke differs",
        acts=(Differ(Role.SPOKE, tables.NHRP, PASSWORD), *_FORGET),
        complaint="Monitoring reports {spoke.name}. People there say it is slow, or gone.",
        hints=(
            "The underlay and the tunnel are well. Does the hub know {spoke.name}?",
            "`show ip nhrp nhs detail` at {spoke.name}, and its log with `logging dmvpn`: what does the hub answer?",
            "`ip nhrp authentication` of {spoke.name} is not the hub's.",
        ),
    ),
    pieces.all_lost(
        id="hub-network-id-missing",
        title="The hub's tunnel has no network-id: it runs no NHRP",
        acts=(Edit(Role.HUB, pieces.TUNNEL, remove=("ip nhrp network-id",)),),
        hints=(
            "Tunnels and underlay are well. What do the branches ask the hub for?",
            "`show ip nhrp` and the log at {hub.name}.",
            "`ip nhrp network-id` is missing at {hub.name}.",
        ),
        causes=(Cause.NETWORK_ID,),
    ),
    pieces.lost(
        id="network-id-missing",
        title="A spoke's tunnel has no network-id: it runs no NHRP",
        acts=(Edit(Role.SPOKE, pieces.TUNNEL, remove=("ip nhrp network-id",)), Command(Role.HUB, ("clear ip nhrp",))),
        hints=(
            "Tunnel and underlay are well. Does the hub know {spoke.name}?",
            "`show dmvpn` at {spoke.name}: what is there, and what is not?",
            "`ip nhrp network-id` is missing at {spoke.name}.",
        ),
        causes=(Cause.NETWORK_ID,),
    ),
    pieces.lost(
        id="nhs-address",
        title="A spoke has the wrong tunnel address for its NHS",
        acts=(pieces.registering("nobody_in_tunnel", "hub.nbma"), Command(Role.HUB, ("clear ip nhrp",))),
        hints=(
            "The hub answers {spoke.name}. What does it say?",
            "`show ip nhrp nhs detail` at {spoke.name}: who is it looking for, and who is there?",
            "The next hop server is {hub.tunnel_address}.",
        ),
        causes=(Cause.NHS_ADDRESS,),
    ),
    pieces.lost(
        id="nhs-nbma",
        title="A spoke has the wrong NBMA address for its NHS",
        acts=(pieces.registering("hub.tunnel_address", "other.nbma"),),
        hints=(
            "Where do the requests of {spoke.name} go?",
            "`show ip nhrp` at {spoke.name}: whose NBMA address is that?",
            "The NBMA address of {hub.tunnel_address} is {hub.nbma}.",
        ),
        causes=(Cause.NHS_NBMA,),
        needs=(Need.MULTIPOINT,),
    ),
    Trouble(
        id="nhs-route",
        title="A static route of a spoke sends what is for the hub's tunnel address into nothing",
        acts=(spoke(pieces.route("hub.tunnel_address", pieces.HOST)),),
        complaint="Monitoring at {spoke.name} says that the other end of the tunnel is dead. All works, say people.",
        hints=(
            "{spoke.name} is registered. What becomes of a ping to the other end of its tunnel?",
            "`show ip route {hub.tunnel_address}` at {spoke.name}: who says so?",
            "A static route to Null0 is longer than the network of the tunnel. It has to go.",
        ),
        causes=(Cause.NHS_ROUTE, Cause.BLACK_HOLE),
        noticed=False,
    ),
    pieces.lost(
        id="nhs-missing",
        title="A spoke has a static map of the hub, and no NHS",
        acts=(
            Edit(
                Role.SPOKE,
                pieces.TUNNEL,
                remove=_SERVERS,
                add=(
                    nhrp_lines.MAP.of(target=word("hub.tunnel_address"), nbma=word("hub.nbma")),
                    nhrp_lines.MAP_MULTICAST.of(nbma=word("hub.nbma")),
                ),
            ),
            Command(Role.HUB, ("clear ip nhrp",)),
        ),
        hints=(
            "{spoke.name} knows where the hub is. Does the hub know where {spoke.name} is?",
            "`show ip nhrp nhs` at {spoke.name}.",
            "`ip nhrp nhs {hub.tunnel_address}` is missing.",
        ),
        causes=(Cause.NHS_MISSING,),
    ),
    Trouble(
        id="hub-multicast",
        title="The hub replicates no multicast to its spokes",
        acts=(
            Edit(Role.HUB, pieces.TUNNEL, remove=("ip nhrp map multicast dynamic",)),
            Command(Role.HUB, _FORGET[0].lines),
        ),
        complaint="The branches reach neither the head office nor each other. Their tunnels are up, says monitoring.",
        hints=(
            "All are registered, and no routes come. What do routing protocols need?",
            "`show ip eigrp neighbors` at both ends, and how hellos reach a spoke.",
            "`ip nhrp map multicast dynamic` is missing at {hub.name}.",
        ),
        causes=(Cause.HUB_MULTICAST,),
        needs=(Need.EIGRP,),
    ),
    Trouble(
        id="spoke-multicast",
        title="A spoke sends no multicast to the hub",
        acts=(pieces.registering("hub.tunnel_address", "hub.nbma", multicast=False),),
        complaint="{spoke.name} does not reach the head office. Its tunnel is up, says monitoring.",
        hints=(
            "It is registered, and no routes come. What do routing protocols need?",
            "`show ip eigrp neighbors` at both ends: whose hellos do not arrive?",
            "`multicast` is missing behind the NHS of {spoke.name}.",
        ),
        causes=(Cause.SPOKE_MULTICAST,),
        needs=(Need.EIGRP, Need.MULTIPOINT),
    ),
    Trouble(
        id="redirect-missing",
        title="The hub sends no redirects",
        acts=(Edit(Role.HUB, pieces.TUNNEL, remove=("ip nhrp redirect",)), *pieces.FORGET),
        complaint=pieces.LONG_WAY,
        hints=(
            "Everything works, by the hub. Who would tell the branches that there is a better way?",
            "`show ip nhrp` at {spoke.name} while it talks with {other.name}.",
            "`ip nhrp redirect` is missing at {hub.name}.",
        ),
        causes=(Cause.REDIRECT,),
        needs=(Need.PHASE_3,),
    ),
    Trouble(
        id="shortcut-missing",
        title="A spoke takes no shortcuts",
        acts=(Edit(Role.SPOKE, pieces.TUNNEL, remove=("ip nhrp shortcut",)), *pieces.FORGET),
        complaint="What {spoke.name} sends to {other.name} takes the long way by the head office.",
        hints=(
            "Trace both directions. Which one is long?",
            "The hub tells everybody. Who does not listen?",
            "`ip nhrp shortcut` is missing at {spoke.name}.",
        ),
        causes=(Cause.SHORTCUT,),
        needs=(Need.PHASE_3,),
    ),
    Trouble(
        id="holding-time",
        title="A spoke's registration is not renewed before it expires",
        acts=(
            Edit(
                Role.SPOKE,
                pieces.TUNNEL,
                remove=("ip nhrp holdtime", "ip nhrp registration timeout"),
                add=(nhrp_lines.HOLDTIME.of(seconds=10), nhrp_lines.REGISTRATION_TIMEOUT.of(seconds=600)),
            ),
            Command(Role.HUB, ("clear ip nhrp",)),
        ),
        complaint="{spoke.name} works for a moment, then it is away for a moment, then it works again.",
        hints=(
            "It comes and goes. Measure how long it is up, and how long it is down.",
            "`show ip nhrp` at {hub.name}: how long does the entry of {spoke.name} live, and when is it renewed?",
            "`ip nhrp holdtime` of {spoke.name} has to be more than its `registration timeout`: three times is usual.",
        ),
        causes=(Cause.HOLDING_TIME,),
        noticed=False,
    ),
)
