"""Troubles of VRFs: the front door, the table inside the tunnel, and two customers on one router.

They are a list of their own, drawn in clouds with VRFs (`setup`): one more in `TROUBLES` would change every draw.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from dmvpn.base.findings import Cause
from dmvpn.features.ike.config import profiles
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.ios import common, vrfs
from dmvpn.ios.interface_addresses import ADDRESS
from dmvpn.tools.troubles import model
from dmvpn.tools.troubles.model import Act, Command, Configure, Need, Rewrite, Role, Trouble, spoke, without_story, word
from dmvpn.tools.troubles.orders import moved_process, process_without

_ANEW: Final = tuple(Command(part, ("clear crypto session", "clear ip nhrp")) for part in (Role.SPOKE, Role.OTHER))
_one: Final = partial(
    without_story,
    hints=("Which table is each port, tunnel and route in? `show vrf`", "Compare the router with a working one."),
)


def _front(
    heading: str, lines: tuple[str, ...], *causes: Cause, needs: tuple[Need, ...] = (), hub: bool = False
) -> Trouble:
    """Return a trouble of the front door of a spoke, or of a hub."""
    part = Role.HUB if hub else Role.SPOKE
    acts: tuple[Act, ...] = (Configure(part, lines), *_ANEW)
    return _one(heading, acts, (Cause.TABLE, *causes), parts=(part,), needs=(Need.FRONT_DOOR, *needs))


def _fronts(name: str, title: str, lines: tuple[str, ...], *causes: Cause) -> tuple[Trouble, Trouble]:
    """Return the trouble of the front door of a spoke, and that of a hub. title: behind "A spoke's"."""
    of_hub = _front(f"hub-{name}: A hub's {title}", lines, *causes, hub=True)
    return _front(f"{name}: A spoke's {title}", lines, *causes), of_hub


def _inside(heading: str, lines: tuple[str, ...], *causes: Cause, need: Need = Need.INSIDE_VRF) -> Trouble:
    """Return a trouble of the inside of a spoke's tunnel."""
    return _one(heading, (spoke(*lines), *_ANEW), (Cause.TABLE, *causes), needs=(need,))


def _port(name: str, vrf: str = "", address: str = "") -> tuple[str, ...]:
    """Return the lines that move an interface, which loses its address. address: the word whose address it gets."""
    enters = vrfs.FORWARDING.line(name=word(vrf)) if vrf else "no vrf forwarding"
    known = (ADDRESS.line(address=word(f"{address}_address"), mask=word(f"{address}_mask")),)
    return common.INTERFACE.line(name=word(name)), enters, *(known if address else ())


def _key(tunnel: str, key: str) -> tuple[str, ...]:
    return common.INTERFACE.line(name=word(tunnel)), tunnel_lines.KEY.line(key=word(key))


_PROFILE: Final = profiles.PROFILE.line(name=word("ikev2_profile"))
#: The section of the routing protocol has the VRF in its header, or in that of its address family.
_PROCESS: Final = "{inside}"
_NBMA: Final = model.address("nbma", "nbma_mask")

_FRONT: Final = (
    *_fronts("fvrf-missing", "IKEv2 profile has no match fvrf", (_PROFILE, "no match fvrf {front}"), Cause.IKE),
    _front(
        "fvrf-other: A spoke's IKEv2 profile is for peers in another VRF",
        (vrfs.DEFINITION.line(name="OTHER"), "address-family ipv4", _PROFILE, profiles.MATCH_FVRF.line(vrf="OTHER")),
        Cause.IKE,
    ),
    *_fronts("tunnel-vrf-missing", "tunnel has no tunnel vrf", (model.TUNNEL, "no tunnel vrf {front}")),
    _front(
        "tunnel-vrf-inside: A spoke's tunnel vrf is the VRF of its inside",
        (model.TUNNEL, tunnel_lines.VRF.line(vrf=word("inside"))),
    ),
    _front("wan-vrf-missing: The port to the provider is in the global table", (model.WAN, "no vrf forwarding", _NBMA)),
    _front(
        "wan-vrf-other: The port to the provider is in the VRF of the company",
        (model.WAN, vrfs.FORWARDING.line(name=word("inside")), _NBMA),
    ),
    _front(
        "wan-address-lost: The port to the provider was moved between VRFs, and has no address since",
        (model.WAN, "no vrf forwarding", vrfs.FORWARDING.line(name=word("front"))),
        Cause.NO_ADDRESS,
    ),
    *_fronts("front-default-missing", "front door has no default route", ("no {front_route}",), Cause.MISSING_ROUTE),
    _front(
        "front-default-wrong: The front door's default route leads to an address that no station has",
        ("no {front_route}", "ip route vrf {front} 0.0.0.0 0.0.0.0 192.0.2.77"),
        Cause.WRONG_NEXT_HOP,
        Cause.MISSING_ROUTE,
    ),
    _front(
        "front-default-global: The front door's default route is in the global table",
        ("no {front_route}", model.default_route("front_gateway")),
        Cause.MISSING_ROUTE,
    ),
    _front(
        "keyring-vrf-missing: The keys of IKEv1 are for peers of the global table",
        ("no {front_keyring}", "crypto isakmp key Drawn-Key-7 address 0.0.0.0"),
        Cause.PSK_MISSING,
        needs=(Need.PROTECTED,),
    ),
)
_INSIDE: Final = (
    _inside("tunnel-inside-missing: A spoke's tunnel is in the global table", _port("tunnel", "", "tunnel")),
    _inside(
        "tunnel-address-lost: A spoke's tunnel was moved between VRFs, and has no address since",
        (*_port("tunnel"), vrfs.FORWARDING.line(name=word("inside"))),
        Cause.NO_ADDRESS,
    ),
    _inside("lan-global: A spoke's LAN is in the global table", _port("lan", "", "lan")),
    _inside(
        "lan-address-lost: A spoke's LAN was moved between VRFs, and has no address since",
        (*_port("lan"), vrfs.FORWARDING.line(name=word("inside"))),
        Cause.NO_ADDRESS,
        Cause.HOST_GATEWAY,
    ),
    _inside(
        "vrf-without-ipv4: A spoke's VRF lost its address family, and its ports their addresses",
        (vrfs.DEFINITION.line(name=word("inside")), "no address-family ipv4", "address-family ipv4"),
        Cause.NO_ADDRESS,
    ),
    _one(
        "process-global: A spoke's routing protocol runs in the global table",
        (Rewrite(Role.SPOKE, _PROCESS, moved_process), *_ANEW),
        (Cause.TABLE,),
    ),
    _one(
        "process-other-vrf: A spoke's routing protocol runs in another VRF",
        (Rewrite(Role.SPOKE, _PROCESS, partial(moved_process, vrf="front")), *_ANEW),
        (Cause.TABLE,),
        needs=(Need.FRONT_DOOR,),
    ),
    _one(
        "hub-process-global: A hub's routing protocol runs in the global table",
        (Rewrite(Role.HUB, _PROCESS, moved_process), *_ANEW),
        (Cause.TABLE,),
    ),
    _one(
        "network-missing-in-vrf: The process in a spoke's VRF has no network statement",
        (Rewrite(Role.SPOKE, _PROCESS, partial(process_without, beginning="network ")), *_ANEW),
        (Cause.NETWORK_STATEMENT, Cause.BGP_NEIGHBOR, Cause.TABLE),
    ),
    _one(
        "redistribution-missing-in-vrf: BGP in a spoke's VRF takes no connected routes",
        (Rewrite(Role.SPOKE, _PROCESS, partial(process_without, beginning="redistribute ")), *_ANEW),
        (Cause.NETWORK_STATEMENT, Cause.NO_ROUTE_THERE),
    ),
)
_CUSTOMERS: Final = (
    _inside(
        "tunnels-swapped: The tunnels of two customers are in each other's VRF",
        (*_port("tunnel2"), *_port("tunnel", "vrf2", "tunnel"), *_port("tunnel2", "inside", "tunnel2")),
        Cause.KEY,
        need=Need.TWO_CUSTOMERS,
    ),
    _inside(
        "lans-swapped: The LANs of two customers are in each other's VRF",
        (*_port("lan"), *_port("lan2", "inside", "lan2"), *_port("lan", "vrf2", "lan")),
        need=Need.TWO_CUSTOMERS,
    ),
    _inside(
        "keys-swapped: The tunnel keys of two customers changed places",
        (*_key("tunnel", "key2"), *_key("tunnel2", "key")),
        Cause.KEY,
        need=Need.TWO_CUSTOMERS,
    ),
)
VRFS: Final = (*_FRONT, *_INSIDE, *_CUSTOMERS)
