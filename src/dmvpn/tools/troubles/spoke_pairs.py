"""Troubles of pairs of spokes: both reach the hub, and do not reach each other, or only through the hub."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.features.eigrp.config import sections
from dmvpn.features.ike.config import profiles as ike_profiles
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.tools.troubles import model
from dmvpn.tools.troubles.model import Configure, Edit, Need, Role, Trouble, hub, spoke, word

if TYPE_CHECKING:
    from dmvpn.tools.troubles.model import Act

_MAPS: Final = (Cause.WRONG_MAP, Cause.NHS_NBMA)
_SESSIONS: Final = model.commands("clear crypto session", Role.SPOKE, Role.OTHER)
_BETWEEN: Final = "Both reach the hub. What passes between the NBMA addresses of the two?"
_KNOWN: Final = (
    "What does {spoke.name} know of {other.name}, and from whom?",
    "`show ip nhrp` at {spoke.name}: static?",
)
_AGREED: Final = (
    "Both reach the hub. On what do the two agree with each other?",
    "`show crypto ikev2 sa` at {spoke.name} while it talks with {other.name}, and its keyring.",
)


def _astray(name: str, title: str, line: str, *causes: Cause) -> Trouble:
    """Return the trouble of a route of the provider."""
    return Trouble(
        id=name,
        title=title,
        acts=(Configure(Role.PROVIDER, (line,)),),
        complaint="{spoke.name} is cut off. The provider says that all is well.",
        hints=("Follow a packet for {spoke.nbma} from {hub.name}.", "`show ip route {spoke.nbma}` at {provider.name}."),
        causes=causes,
        needs=(Need.PROVIDER, Need.NO_GATEWAY),
    )


def _long(
    name: str,
    title: str,
    acts: tuple[Act, ...],
    hints: tuple[str, str],
    *causes: Cause,
    need: Need | None = None,
    parts: tuple[Role, ...] = (),
) -> Trouble:
    """Return the trouble of a pair whose packets take the long way. need: besides multipoint tunnels."""
    return Trouble(
        id=name,
        title=title,
        acts=acts,
        complaint="Calls between {spoke.name} and {other.name} are bad. With the head office both are content.",
        hints=hints,
        causes=causes,
        parts=parts,
        needs=(Need.MULTIPOINT, *((need,) if need is not None else ())),
    )


SPOKE_PAIRS: Final = (
    _astray(
        "provider-route-between",
        "The provider has no way to one spoke, where another one asks",
        model.route("spoke.nbma", model.HOST),
        Cause.BLACK_HOLE,
        Cause.MISSING_ROUTE,
        Cause.WRONG_NEXT_HOP,
        Cause.NO_ROUTE_THERE,
    ),
    _astray(
        "provider-route-astray",
        "A route of the provider leads the packets for one spoke to another one",
        model.route("spoke.nbma", "255.255.255.255", "other.nbma"),
        Cause.WRONG_NEXT_HOP,
        Cause.MISSING_ROUTE,
        Cause.NO_ROUTE_THERE,
        Cause.BLACK_HOLE,
    ),
    _long(
        "peer-route",
        "A spoke has a route into nothing to the NBMA address of another one",
        (spoke(model.route("other.nbma", model.HOST)), *model.FORGET, *_SESSIONS),
        (_BETWEEN, "`show ip route {other.nbma}` at {spoke.name}: who says so?"),
        Cause.BLACK_HOLE,
        Cause.PEERS_APART,
        Cause.MISSING_ROUTE,
        need=Need.NO_GATEWAY,
    ),
    _long(
        "peer-map",
        "A spoke has a static map of another spoke, with an address that is not its",
        (
            spoke(model.TUNNEL, nhrp_lines.MAP.of(target=word("other.tunnel_address"), nbma=word("hub.nbma"))),
            *model.FORGET,
        ),
        _KNOWN,
        *_MAPS,
    ),
    _long(
        "map-to-nobody",
        "A spoke has a static map of another spoke, with an address that nobody has",
        (
            spoke(model.TUNNEL, nhrp_lines.MAP.of(target=word("other.tunnel_address"), nbma="198.18.0.99")),
            *model.FORGET,
        ),
        _KNOWN,
        *_MAPS,
    ),
    Trouble(
        id="map-of-a-lan",
        title="A spoke has a static map for its own address at another spoke's place",
        acts=(
            hub(model.TUNNEL, nhrp_lines.MAP.of(target=word("spoke.tunnel_address"), nbma=word("other.nbma"))),
            *model.FORGET,
        ),
        complaint="{spoke.name} does not reach the head office any more.",
        hints=(
            "{spoke.name} speaks, and the answers? Where does {hub.name} send them?",
            "`show ip nhrp {spoke.tunnel_address}` at {hub.name}: dynamic, or static?",
        ),
        causes=_MAPS,
        needs=(Need.MULTIPOINT,),
    ),
    _long(
        "keys-of-the-hub-alone",
        "A spoke has a key for the hub, and for nobody else",
        (
            spoke(
                *model.PEER,
                ike_profiles.ADDRESS.no(address=IPv4Address(0), mask=IPv4Address(0)),
                ike_profiles.ADDRESS.of(address=word("hub.nbma")),
            ),
            *model.FORGET,
            *_SESSIONS,
        ),
        _AGREED,
        Cause.PSK_MISSING,
        Cause.PSK,
        need=Need.ONE_HUB,
    ),
    _long(
        "key-of-the-pair",
        "Two spokes have different keys for each other",
        (
            spoke(
                model.RING,
                ike_profiles.PEER.of(name="LESSON"),
                ike_profiles.ADDRESS.of(address=word("other.nbma")),
                *model.keys("NotTheSame1"),
            ),
            *model.FORGET,
            *_SESSIONS,
        ),
        _AGREED,
        Cause.PSK,
        Cause.PSK_MISSING,
        parts=(Role.SPOKE, Role.OTHER),
        need=Need.NO_GATEWAY,
    ),
    _long(
        "identity-of-the-hub-alone",
        "A spoke believes the hub alone",
        (
            Edit(
                Role.SPOKE,
                model.IKEV2_PROFILE,
                remove=("match identity",),
                add=(ike_profiles.MATCH_IDENTITY.of(address=word("hub.nbma"), mask=model.HOST),),
            ),
            *model.FORGET,
            *_SESSIONS,
        ),
        (
            "Both reach the hub. Whom does {spoke.name} believe?",
            "`show running-config | section ikev2 profile` at {spoke.name}.",
        ),
        Cause.IKE_IDENTITY,
        need=Need.ONE_HUB,
    ),
    _long(
        "next-hop-self",
        "The hub says of all routes that it is the next hop, in phase 2",
        (model.on_tunnel(Role.HUB, (sections.NEXT_HOP_SELF, {})), *model.FORGET),
        (
            "Where does {spoke.name} send what is for {other.name}?",
            "`show ip route {other.lan_network}` at {spoke.name}: who is the next hop, and who was it?",
        ),
        Cause.NEXT_HOP_SELF,
    ),
    _long(
        "server-only",
        "A spoke answers questions, and asks none",
        (spoke(model.TUNNEL, nhrp_lines.SERVER_ONLY.of()), *model.FORGET),
        ("Who asks whom?", "`show running-config interface {spoke.tunnel}` at {spoke.name}."),
        Cause.SHORTCUT,
    ),
)
