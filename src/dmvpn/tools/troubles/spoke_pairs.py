"""Troubles of pairs of spokes: both reach the hub, and do not reach each other, or only through the hub."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.causes import Cause
from dmvpn.features.eigrp.config import interfaces as eigrp_ports
from dmvpn.features.ike.config import profiles as ike_profiles
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.features.static import config as static_lines
from dmvpn.ios import common
from dmvpn.tools.troubles.acts import Command, Configure, Edit, Eigrp, Role, word
from dmvpn.tools.troubles.trouble import Need, Trouble

_LONG_WAY: Final = "Calls between {spoke.name} and {other.name} are bad. With the head office both are content."
_TUNNEL: Final = common.INTERFACE.of(name=word("tunnel"))
_FORGET: Final = (Command(Role.SPOKE, ("clear ip nhrp",)), Command(Role.OTHER, ("clear ip nhrp",)))
_SESSIONS: Final = (Command(Role.SPOKE, ("clear crypto session",)), Command(Role.OTHER, ("clear crypto session",)))
_BETWEEN: Final = "Both reach the hub. What passes between the NBMA addresses of the two?"

SPOKE_PAIRS: Final = (
    Trouble(
        id="provider-route-between",
        title="The provider has no way to one spoke, where another one asks",
        acts=(
            Configure(
                Role.PROVIDER,
                (static_lines.ROUTE.of(network=word("spoke.nbma"), mask="255.255.255.255", interface="Null0"),),
            ),
        ),
        complaint="{spoke.name} is cut off. The provider says that all is well.",
        hints=("Follow a packet for {spoke.nbma} from {hub.name}.", "`show ip route {spoke.nbma}` at {provider.name}."),
        cause=Cause.BLACK_HOLE,
        parts=(Role.PROVIDER,),
        also=(Cause.MISSING_ROUTE, Cause.WRONG_NEXT_HOP, Cause.NO_ROUTE_THERE),
        needs=(Need.PROVIDER, Need.NO_GATEWAY),
    ),
    Trouble(
        id="provider-route-astray",
        title="A route of the provider leads the packets for one spoke to another one",
        acts=(
            Configure(
                Role.PROVIDER,
                (
                    static_lines.ROUTE.of(
                        network=word("spoke.nbma"), mask="255.255.255.255", next_hop=word("other.nbma")
                    ),
                ),
            ),
        ),
        complaint="{spoke.name} is cut off. The provider says that all is well.",
        hints=("Follow a packet for {spoke.nbma} from {hub.name}.", "`show ip route {spoke.nbma}` at {provider.name}."),
        cause=Cause.WRONG_NEXT_HOP,
        parts=(Role.PROVIDER,),
        also=(Cause.MISSING_ROUTE, Cause.NO_ROUTE_THERE, Cause.BLACK_HOLE),
        needs=(Need.PROVIDER, Need.NO_GATEWAY),
    ),
    Trouble(
        id="peer-route",
        title="A spoke has a route into nothing to the NBMA address of another one",
        acts=(
            Configure(
                Role.SPOKE,
                (static_lines.ROUTE.of(network=word("other.nbma"), mask="255.255.255.255", interface="Null0"),),
            ),
            *_FORGET,
            *_SESSIONS,
        ),
        complaint=_LONG_WAY,
        hints=(_BETWEEN, "`show ip route {other.nbma}` at {spoke.name}: who says so?"),
        cause=Cause.BLACK_HOLE,
        also=(Cause.PEERS_APART, Cause.MISSING_ROUTE),
        needs=(Need.NO_GATEWAY, Need.MULTIPOINT),
    ),
    Trouble(
        id="peer-map",
        title="A spoke has a static map of another spoke, with an address that is not its",
        acts=(
            Configure(
                Role.SPOKE, (_TUNNEL, nhrp_lines.MAP.of(target=word("other.tunnel_address"), nbma=word("hub.nbma")))
            ),
            *_FORGET,
        ),
        complaint=_LONG_WAY,
        hints=(
            "What does {spoke.name} know of {other.name}, and from whom?",
            "`show ip nhrp` at {spoke.name}: static?",
        ),
        cause=Cause.WRONG_MAP,
        also=(Cause.NHS_NBMA,),
        needs=(Need.MULTIPOINT,),
    ),
    Trouble(
        id="map-to-nobody",
        title="A spoke has a static map of another spoke, with an address that nobody has",
        acts=(
            Configure(
                Role.SPOKE, (_TUNNEL, nhrp_lines.MAP.of(target=word("other.tunnel_address"), nbma="198.18.0.99"))
            ),
            *_FORGET,
        ),
        complaint=_LONG_WAY,
        hints=(
            "What does {spoke.name} know of {other.name}, and from whom?",
            "`show ip nhrp` at {spoke.name}: static?",
        ),
        cause=Cause.WRONG_MAP,
        also=(Cause.NHS_NBMA,),
        needs=(Need.MULTIPOINT,),
    ),
    Trouble(
        id="map-of-a-lan",
        title="A spoke has a static map for its own address at another spoke's place",
        acts=(
            Configure(
                Role.HUB, (_TUNNEL, nhrp_lines.MAP.of(target=word("spoke.tunnel_address"), nbma=word("other.nbma")))
            ),
            *_FORGET,
        ),
        complaint="{spoke.name} does not reach the head office any more.",
        hints=(
            "{spoke.name} speaks, and the answers? Where does {hub.name} send them?",
            "`show ip nhrp {spoke.tunnel_address}` at {hub.name}: dynamic, or static?",
        ),
        cause=Cause.WRONG_MAP,
        parts=(Role.HUB,),
        also=(Cause.NHS_NBMA,),
        needs=(Need.MULTIPOINT,),
    ),
    Trouble(
        id="keys-of-the-hub-alone",
        title="A spoke has a key for the hub, and for nobody else",
        acts=(
            Edit(
                Role.SPOKE,
                ike_profiles.RING.of(name=word("keyring")),
                add=(
                    ike_profiles.PEER.of(name=word("peer")),
                    ike_profiles.ADDRESS.no(address=IPv4Address(0), mask=IPv4Address(0)),
                    ike_profiles.ADDRESS.of(address=word("hub.nbma")),
                ),
            ),
            *_FORGET,
            *_SESSIONS,
        ),
        complaint=_LONG_WAY,
        hints=(
            "Both reach the hub. On what do the two agree with each other?",
            "`show crypto ikev2 sa` at {spoke.name} while it talks with {other.name}, and its keyring.",
        ),
        cause=Cause.PSK_MISSING,
        also=(Cause.PSK,),
        needs=(Need.PSK, Need.MULTIPOINT, Need.ONE_HUB),
    ),
    Trouble(
        id="key-of-the-pair",
        title="Two spokes have different keys for each other",
        acts=(
            Edit(
                Role.SPOKE,
                ike_profiles.RING.of(name=word("keyring")),
                add=(
                    ike_profiles.PEER.of(name="LESSON"),
                    ike_profiles.ADDRESS.of(address=word("other.nbma")),
                    ike_profiles.PRE_SHARED_KEY.of(key="NotTheSame1", local=True),
                    ike_profiles.PRE_SHARED_KEY.of(key="NotTheSame1", remote=True),
                ),
            ),
            *_FORGET,
            *_SESSIONS,
        ),
        complaint=_LONG_WAY,
        hints=(
            "Both reach the hub. On what do the two agree with each other?",
            "`show crypto ikev2 sa` at {spoke.name} while it talks with {other.name}, and its keyring.",
        ),
        cause=Cause.PSK,
        parts=(Role.SPOKE, Role.OTHER),
        also=(Cause.PSK_MISSING,),
        needs=(Need.PSK, Need.MULTIPOINT, Need.NO_GATEWAY),
    ),
    Trouble(
        id="identity-of-the-hub-alone",
        title="A spoke believes the hub alone",
        acts=(
            Edit(
                Role.SPOKE,
                ike_profiles.PROFILE.of(name=word("ikev2_profile")),
                remove=("match identity",),
                add=(ike_profiles.MATCH_IDENTITY.of(address=word("hub.nbma"), mask="255.255.255.255"),),
            ),
            *_FORGET,
            *_SESSIONS,
        ),
        complaint=_LONG_WAY,
        hints=(
            "Both reach the hub. Whom does {spoke.name} believe?",
            "`show running-config | section ikev2 profile` at {spoke.name}.",
        ),
        cause=Cause.IKE_IDENTITY,
        needs=(Need.PSK, Need.MULTIPOINT, Need.ONE_HUB),
    ),
    Trouble(
        id="next-hop-self",
        title="The hub says of all routes that it is the next hop, in phase 2",
        acts=(
            Eigrp(
                Role.HUB,
                named=(eigrp_ports.AF_NEXT_HOP_SELF.of(),),
                classic=(eigrp_ports.IP_NEXT_HOP_SELF.of(number=word("as")),),
            ),
            *_FORGET,
        ),
        complaint=_LONG_WAY,
        hints=(
            "Where does {spoke.name} send what is for {other.name}?",
            "`show ip route {other.lan_network}` at {spoke.name}: who is the next hop, and who was it?",
        ),
        cause=Cause.NEXT_HOP_SELF,
        parts=(Role.HUB,),
        needs=(Need.EIGRP, Need.MULTIPOINT),
    ),
    Trouble(
        id="server-only",
        title="A spoke answers questions, and asks none",
        acts=(Configure(Role.SPOKE, (_TUNNEL, nhrp_lines.SERVER_ONLY.of())), *_FORGET),
        complaint=_LONG_WAY,
        hints=("Who asks whom?", "`show running-config interface {spoke.tunnel}` at {spoke.name}."),
        cause=Cause.SHORTCUT,
        needs=(Need.MULTIPOINT,),
    ),
)
