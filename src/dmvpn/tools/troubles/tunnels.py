"""Troubles of tunnels: key, source, destination, mode, address, sizes; NHRP's registration, multicast, redirect and
shortcut.
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.findings import Cause
from dmvpn.features.eigrp.config import processes as eigrp_lines
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.features.nhrp.terms import PASSWORD
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.features.tunnel.terms import KEY
from dmvpn.ios import common
from dmvpn.network.terms import protocols as tables
from dmvpn.tools.troubles import model
from dmvpn.tools.troubles.model import Command, Differ, Edit, Eigrp, Need, Role, Trouble, hub, spoke, word

# ------------------------------------------------------------------------------------------------ tunnel interfaces


TUNNELS: Final = (
    model.lost(
        id="tunnel-key",
        title="The tunnel key of a spoke differs",
        acts=(Differ(Role.SPOKE, tables.TUNNELS, KEY),),
        hints=(
            "The underlay works, and no router logs an error. What makes a router drop a GRE packet silently?",
            "Compare the tunnel interfaces of {spoke.name} and {hub.name}, line by line.",
            "The tunnel key of {spoke.name} is not the hub's.",
        ),
    ),
    model.all_lost(
        id="hub-key-missing",
        title="The hub has no tunnel key",
        acts=(Differ(Role.HUB, tables.TUNNELS, KEY, None),),
        hints=(
            "All branches at once, and no router logs an error.",
            "Compare the tunnel interfaces of {hub.name} and a branch, line by line.",
            "{hub.name} lost its `tunnel key`.",
        ),
    ),
    model.lost(
        id="tunnel-source",
        title="A spoke's tunnel has its LAN port as source",
        acts=(spoke(model.TUNNEL, tunnel_lines.SOURCE.line(interface=word("lan"))),),
        hints=(
            "The underlay works. From which address does the tunnel speak?",
            "`show interfaces {spoke.tunnel}` at {spoke.name}: where would an answer to that source go?",
            "The tunnel source of {spoke.name} has to be {spoke.wan}.",
        ),
        causes=(Cause.WRONG_SOURCE,),
    ),
    model.lost(
        id="tunnel-destination",
        title="The tunnel destination of a point-to-point spoke is another spoke",
        acts=(spoke(model.TUNNEL, tunnel_lines.DESTINATION.line(address=word("other.nbma"))),),
        hints=(
            "The underlay works, the tunnel is up. Where does it lead?",
            "`show interfaces {spoke.tunnel}` at {spoke.name}: whose address is the destination?",
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
                model.TUNNEL,
                tunnel_lines.MODE.no(gre=True, multipoint=True),
                tunnel_lines.DESTINATION.line(address=word("other.nbma")),
            ),
        ),
        complaint="Only one branch still reaches the head office, {other.name}. All the rest are offline.",
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
                model.TUNNEL,
                tunnel_lines.MODE.no(gre=True, multipoint=True),
                tunnel_lines.DESTINATION.line(address=word("hub.nbma")),
            ),
            Command(Role.OTHER, ("clear ip nhrp",)),
        ),
        complaint=model.LONG_WAY,
        hints=(
            "Everything works, by the hub. What does a spoke need to be reached directly?",
            "`show dmvpn detail` at {spoke.name} and {other.name} while they talk: which state have the entries?",
            "{spoke.name} has `tunnel destination`: it can lead to the hub alone.",
        ),
        causes=(Cause.SPOKE_POINT_TO_POINT,),
        needs=(Need.PHASE_3, Need.ONE_HUB),
    ),
    model.lost(
        id="tunnel-shutdown",
        title="A spoke's tunnel is shut down",
        acts=(spoke(model.TUNNEL, common.SHUTDOWN.line()),),
        hints=(
            "Begin at the site that is concerned, from below.",
            "`show ip interface brief` at {spoke.name}.",
            "{spoke.tunnel} is administratively down: `no shutdown`.",
        ),
        causes=(Cause.TUNNEL_SHUTDOWN, Cause.INTERFACE_SHUTDOWN),
    ),
    model.all_lost(
        id="hub-tunnel-shutdown",
        title="The hub's tunnel is shut down",
        acts=(hub(model.TUNNEL, common.SHUTDOWN.line()),),
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
        acts=(spoke(model.TUNNEL, model.address("other.tunnel_address", "other.tunnel_mask")),),
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
        title="The hub advertises its own underlay by the tunnel: the tunnel would run through itself",
        acts=(
            Eigrp(
                Role.HUB,
                address_family=(
                    eigrp_lines.IN_FAMILY.network.line(address=word("nbma_network"), wildcard=word("nbma_wildcard")),
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
    model.lost(
        id="recursion-static",
        title="A static route of a spoke sends the tunnel's own packets into the tunnel",
        acts=(spoke(model.route("hub.nbma", "255.255.255.255", "hub.tunnel_address")),),
        hints=(
            "Why is the tunnel down, though its source is up?",
            "`show ip route {hub.nbma}` at {spoke.name}, and its log.",
            "The static route to {hub.nbma} leads into the tunnel: it has to go.",
        ),
        causes=(Cause.RECURSION,),
    ),
    model.lost(
        id="tunnel-ttl",
        title="A spoke's tunnel packets have a TTL of 1",
        acts=(spoke(model.TUNNEL, tunnel_lines.TTL.line(ttl=1)),),
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
        title="The tunnels do not clamp the MSS of TCP",
        acts=(
            Edit(Role.HUB, model.TUNNEL, remove=("ip tcp adjust-mss",)),
            Edit(Role.SPOKE, model.TUNNEL, remove=("ip tcp adjust-mss",)),
        ),
        complaint="At {spoke.name} some web pages never finish loading. Ping is perfect.",
        hints=(
            "Ping is perfect, and web pages hang. What is the difference?",
            "Which size do two computers agree on when a TCP connection begins, and who could lower it?",
            "`ip tcp adjust-mss 1360` is missing on the tunnels of {spoke.name} and {hub.name}.",
        ),
        causes=(Cause.MSS,),
        parts=(Role.SPOKE, Role.HUB),
    ),
)


# ------------------------------------------------------------------------------------------------ NHRP


_SERVERS: Final = ("ip nhrp nhs", "ip nhrp map")
#: Clear the caches, so that all routers have to resolve again.
_FORGET: Final = model.commands("clear ip nhrp", Role.HUB, Role.SPOKE, Role.OTHER)

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
    model.all_lost(
        id="hub-network-id-missing",
        title="The hub's tunnel has no network-id: it runs no NHRP",
        acts=(Edit(Role.HUB, model.TUNNEL, remove=("ip nhrp network-id",)),),
        hints=(
            "Tunnels and underlay are well. What do the branches ask the hub for?",
            "`show ip nhrp` and the log at {hub.name}.",
            "`ip nhrp network-id` is missing at {hub.name}.",
        ),
        causes=(Cause.NETWORK_ID,),
    ),
    model.lost(
        id="network-id-missing",
        title="A spoke's tunnel has no network-id: it runs no NHRP",
        acts=(Edit(Role.SPOKE, model.TUNNEL, remove=("ip nhrp network-id",)), Command(Role.HUB, ("clear ip nhrp",))),
        hints=(
            "Tunnel and underlay are well. Does the hub know {spoke.name}?",
            "`show dmvpn` at {spoke.name}: which peers are there, and which are missing?",
            "`ip nhrp network-id` is missing at {spoke.name}.",
        ),
        causes=(Cause.NETWORK_ID,),
    ),
    model.lost(
        id="nhs-address",
        title="A spoke has the wrong tunnel address for its NHS",
        acts=(model.registering("nobody_in_tunnel", "hub.nbma"), Command(Role.HUB, ("clear ip nhrp",))),
        hints=(
            "The hub answers {spoke.name}. What does it say?",
            "`show ip nhrp nhs detail` at {spoke.name}: which server does it look for, and which one answers?",
            "The next hop server is {hub.tunnel_address}.",
        ),
        causes=(Cause.NHS_ADDRESS,),
    ),
    model.lost(
        id="nhs-nbma",
        title="A spoke has the wrong NBMA address for its NHS",
        acts=(model.registering("hub.tunnel_address", "other.nbma"),),
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
        title="A static route of a spoke to the hub's tunnel address leads to Null0",
        acts=(spoke(model.route("hub.tunnel_address", model.HOST)),),
        complaint="Monitoring at {spoke.name} says that the other end of the tunnel is dead. All works, say people.",
        hints=(
            "{spoke.name} is registered. What becomes of a ping to the other end of its tunnel?",
            "`show ip route {hub.tunnel_address}` at {spoke.name}: who says so?",
            "A static route to Null0 is longer than the network of the tunnel. It has to go.",
        ),
        causes=(Cause.NHS_ROUTE, Cause.BLACK_HOLE),
        noticed=False,
    ),
    model.lost(
        id="nhs-missing",
        title="A spoke has a static map of the hub, and no NHS",
        acts=(
            Edit(
                Role.SPOKE,
                model.TUNNEL,
                remove=_SERVERS,
                add=(
                    nhrp_lines.MAP.line(target=word("hub.tunnel_address"), nbma=word("hub.nbma")),
                    nhrp_lines.MAP_MULTICAST.line(nbma=word("hub.nbma")),
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
            Edit(Role.HUB, model.TUNNEL, remove=("ip nhrp map multicast dynamic",)),
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
        acts=(model.registering("hub.tunnel_address", "hub.nbma", multicast=False),),
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
        acts=(Edit(Role.HUB, model.TUNNEL, remove=("ip nhrp redirect",)), *model.FORGET),
        complaint=model.LONG_WAY,
        hints=(
            "Everything works, by the hub. Which message shows the branches a better way?",
            "`show ip nhrp` at {spoke.name} while it talks with {other.name}.",
            "`ip nhrp redirect` is missing at {hub.name}.",
        ),
        causes=(Cause.REDIRECT,),
        needs=(Need.PHASE_3,),
    ),
    Trouble(
        id="shortcut-missing",
        title="A spoke takes no shortcuts",
        acts=(Edit(Role.SPOKE, model.TUNNEL, remove=("ip nhrp shortcut",)), *model.FORGET),
        complaint="What {spoke.name} sends to {other.name} takes the long way by the head office.",
        hints=(
            "Trace both directions. Which one is long?",
            "The hub sends redirects to both. Which router ignores them?",
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
                model.TUNNEL,
                remove=("ip nhrp holdtime", "ip nhrp registration timeout"),
                add=(nhrp_lines.HOLDTIME.line(seconds=10), nhrp_lines.REGISTRATION_TIMEOUT.line(seconds=600)),
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
