"""Troubles of the network below: routers, providers, translators, wires that are cut or bad. And of pairs of spokes:
both reach the hub, and do not reach each other, or only through the hub.
"""

from functools import partial
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.findings import Cause
from dmvpn.features.eigrp.config import sections
from dmvpn.features.ike.config import profiles as ike_profiles
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.ios import common
from dmvpn.shells.lab.badness import Badness
from dmvpn.tools.troubles import model
from dmvpn.tools.troubles.model import (
    Configure,
    Edit,
    Kill,
    Nat,
    Need,
    Renumber,
    Role,
    Trouble,
    Wire,
    hub,
    spoke,
    with_story,
    word,
)

# --------------------------------------------------------------------------------------- routers and wires that are cut


_cut_off: Final = partial(
    with_story, complaint="{spoke.name} is cut off. The provider was there yesterday and says that all is well."
)

UNDERLAY: Final = (
    with_story(Kill(Role.HUB), Cause.ROUTER_DEAD)("""
        hub-dead: The hub has died
        says: The branches do not reach the head office.
        Are all sites concerned, or one? Look at what all of them have in common.
        Ping the NBMA address of {hub.name} from a branch, and from the provider.
        `dmvpn lab status` says who runs; `dmvpn lab start {hub.name}` starts a router again.
        """),
    model.lost(Kill(Role.SPOKE), Cause.ROUTER_DEAD)("""
        spoke-dead: A spoke has died
        One site is concerned. Begin at that end.
        Can you still log in to {spoke.name}?
        `dmvpn lab start {spoke.name}` starts it again.
        """),
    model.lost(spoke(model.WAN, common.SHUTDOWN.line()), Cause.INTERFACE_SHUTDOWN)("""
        wan-shutdown: The spoke's port to the provider is shut down
        A tunnel cannot be better than what it runs over.
        `show ip interface brief` at {spoke.name}: which ports are down, and which of them by configuration?
        {spoke.wan} is administratively down: `no shutdown`.
        """),
    model.all_lost(hub(model.WAN, common.SHUTDOWN.line()), Cause.INTERFACE_SHUTDOWN)("""
        hub-wan-shutdown: The hub's port to the provider is shut down
        All branches at once: look for what they share.
        `show ip interface brief` at {hub.name}.
        {hub.wan} is administratively down: `no shutdown`.
        """),
    _cut_off(
        Configure(Role.PROVIDER, (model.PORT, common.SHUTDOWN.line())), Cause.INTERFACE_SHUTDOWN, Cause.LINK_CUT
    )("""
        provider-port-shutdown: The provider has shut the port of a spoke down
        Begin at the lowest layer: is there a carrier, and does the next router answer?
        Ping the gateway of {spoke.name}. Whose end of the wire is silent?
        At {provider.name} the port {port} is administratively down.
        """),
    _cut_off(Wire(Role.SPOKE, Badness(cut=1.0)), Cause.LINK_CUT)(f"""
        link-cut: The wire of a spoke carries nothing, though its carrier is up
        Every port is up. Does anything come in?
        Ping the gateway of {{spoke.name}}: it is one wire away.
        {model.FIX_WIRE}
        """),
    with_story(Wire(Role.SPOKE, Badness(loss=50.0)), Cause.LOSSY_LINK)(f"""
        lossy-link: The wire of a spoke loses half of all packets
        says: At {{spoke.name}} everything takes forever, and every few minutes it is gone altogether.
        Something works, sometimes. Count: ping a hundred times, at each layer.
        Ping the gateway of {{spoke.name}} with `repeat 100`. Is it the tunnel that loses packets?
        {model.FIX_WIRE}
        """),
    _cut_off(Wire(Role.SPOKE, Badness(loss=100.0), incoming=True), Cause.ONE_WAY_LOSS, Cause.LINK_CUT)(f"""
        one-way-loss: A spoke receives nothing, though what it sends arrives
        A way has two directions, and they may fail one at a time.
        Look at what the hub still receives from {{spoke.name}}, and at what {{spoke.name}} receives.
        Nothing comes in at {{spoke.wan}}. {model.FIX_WIRE}
        """),
    model.lost(spoke("no {default_route}"), Cause.MISSING_ROUTE)("""
        default-route-missing: A spoke has no route to the underlay
        How does an encapsulated packet leave the router?
        `show ip route` at {spoke.name}: which entry leads to {hub.nbma}?
        The default route to {spoke.gateway} is gone.
        """),
    model.all_lost(hub("no {default_route}"), Cause.MISSING_ROUTE)("""
        hub-default-route-missing: The hub has no route to the underlay
        All branches at once: look for what they share.
        `show ip route` at {hub.name}: which entry leads to {spoke.nbma}?
        The default route to {hub.gateway} is gone.
        """),
    model.lost(
        spoke("no {default_route}", model.default_route("nobody_in_lan")), Cause.WRONG_NEXT_HOP, Cause.MISSING_ROUTE
    )("""
        default-route-wrong: The default route of a spoke leads to an address that no router has
        How does an encapsulated packet leave the router, and who takes it?
        `show ip route` at {spoke.name}: does its gateway answer?
        The default route has to lead to {spoke.gateway}.
        """),
    model.lost(
        spoke(model.WAN, model.address("nbma", "255.255.255.254")),
        Cause.WRONG_MASK,
        Cause.MISSING_ROUTE,
        Cause.WRONG_NEXT_HOP,
    )("""
        wan-mask: The mask of the spoke's NBMA address is wrong: its gateway is not on the link
        The address is right, the port is up, the route is configured; but is it used?
        `show ip route` at {spoke.name}: why is there no gateway of last resort?
        The mask of {spoke.wan} has to be {spoke.nbma_mask}.
        """),
    with_story(spoke(model.LAN, model.address("lan_address", "255.255.255.252")), Cause.WRONG_MASK)("""
        lan-mask: The mask of a spoke's LAN is too long
        says: The computers at {spoke.name} are offline, says the help desk. The router answers.
        The tunnel is well. Which addresses behind {spoke.name} are reached, and which are not?
        Compare the route to that LAN at {hub.name} with the address of the computer, {spoke.host}.
        The mask of {spoke.lan} has to be {spoke.lan_mask}.
        """),
    with_story(
        spoke(model.LAN, model.address("other.lan_address", "other.lan_mask")),
        Cause.LAN_OVERLAP,
        Cause.WRONG_MASK,
        parts=(Role.SPOKE, Role.OTHER),
    )("""
        lan-overlap: A spoke's LAN has the addresses of another spoke's
        says: {spoke.name} moved to a new office. Since then its computers reach no other site.
        Who advertises which prefix?
        `show ip route {spoke.lan_network}` and `show ip eigrp topology` at {hub.name}.
        {spoke.lan} has the network of {other.name}; its own is {spoke.lan_address}.
        """),
    _cut_off(Wire(Role.SPOKE, Badness(block=("gre",))), Cause.GRE_BLOCKED, needs=(Need.CLEAR,))(f"""
        gre-blocked: The provider drops GRE (protocol 47)
        Ping and traceroute through the underlay. Are they all that has to pass?
        What does a tunnel without IPsec look like on the wire? Count it at both ends.
        Protocol 47 does not pass. {model.FIX_WIRE}
        """),
    _cut_off(
        Wire(Role.SPOKE, Badness(block=("esp", "udp-4500"))),
        *model.RENEW,
        Cause.ESP_BLOCKED,
        needs=(Need.PROTECTED, Need.NO_GATEWAY),
    )(f"""
        esp-blocked: The provider drops ESP (protocol 50), and UDP port 4500, which would carry it otherwise
        IKE comes to an end. That is UDP; what comes after it?
        `show crypto ipsec sa`: what does one end send, what does the other receive?
        Protocol 50 does not pass. {model.FIX_WIRE}
        """),
    _cut_off(
        Wire(Role.SPOKE, Badness(block=("udp-500",))), *model.RENEW, Cause.IKE_BLOCKED, needs=(Need.PROTECTED,)
    )(f"""
        ike-blocked: The provider drops IKE (UDP port 500)
        Which packets do two routers exchange first, before they trust each other?
        `show crypto ikev2 sa` at both ends, and whether the underlay answers a ping.
        UDP port 500 does not pass. {model.FIX_WIRE}
        """),
    _cut_off(
        Wire(Role.SPOKE, Badness(block=("udp-4500",))),
        *model.RENEW,
        Cause.NAT_T_BLOCKED,
        needs=(Need.PROTECTED, Need.GATEWAY),
    )(f"""
        nat-t-blocked: A firewall drops UDP port 4500, which IPsec needs behind NAT
        There is a translator on the way. What does IKE do when it finds one?
        IKE begins at port 500. Where does it go on?
        UDP port 4500 does not pass. {model.FIX_WIRE}
        """),
    with_story(
        Edit(Role.HUB, model.TUNNEL, add=(common.IP_MTU.line(octets=1500),)),
        Edit(Role.SPOKE, model.TUNNEL, add=(common.IP_MTU.line(octets=1500),)),
        Wire(Role.SPOKE, Badness(block=("fragments",))),
        Cause.FRAGMENTS_BLOCKED,
        Cause.MTU,
        Cause.PATH_MTU,
        parts=(Role.SPOKE, Role.HUB),
    )("""
        fragments-blocked: Tunnel packets are fragmented, and the provider drops the fragments
        says: From {spoke.name} small things work. Mail without attachments, for example.
        Small things work. Find out up to which size.
        Ping with `size 1500`, then smaller. What becomes of a packet of 1500 octets with a tunnel header?
        Pieces do not pass, and the tunnels (`ip mtu`) make some: 1400 is a good value at both ends.
        """),
    with_story(
        Configure(Role.PROVIDER, (model.PORT, common.IP_MTU.line(octets=1300))),
        Wire(Role.SPOKE, Badness(block=("fragments",))),
        Cause.PATH_MTU,
        Cause.FRAGMENTS_BLOCKED,
        Cause.MTU,
        parts=(Role.SPOKE, Role.PROVIDER, Role.HUB),
        needs=(Need.NO_GATEWAY,),
    )("""
        path-mtu: The provider's link has a small MTU and drops fragments: the tunnel MTU does not fit the path
        says: From {spoke.name} small things work since the provider has changed its lines. Large files do not.
        Small things work. Find out up to which size.
        Ping the hub's NBMA address from {spoke.name} with `df-bit` and several sizes.
        The way carries 1300 octets: `ip mtu 1200` and `ip tcp adjust-mss 1160` on the tunnels fit, at both ends.
        """),
    with_story(
        Renumber(Role.SPOKE), Cause.STALE_UNIQUE, parts=(Role.SPOKE, Role.HUB), needs=(Need.NO_GATEWAY, Need.PROVIDER)
    )("""
        stale-unique: A spoke got another NBMA address; the hub still has a unique entry of the old one
        says: The provider gave {spoke.name} another address last night. Since then it is offline.
        The underlay works with the new address. Who still believes in the old one?
        `show ip nhrp` at {hub.name}, and the log of {spoke.name}: code 14.
        `clear ip nhrp` at {hub.name} lets it forget; `ip nhrp registration no-unique` at spokes avoids it.
        """),
    with_story(Nat(Role.GATEWAY, kind="symmetric"), Cause.NAT_KIND, needs=(Need.BOTH_BEHIND_NAT, Need.PROTECTED))(f"""
        nat-symmetric: Both NAT boxes are symmetric: there is no direct path
        says: {model.LONG_WAY}
        Everything works, by the hub. What would the direct way need?
        Both are behind NAT. From which port does one come to the hub, and from which one to the other?
        The translator is symmetric. The hub path is what there is until it is another kind.
        """),
)


# ------------------------------------------------------------------------------------------------ wires that are bad


_SLOW: Final = "At {spoke.name} everything takes long."

WIRES: Final = (
    with_story(Wire(Role.SPOKE, Badness(loss=35.0), incoming=True), Cause.LOSSY_LINK, Cause.ONE_WAY_LOSS)(f"""
        lossy-inwards: A third of the packets to a spoke is lost
        says: {_SLOW}
        Count: which direction loses packets?
        {model.FIX_WIRE}
        """),
    with_story(
        Wire(Role.SPOKE, Badness(mtu=1200.0)),
        Cause.PATH_MTU,
        Cause.MTU,
        Cause.FRAGMENTS_BLOCKED,
        parts=(Role.SPOKE, Role.HUB),
    )(f"""
        wire-narrow: The wire of a spoke silently drops packets of more than 1200 octets
        says: From {{spoke.name}} small things work. Large files do not.
        Up to which size do packets pass?
        {model.FIX_WIRE}
        """),
    with_story(Wire(Role.SPOKE, Badness(block=("gre",)), incoming=True), Cause.GRE_BLOCKED, needs=(Need.CLEAR,))(f"""
        gre-blocked-inwards: GRE from a spoke arrives, GRE to it does not
        says: {{spoke.name}} is cut off. The provider says that all is well.
        Count GRE at both ends of the wire.
        {model.FIX_WIRE}
        """),
    with_story(
        Wire(Role.SPOKE, Badness(block=("esp", "udp-4500")), incoming=True),
        *model.RENEW,
        Cause.ESP_BLOCKED,
        Cause.NAT_T_BLOCKED,
        needs=(Need.PROTECTED, Need.NO_GATEWAY),
    )(f"""
        esp-blocked-inwards: ESP from a spoke arrives, ESP to it does not
        says: {{spoke.name}} is cut off. The provider says that all is well.
        Count ESP at both ends of the wire.
        {model.FIX_WIRE}
        """),
    with_story(
        Wire(Role.SPOKE, Badness(block=("udp-500",)), incoming=True),
        *model.RENEW,
        Cause.IKE_BLOCKED,
        needs=(Need.PROTECTED,),
    )(f"""
        ike-blocked-inwards: IKE from a spoke arrives, IKE to it does not
        says: {{spoke.name}} is cut off. The provider says that all is well.
        Who hears whom? `show crypto ikev2 sa` at both ends.
        {model.FIX_WIRE}
        """),
)
#: Healthy all the same: it may be slow, and rows of measurement are as they were.
SLOW: Final = Trouble(
    id="wire-slow",
    title="The wire of a spoke has a long delay, as over a satellite",
    acts=(Wire(Role.SPOKE, Badness(delay=560.0)),),
    complaint=_SLOW,
    hints=("How long is the way of a ping?", model.FIX_WIRE),
    causes=(Cause.LOSSY_LINK,),
    noticed=False,
)


# ------------------------------------------------------------------------------------------------ pairs of spokes


_MAPS: Final = (Cause.WRONG_MAP, Cause.NHS_NBMA)
_SESSIONS: Final = model.commands("clear crypto session", Role.SPOKE, Role.OTHER)
_astray: Final = partial(
    with_story,
    complaint="{spoke.name} is cut off. The provider says that all is well.",
    needs=(Need.PROVIDER, Need.NO_GATEWAY),
)
#: Of a pair whose packets take the long way.
_long: Final = partial(
    with_story,
    complaint="Calls between {spoke.name} and {other.name} are bad. With the head office both are content.",
    needs=(Need.MULTIPOINT,),
)

SPOKE_PAIRS: Final = (
    _astray(
        Configure(Role.PROVIDER, (model.route("spoke.nbma", model.HOST),)),
        Cause.BLACK_HOLE,
        Cause.MISSING_ROUTE,
        Cause.WRONG_NEXT_HOP,
        Cause.NO_ROUTE_THERE,
    )("""
        provider-route-between: The provider has no way to one spoke, where another one asks
        Follow a packet for {spoke.nbma} from {hub.name}.
        `show ip route {spoke.nbma}` at {provider.name}.
        """),
    _astray(
        Configure(Role.PROVIDER, (model.route("spoke.nbma", "255.255.255.255", "other.nbma"),)),
        Cause.WRONG_NEXT_HOP,
        Cause.MISSING_ROUTE,
        Cause.NO_ROUTE_THERE,
        Cause.BLACK_HOLE,
    )("""
        provider-route-astray: A route of the provider leads the packets for one spoke to another one
        Follow a packet for {spoke.nbma} from {hub.name}.
        `show ip route {spoke.nbma}` at {provider.name}.
        """),
    _long(
        spoke(model.route("other.nbma", model.HOST)),
        *model.FORGET,
        *_SESSIONS,
        Cause.BLACK_HOLE,
        Cause.PEERS_APART,
        Cause.MISSING_ROUTE,
        needs=(Need.MULTIPOINT, Need.NO_GATEWAY),
    )("""
        peer-route: A spoke has a route into nothing to the NBMA address of another one
        Both reach the hub. What passes between the NBMA addresses of the two?
        `show ip route {other.nbma}` at {spoke.name}: who says so?
        """),
    _long(
        spoke(model.TUNNEL, nhrp_lines.MAP.line(target=word("other.tunnel_address"), nbma=word("hub.nbma"))),
        *model.FORGET,
        *_MAPS,
    )("""
        peer-map: A spoke has a static map of another spoke, with an address that is not its
        What does {spoke.name} know of {other.name}, and from whom?
        `show ip nhrp` at {spoke.name}: static?
        """),
    _long(
        spoke(model.TUNNEL, nhrp_lines.MAP.line(target=word("other.tunnel_address"), nbma="198.18.0.99")),
        *model.FORGET,
        *_MAPS,
    )("""
        map-to-nobody: A spoke has a static map of another spoke, with an address that no router has
        What does {spoke.name} know of {other.name}, and from whom?
        `show ip nhrp` at {spoke.name}: static?
        """),
    with_story(
        hub(model.TUNNEL, nhrp_lines.MAP.line(target=word("spoke.tunnel_address"), nbma=word("other.nbma"))),
        *model.FORGET,
        *_MAPS,
        needs=(Need.MULTIPOINT,),
    )("""
        map-of-a-lan: A static map at the hub sends a spoke's packets to another spoke
        says: {spoke.name} does not reach the head office any more.
        {spoke.name} sends, but where does {hub.name} send the answers?
        `show ip nhrp {spoke.tunnel_address}` at {hub.name}: dynamic, or static?
        """),
    _long(
        spoke(
            *model.PEER,
            ike_profiles.ADDRESS.no(address=IPv4Address(0), mask=IPv4Address(0)),
            ike_profiles.ADDRESS.line(address=word("hub.nbma")),
        ),
        *model.FORGET,
        *_SESSIONS,
        Cause.PSK_MISSING,
        Cause.PSK,
        needs=(Need.MULTIPOINT, Need.ONE_HUB),
    )("""
        keys-of-the-hub-alone: A spoke has a key for the hub, and for no other peer
        Both reach the hub. On what do the two agree with each other?
        `show crypto ikev2 sa` at {spoke.name} while it talks with {other.name}, and its keyring.
        """),
    _long(
        spoke(
            model.RING,
            ike_profiles.PEER.line(name="LESSON"),
            ike_profiles.ADDRESS.line(address=word("other.nbma")),
            *model.keys("NotTheSame1"),
        ),
        *model.FORGET,
        *_SESSIONS,
        Cause.PSK,
        Cause.PSK_MISSING,
        needs=(Need.MULTIPOINT, Need.NO_GATEWAY),
        parts=(Role.SPOKE, Role.OTHER),
    )("""
        key-of-the-pair: Two spokes have different keys for each other
        Both reach the hub. On what do the two agree with each other?
        `show crypto ikev2 sa` at {spoke.name} while it talks with {other.name}, and its keyring.
        """),
    _long(
        Edit(
            Role.SPOKE,
            model.IKEV2_PROFILE,
            remove=("match identity",),
            add=(ike_profiles.MATCH_IDENTITY.line(address=word("hub.nbma"), mask=model.HOST),),
        ),
        *model.FORGET,
        *_SESSIONS,
        Cause.IKE_IDENTITY,
        needs=(Need.MULTIPOINT, Need.ONE_HUB),
    )("""
        identity-of-the-hub-alone: A spoke believes the hub alone
        Both reach the hub. Whom does {spoke.name} believe?
        `show running-config | section ikev2 profile` at {spoke.name}.
        """),
    _long(model.on_tunnel(Role.HUB, (sections.NEXT_HOP_SELF, {})), *model.FORGET, Cause.NEXT_HOP_SELF)("""
        next-hop-self: The hub says of all routes that it is the next hop, in phase 2
        Where does {spoke.name} send packets for {other.name}?
        `show ip route {other.lan_network}` at {spoke.name}: which next hop has it, and which one had it before?
        """),
    _long(spoke(model.TUNNEL, nhrp_lines.SERVER_ONLY.line()), *model.FORGET, Cause.SHORTCUT)("""
        server-only: A spoke answers questions, and asks none
        Who asks whom?
        `show running-config interface {spoke.tunnel}` at {spoke.name}.
        """),
)
