"""Troubles of tunnels: key, source, destination, mode, address, sizes; NHRP's registration, multicast, redirect and
shortcut.
"""

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
from dmvpn.tools.troubles.model import Command, Differ, Edit, Eigrp, Need, Role, hub, spoke, with_story, word

# ------------------------------------------------------------------------------------------------ tunnel interfaces


TUNNELS: Final = (
    model.lost(Differ(Role.SPOKE, tables.TUNNELS, KEY))("""
        tunnel-key: The tunnel key of a spoke differs
        The underlay works, and no router logs an error. What makes a router drop a GRE packet silently?
        Compare the tunnel interfaces of {spoke.name} and {hub.name}, line by line.
        The tunnel key of {spoke.name} is not the hub's.
        """),
    model.all_lost(Differ(Role.HUB, tables.TUNNELS, KEY, None))("""
        hub-key-missing: The hub has no tunnel key
        All branches at once, and no router logs an error.
        Compare the tunnel interfaces of {hub.name} and a branch, line by line.
        {hub.name} lost its `tunnel key`.
        """),
    model.lost(spoke(model.TUNNEL, tunnel_lines.SOURCE.line(interface=word("lan"))), Cause.WRONG_SOURCE)("""
        tunnel-source: A spoke's tunnel has its LAN port as source
        The underlay works. From which address does the tunnel speak?
        `show interfaces {spoke.tunnel}` at {spoke.name}: where would an answer to that source go?
        The tunnel source of {spoke.name} has to be {spoke.wan}.
        """),
    model.lost(
        spoke(model.TUNNEL, tunnel_lines.DESTINATION.line(address=word("other.nbma"))),
        Cause.WRONG_DESTINATION,
        needs=(Need.POINT_TO_POINT,),
    )("""
        tunnel-destination: The tunnel destination of a point-to-point spoke is another spoke
        The underlay works, the tunnel is up. Where does it lead?
        `show interfaces {spoke.tunnel}` at {spoke.name}: whose address is the destination?
        The tunnel destination of {spoke.name} has to be {hub.nbma}.
        """),
    with_story(
        hub(
            model.TUNNEL,
            tunnel_lines.MODE.no(gre=True, multipoint=True),
            tunnel_lines.DESTINATION.line(address=word("other.nbma")),
        ),
        Cause.HUB_POINT_TO_POINT,
        Cause.WRONG_DESTINATION,
    )("""
        hub-point-to-point: The hub's tunnel is point-to-point GRE
        says: Only one branch still reaches the head office, {other.name}. All the rest are offline.
        Why that one, and only that one?
        `show interfaces {hub.tunnel}` at {hub.name}: what kind of tunnel is it?
        `no tunnel destination` and `tunnel mode gre multipoint` at {hub.name}.
        """),
    with_story(
        spoke(
            model.TUNNEL,
            tunnel_lines.MODE.no(gre=True, multipoint=True),
            tunnel_lines.DESTINATION.line(address=word("hub.nbma")),
        ),
        Command(Role.OTHER, ("clear ip nhrp",)),
        Cause.SPOKE_POINT_TO_POINT,
        needs=(Need.PHASE_3, Need.ONE_HUB),
    )(f"""
        spoke-point-to-point: A phase 3 spoke has a point-to-point tunnel
        says: {model.LONG_WAY}
        Everything works, by the hub. What does a spoke need to be reached directly?
        `show dmvpn detail` at {{spoke.name}} and {{other.name}} while they talk: which state have the entries?
        {{spoke.name}} has `tunnel destination`: it can lead to the hub alone.
        """),
    model.lost(spoke(model.TUNNEL, common.SHUTDOWN.line()), Cause.TUNNEL_SHUTDOWN, Cause.INTERFACE_SHUTDOWN)("""
        tunnel-shutdown: A spoke's tunnel is shut down
        Begin at the site that is concerned, from below.
        `show ip interface brief` at {spoke.name}.
        {spoke.tunnel} is administratively down: `no shutdown`.
        """),
    model.all_lost(hub(model.TUNNEL, common.SHUTDOWN.line()), Cause.TUNNEL_SHUTDOWN, Cause.INTERFACE_SHUTDOWN)("""
        hub-tunnel-shutdown: The hub's tunnel is shut down
        All branches at once: look for what they share.
        `show ip interface brief` at {hub.name}.
        {hub.tunnel} is administratively down: `no shutdown`.
        """),
    with_story(
        spoke(model.TUNNEL, model.address("other.tunnel_address", "other.tunnel_mask")),
        Cause.ADDRESS_CONFLICT,
        Cause.STALE_UNIQUE,
        parts=(Role.SPOKE, Role.OTHER),
    )("""
        address-conflict: A spoke has the tunnel address of another one
        says: {spoke.name} is offline since it got a new router. {other.name} complains now and then, too.
        Both branches were well before the new router came. What might they quarrel about?
        The log of {spoke.name} says why the hub does not want it.
        {other.tunnel_address} is the tunnel address of {other.name}; {spoke.name} has {spoke.tunnel_address}.
        """),
    with_story(
        Eigrp(
            Role.HUB,
            address_family=(
                eigrp_lines.IN_FAMILY.network.line(address=word("nbma_network"), wildcard=word("nbma_wildcard")),
            ),
        ),
        Cause.RECURSION,
        parts=(Role.HUB, Role.SPOKE),
    )("""
        recursion: The hub advertises its own underlay by the tunnel: the tunnel would run through itself
        says: The tunnels of all branches go down, come back, and go down again.
        It comes and goes. What do the logs of the branches say each time?
        `show ip route {hub.nbma}` at {spoke.name} while it is up: which way is that?
        EIGRP at {hub.name} must not take {hub.nbma_network} in.
        """),
    model.lost(spoke(model.route("hub.nbma", "255.255.255.255", "hub.tunnel_address")), Cause.RECURSION)("""
        recursion-static: A static route of a spoke sends the tunnel's own packets into the tunnel
        Why is the tunnel down, though its source is up?
        `show ip route {hub.nbma}` at {spoke.name}, and its log.
        The static route to {hub.nbma} leads into the tunnel: it has to go.
        """),
    model.lost(spoke(model.TUNNEL, tunnel_lines.TTL.line(ttl=1)), Cause.TTL, needs=(Need.PROVIDER,))("""
        tunnel-ttl: A spoke's tunnel packets have a TTL of 1
        The underlay answers pings from {spoke.name}, and its tunnel is up. Do the tunnel's packets arrive?
        `traceroute {hub.nbma}` at {spoke.name}: how many routers does a tunnel packet have to pass?
        `tunnel ttl 1` ends at the provider: `tunnel ttl 255` is what it was.
        """),
    with_story(
        Edit(Role.HUB, model.TUNNEL, remove=("ip tcp adjust-mss",)),
        Edit(Role.SPOKE, model.TUNNEL, remove=("ip tcp adjust-mss",)),
        Cause.MSS,
        parts=(Role.SPOKE, Role.HUB),
    )("""
        mss: The tunnels do not clamp the MSS of TCP
        says: At {spoke.name} some web pages never finish loading. Ping is perfect.
        Ping is perfect, and web pages hang. What is the difference?
        Which size do two computers agree on when a TCP connection begins, and who could lower it?
        `ip tcp adjust-mss 1360` is missing on the tunnels of {spoke.name} and {hub.name}.
        """),
)


# ------------------------------------------------------------------------------------------------ NHRP


_SERVERS: Final = ("ip nhrp nhs", "ip nhrp map")
#: Clear the caches, so that all routers have to resolve again.
_FORGET: Final = model.commands("clear ip nhrp", Role.HUB, Role.SPOKE, Role.OTHER)

NHRP: Final = (
    with_story(Differ(Role.SPOKE, tables.NHRP, PASSWORD), *_FORGET)("""
        nhrp-authentication: The NHRP password of a spoke differs
        says: Monitoring reports {spoke.name}. People there say it is slow, or gone.
        The underlay and the tunnel are well. Does the hub know {spoke.name}?
        `show ip nhrp nhs detail` at {spoke.name}, and its log with `logging dmvpn`: what does the hub answer?
        `ip nhrp authentication` of {spoke.name} is not the hub's.
        """),
    model.all_lost(Edit(Role.HUB, model.TUNNEL, remove=("ip nhrp network-id",)), Cause.NETWORK_ID)("""
        hub-network-id-missing: The hub's tunnel has no network-id: it runs no NHRP
        Tunnels and underlay are well. What do the branches ask the hub for?
        `show ip nhrp` and the log at {hub.name}.
        `ip nhrp network-id` is missing at {hub.name}.
        """),
    model.lost(
        Edit(Role.SPOKE, model.TUNNEL, remove=("ip nhrp network-id",)),
        model.FORGET_SPOKE,
        Cause.NETWORK_ID,
    )("""
        network-id-missing: A spoke's tunnel has no network-id: it runs no NHRP
        Tunnel and underlay are well. Does the hub know {spoke.name}?
        `show dmvpn` at {spoke.name}: which peers are there, and which are missing?
        `ip nhrp network-id` is missing at {spoke.name}.
        """),
    model.lost(model.registering("nobody_in_tunnel", "hub.nbma"), model.FORGET_SPOKE, Cause.NHS_ADDRESS)("""
        nhs-address: A spoke has the wrong tunnel address for its NHS
        The hub answers {spoke.name}. What does it say?
        `show ip nhrp nhs detail` at {spoke.name}: which server does it look for, and which one answers?
        The next hop server is {hub.tunnel_address}.
        """),
    model.lost(model.registering("hub.tunnel_address", "other.nbma"), Cause.NHS_NBMA, needs=(Need.MULTIPOINT,))("""
        nhs-nbma: A spoke has the wrong NBMA address for its NHS
        Where do the requests of {spoke.name} go?
        `show ip nhrp` at {spoke.name}: whose NBMA address is that?
        The NBMA address of {hub.tunnel_address} is {hub.nbma}.
        """),
    with_story(
        spoke(model.route("hub.tunnel_address", model.HOST)), Cause.NHS_ROUTE, Cause.BLACK_HOLE, noticed=False
    )("""
        nhs-route: A static route of a spoke to the hub's tunnel address leads to Null0
        says: Monitoring at {spoke.name} says that the other end of the tunnel is dead. All works, say people.
        {spoke.name} is registered. What becomes of a ping to the other end of its tunnel?
        `show ip route {hub.tunnel_address}` at {spoke.name}: who says so?
        A static route to Null0 is longer than the network of the tunnel. It has to go.
        """),
    model.lost(
        Edit(
            Role.SPOKE,
            model.TUNNEL,
            remove=_SERVERS,
            add=(
                nhrp_lines.MAP.line(target=word("hub.tunnel_address"), nbma=word("hub.nbma")),
                nhrp_lines.MAP_MULTICAST.line(nbma=word("hub.nbma")),
            ),
        ),
        model.FORGET_SPOKE,
        Cause.NHS_MISSING,
    )("""
        nhs-missing: A spoke has a static map of the hub, and no NHS
        {spoke.name} knows where the hub is. Does the hub know where {spoke.name} is?
        `show ip nhrp nhs` at {spoke.name}.
        `ip nhrp nhs {hub.tunnel_address}` is missing.
        """),
    with_story(
        Edit(Role.HUB, model.TUNNEL, remove=("ip nhrp map multicast dynamic",)),
        Command(Role.HUB, _FORGET[0].lines),
        Cause.HUB_MULTICAST,
        needs=(Need.EIGRP,),
    )("""
        hub-multicast: The hub replicates no multicast to its spokes
        says: The branches reach neither the head office nor each other. Their tunnels are up, says monitoring.
        All are registered, and no routes come. What do routing protocols need?
        `show ip eigrp neighbors` at both ends, and how hellos reach a spoke.
        `ip nhrp map multicast dynamic` is missing at {hub.name}.
        """),
    with_story(
        model.registering("hub.tunnel_address", "hub.nbma", multicast=False),
        Cause.SPOKE_MULTICAST,
        needs=(Need.EIGRP, Need.MULTIPOINT),
    )("""
        spoke-multicast: A spoke sends no multicast to the hub
        says: {spoke.name} does not reach the head office. Its tunnel is up, says monitoring.
        It is registered, and no routes come. What do routing protocols need?
        `show ip eigrp neighbors` at both ends: whose hellos do not arrive?
        `multicast` is missing behind the NHS of {spoke.name}.
        """),
    with_story(
        Edit(Role.HUB, model.TUNNEL, remove=("ip nhrp redirect",)), *model.FORGET, Cause.REDIRECT, needs=(Need.PHASE_3,)
    )(f"""
        redirect-missing: The hub sends no redirects
        says: {model.LONG_WAY}
        Everything works, by the hub. Which message shows the branches a better way?
        `show ip nhrp` at {{spoke.name}} while it talks with {{other.name}}.
        `ip nhrp redirect` is missing at {{hub.name}}.
        """),
    with_story(
        Edit(Role.SPOKE, model.TUNNEL, remove=("ip nhrp shortcut",)),
        *model.FORGET,
        Cause.SHORTCUT,
        needs=(Need.PHASE_3,),
    )("""
        shortcut-missing: A spoke takes no shortcuts
        says: What {spoke.name} sends to {other.name} takes the long way by the head office.
        Trace both directions. Which one is long?
        The hub sends redirects to both. Which router ignores them?
        `ip nhrp shortcut` is missing at {spoke.name}.
        """),
    with_story(
        Edit(
            Role.SPOKE,
            model.TUNNEL,
            remove=("ip nhrp holdtime", "ip nhrp registration timeout"),
            add=(nhrp_lines.HOLDTIME.line(seconds=10), nhrp_lines.REGISTRATION_TIMEOUT.line(seconds=600)),
        ),
        model.FORGET_SPOKE,
        Cause.HOLDING_TIME,
        noticed=False,
    )("""
        holding-time: A spoke's registration is not renewed before it expires
        says: {spoke.name} works for a moment, then it is away for a moment, then it works again.
        It comes and goes. Measure how long it is up, and how long it is down.
        `show ip nhrp` at {hub.name}: how long does the entry of {spoke.name} live, and when is it renewed?
        `ip nhrp holdtime` of {spoke.name} has to be more than its `registration timeout`: three times is usual.
        """),
)
