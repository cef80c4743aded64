"""Sentences, commands and lines that several troubles have."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from dmvpn.features.bgp.config import instance as bgp
from dmvpn.features.ike.config import profiles
from dmvpn.features.interface.config import sections as ports
from dmvpn.features.nhrp.config import lines as nhrp
from dmvpn.features.ospf.config import processes as ospf
from dmvpn.features.static import config as static
from dmvpn.ios import common
from dmvpn.tools.troubles.model import Command, Edit, Eigrp, Role, Trouble, spoke, word

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from dmvpn.base.causes import Cause
    from dmvpn.features.eigrp.config.sections import InterfaceLine


def commands(line: str, *parts: Role) -> tuple[Command, ...]:
    """Return a command at each of these routers."""
    return tuple(Command(part, (line,)) for part in parts)


#: Troubles with one story: what users say.
lost: Final = partial(Trouble, complaint="The branch {spoke.name} does not reach the head office any more.")
all_lost: Final = partial(Trouble, complaint="All branches lost the head office at the same minute.")
gone: Final = partial(Trouble, complaint="Nobody reaches the computers at {spoke.name} any more.")
LONG_WAY: Final = "Calls between {spoke.name} and {other.name} take the long way by the head office."
HOW_FAR: Final = "How far does it come: IKE, an SA, a registration?"
FIX_WIRE: Final = "The provider has to fix it: `dmvpn lab impair {spoke.name}:{spoke.wan}` stands for your call."
#: What a shortcut taught stays for a while when the route below it has gone.
FORGET: Final = commands("clear ip nhrp", Role.SPOKE, Role.OTHER)
#: SAs that are there would go on without IKE, and by the old way.
RENEW: Final = commands("clear crypto session", Role.SPOKE, Role.HUB)
TUNNEL: Final = common.INTERFACE.of(name=word("tunnel"))
WAN: Final = common.INTERFACE.of(name=word("wan"))
LAN: Final = common.INTERFACE.of(name=word("lan"))
#: The provider's port to a spoke.
PORT: Final = common.INTERFACE.of(name=word("port"))
LOOPBACK: Final = common.INTERFACE.of(name="Loopback66")
BGP: Final = bgp.ROUTER.of(number=word("bgp"))
OSPF: Final = ospf.ROUTER.of(number=word("ospf"))
#: The same, if the router speaks RIP.
RIP: Final = "router {rip}"
RING: Final = profiles.RING.of(name=word("keyring"))
PEER: Final = (RING, profiles.PEER.of(name=word("peer")))
IKEV2_PROFILE: Final = profiles.PROFILE.of(name=word("ikev2_profile"))
HOST: Final = "255.255.255.255"


def unproved(
    name: str,
    title: str,
    lines: tuple[str, ...],
    hints: tuple[str, str],
    *causes: Cause,
    parts: tuple[Role, ...] = (Role.SPOKE, Role.HUB),
    story: Callable[..., Trouble] = lost,
) -> Trouble:
    """Return the trouble of a spoke that agrees on no SAs with the hub once these lines are entered."""
    acts = (spoke(*lines), *RENEW)
    return story(id=name, title=title, acts=acts, hints=(HOW_FAR, *hints), causes=causes, parts=parts)


def keys(key: str) -> tuple[str, str]:
    """Return the lines of a key in a keyring's peer, for both directions."""
    return profiles.PRE_SHARED_KEY.of(key=key, local=True), profiles.PRE_SHARED_KEY.of(key=key, remote=True)


def address(whose: str, mask: str) -> str:
    """Return the line with an address. whose: a word; mask: one, or a mask."""
    return ports.ADDRESS.of(address=word(whose), mask=_filled(mask))


def route(to: str, mask: str, by: str = "") -> str:
    """Return the line of a static route. to: a network, or a word; mask, by: in the same way; no by: into nothing."""
    way: dict[str, Hashable] = {"next_hop": _filled(by)} if by else {"interface": "Null0"}
    return static.ROUTE.of(network=_filled(to), mask=_filled(mask), **way)


def default_route(by: str) -> str:
    """Return the line of a default route. by: a word."""
    return route("0.0.0.0", "0.0.0.0", by)  # noqa: S104 - no binding


def of_hub(**words: Hashable) -> tuple[str, str]:
    """Return a line of a spoke's BGP about the hub, in its section."""
    return BGP, bgp.NEIGHBOR.of(peer=word("hub.tunnel_address"), **words)


def of_spoke(**words: Hashable) -> tuple[str, str]:
    """Return a line of a hub's BGP about the spoke, in its section."""
    return BGP, bgp.NEIGHBOR.of(peer=word("spoke.tunnel_address"), **words)


def registering(nhs: str, nbma: str, *, multicast: bool = True) -> Edit:
    """Return the change to another server, the only one of a spoke. nhs, nbma: words."""
    line = nhrp.NHS.of(nhs_address=word(nhs), nbma_address=word(nbma), **({"multicast": True} if multicast else {}))
    return Edit(Role.SPOKE, TUNNEL, remove=("ip nhrp nhs", "ip nhrp map"), add=(line,))


def on_tunnel(part: Role, *lines: tuple[InterfaceLine, Mapping[str, Hashable]]) -> Eigrp:
    """Return lines of EIGRP for the tunnel, each with its values."""
    classic = tuple(line.classic.of(number=word("as"), **values) for line, values in lines)
    return Eigrp(part, named=tuple(line.named.of(**values) for line, values in lines), classic=classic)


def _filled(value: str) -> Hashable:
    return value if value[0].isdigit() else word(value)
