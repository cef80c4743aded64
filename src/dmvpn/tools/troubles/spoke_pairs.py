"""Troubles of pairs of spokes: both reach the hub, and do not reach each other, or only through the hub."""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.causes import Cause
from dmvpn.features.eigrp.config import sections
from dmvpn.features.ike.config import profiles as ike_profiles
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.tools.troubles import pieces
from dmvpn.tools.troubles.acts import Command, Configure, Edit, Role, hub, spoke, word
from dmvpn.tools.troubles.trouble import Need, Trouble

_long: Final = partial(
    Trouble, complaint="Calls between {spoke.name} and {other.name} are bad. With the head office both are content."
)
_SESSIONS: Final = (Command(Role.SPOKE, ("clear crypto session",)), Command(Role.OTHER, ("clear crypto session",)))
_BETWEEN: Final = "Both reach the hub. What passes between the NBMA addresses of the two?"

SPOKE_PAIRS: Final = (
    Trouble(
        id="provider-route-between",
        title="The provider has no way to one spoke, where another one asks",
        acts=(Configure(Role.PROVIDER, (pieces.route("spoke.nbma", pieces.HOST),)),),
        complaint="{spoke.name} is cut off. The provider says that all is well.",
        hints=("Follow a packet for {spoke.nbma} from {hub.name}.", "`show ip route {spoke.nbma}` at {provider.name}."),
        cause=Cause.BLACK_HOLE,
        also=(Cause.MISSING_ROUTE, Cause.WRONG_NEXT_HOP, Cause.NO_ROUTE_THERE),
        needs=(Need.PROVIDER, Need.NO_GATEWAY),
    ),
    Trouble(
        id="provider-route-astray",
        title="A route of the provider leads the packets for one spoke to another one",
        acts=(Configure(Role.PROVIDER, (pieces.route("spoke.nbma", "255.255.255.255", "other.nbma"),)),),
        complaint="{spoke.name} is cut off. The provider says that all is well.",
        hints=("Follow a packet for {spoke.nbma} from {hub.name}.", "`show ip route {spoke.nbma}` at {provider.name}."),
        cause=Cause.WRONG_NEXT_HOP,
        also=(Cause.MISSING_ROUTE, Cause.NO_ROUTE_THERE, Cause.BLACK_HOLE),
        needs=(Need.PROVIDER, Need.NO_GATEWAY),
    ),
    _long(
        id="peer-route",
        title="A spoke has a route into nothing to the NBMA address of another one",
        acts=(spoke(pieces.route("other.nbma", pieces.HOST)), *pieces.FORGET, *_SESSIONS),
        hints=(_BETWEEN, "`show ip route {other.nbma}` at {spoke.name}: who says so?"),
        cause=Cause.BLACK_HOLE,
        also=(Cause.PEERS_APART, Cause.MISSING_ROUTE),
        needs=(Need.NO_GATEWAY, Need.MULTIPOINT),
    ),
    _long(
        id="peer-map",
        title="A spoke has a static map of another spoke, with an address that is not its",
        acts=(
            spoke(pieces.TUNNEL, nhrp_lines.MAP.of(target=word("other.tunnel_address"), nbma=word("hub.nbma"))),
            *pieces.FORGET,
        ),
        hints=(
            "What does {spoke.name} know of {other.name}, and from whom?",
            "`show ip nhrp` at {spoke.name}: static?",
        ),
        cause=Cause.WRONG_MAP,
        also=(Cause.NHS_NBMA,),
        needs=(Need.MULTIPOINT,),
    ),
    _long(
        id="map-to-nobody",
        title="A spoke has a static map of another spoke, with an address that nobody has",
        acts=(
            spoke(pieces.TUNNEL, nhrp_lines.MAP.of(target=word("other.tunnel_address"), nbma="198.18.0.99")),
            *pieces.FORGET,
        ),
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
            hub(pieces.TUNNEL, nhrp_lines.MAP.of(target=word("spoke.tunnel_address"), nbma=word("other.nbma"))),
            *pieces.FORGET,
        ),
        complaint="{spoke.name} does not reach the head office any more.",
        hints=(
            "{spoke.name} speaks, and the answers? Where does {hub.name} send them?",
            "`show ip nhrp {spoke.tunnel_address}` at {hub.name}: dynamic, or static?",
        ),
        cause=Cause.WRONG_MAP,
        also=(Cause.NHS_NBMA,),
        needs=(Need.MULTIPOINT,),
    ),
    _long(
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
            *pieces.FORGET,
            *_SESSIONS,
        ),
        hints=(
            "Both reach the hub. On what do the two agree with each other?",
            "`show crypto ikev2 sa` at {spoke.name} while it talks with {other.name}, and its keyring.",
        ),
        cause=Cause.PSK_MISSING,
        also=(Cause.PSK,),
        needs=(Need.PSK, Need.MULTIPOINT, Need.ONE_HUB),
    ),
    _long(
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
            *pieces.FORGET,
            *_SESSIONS,
        ),
        hints=(
            "Both reach the hub. On what do the two agree with each other?",
            "`show crypto ikev2 sa` at {spoke.name} while it talks with {other.name}, and its keyring.",
        ),
        cause=Cause.PSK,
        parts=(Role.SPOKE, Role.OTHER),
        also=(Cause.PSK_MISSING,),
        needs=(Need.PSK, Need.MULTIPOINT, Need.NO_GATEWAY),
    ),
    _long(
        id="identity-of-the-hub-alone",
        title="A spoke believes the hub alone",
        acts=(
            Edit(
                Role.SPOKE,
                ike_profiles.PROFILE.of(name=word("ikev2_profile")),
                remove=("match identity",),
                add=(ike_profiles.MATCH_IDENTITY.of(address=word("hub.nbma"), mask=pieces.HOST),),
            ),
            *pieces.FORGET,
            *_SESSIONS,
        ),
        hints=(
            "Both reach the hub. Whom does {spoke.name} believe?",
            "`show running-config | section ikev2 profile` at {spoke.name}.",
        ),
        cause=Cause.IKE_IDENTITY,
        needs=(Need.PSK, Need.MULTIPOINT, Need.ONE_HUB),
    ),
    _long(
        id="next-hop-self",
        title="The hub says of all routes that it is the next hop, in phase 2",
        acts=(
            pieces.on_tunnel(Role.HUB, (sections.NEXT_HOP_SELF, {})),
            *pieces.FORGET,
        ),
        hints=(
            "Where does {spoke.name} send what is for {other.name}?",
            "`show ip route {other.lan_network}` at {spoke.name}: who is the next hop, and who was it?",
        ),
        cause=Cause.NEXT_HOP_SELF,
        needs=(Need.EIGRP, Need.MULTIPOINT),
    ),
    _long(
        id="server-only",
        title="A spoke answers questions, and asks none",
        acts=(spoke(pieces.TUNNEL, nhrp_lines.SERVER_ONLY.of()), *pieces.FORGET),
        hints=("Who asks whom?", "`show running-config interface {spoke.tunnel}` at {spoke.name}."),
        cause=Cause.SHORTCUT,
        needs=(Need.MULTIPOINT,),
    ),
)
