"""Sentences, commands and lines that several troubles have."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from dmvpn.features.bgp.config import processes as bgp
from dmvpn.features.interface.config import sections as ports
from dmvpn.features.nhrp.config import lines as nhrp
from dmvpn.features.ospf.config import processes as ospf
from dmvpn.features.rip import config as rip
from dmvpn.features.static import config as static
from dmvpn.ios import common
from dmvpn.tools.troubles.acts import Command, Edit, Eigrp, Role, word
from dmvpn.tools.troubles.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from dmvpn.features.eigrp.config.sections import InterfaceLine

#: Troubles with one story: what users say.
lost: Final = partial(Trouble, complaint="The branch {spoke.name} does not reach the head office any more.")
all_lost: Final = partial(Trouble, complaint="All branches lost the head office at the same minute.")
gone: Final = partial(Trouble, complaint="Nobody reaches the computers at {spoke.name} any more.")
LONG_WAY: Final = "Calls between {spoke.name} and {other.name} take the long way by the head office."
HOW_FAR: Final = "How far does it come: IKE, an SA, a registration?"
FIX_WIRE: Final = "The provider has to fix it: `dmvpn lab impair {spoke.name}:{spoke.wan}` stands for your call."
#: What a shortcut taught stays for a while when the route below it has gone.
FORGET: Final = (Command(Role.SPOKE, ("clear ip nhrp",)), Command(Role.OTHER, ("clear ip nhrp",)))
#: SAs that are there would go on without IKE, and by the old way.
RENEW: Final = (Command(Role.SPOKE, ("clear crypto session",)), Command(Role.HUB, ("clear crypto session",)))
TUNNEL: Final = common.INTERFACE.of(name=word("tunnel"))
WAN: Final = common.INTERFACE.of(name=word("wan"))
LAN: Final = common.INTERFACE.of(name=word("lan"))
#: The provider's port to a spoke.
PORT: Final = common.INTERFACE.of(name=word("port"))
LOOPBACK: Final = common.INTERFACE.of(name="Loopback66")
BGP: Final = bgp.ROUTER.of(number=word("bgp"))
OSPF: Final = ospf.ROUTER.of(number=word("ospf"))
RIP: Final = rip.ROUTER.of()
HOST: Final = "255.255.255.255"


def address(whose: str, mask: str) -> str:
    """Return the line with an address. whose: a word; mask: one, or a mask."""
    return ports.ADDRESS.of(address=word(whose), mask=_mask(mask))


def route(to: str, mask: str, by: str = "") -> str:
    """Return the line of a static route. to, by: words, "": into nothing; mask: one, or a mask."""
    way: dict[str, Hashable] = {"next_hop": word(by)} if by else {"interface": "Null0"}
    return static.ROUTE.of(network=word(to), mask=_mask(mask), **way)


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


def _mask(mask: str) -> Hashable:
    return mask if mask[0].isdigit() else word(mask)
