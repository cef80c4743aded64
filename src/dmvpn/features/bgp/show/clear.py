"""`clear ip bgp`, also as `clear bgp`, of one address family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dmvpn.base.addresses import Prefix
from dmvpn.features.bgp.events import ClearBgp, ClearDampening, Softness
from dmvpn.features.bgp.families import IPV6
from dmvpn.features.bgp.model import IPV4_KEY
from dmvpn.features.bgp.show.common import typed
from dmvpn.features.bgp.show.table import wanted_prefix
from dmvpn.ios import Args, ExecCommand, ShowContext
from dmvpn.ios.vrfs import by_vrf

_HELP: Final[Mapping[str, str]] = {
    "bgp": "Border Gateway Protocol",
    "ipv4": "IPv4",
    "ipv6": "IPv6",
    "prefix": "Those to this prefix",
    "unicast": "Unicast",
    "vpnv4": "Routes of VRFs",
    "all": "All address families",
    "*": "All neighbors",
    "external": "Those of other autonomous systems",
    "peer-group": "Those of a group",
    "group": "Its name",
    "update-group": "Neighbors with the same routes",
    "number": "Of the group",
    "address": "One neighbor",
    "autonomous_system": "Those of this autonomous system",
    "soft": "Without ending the session",
    "in": "Let them say everything again",
    "out": "Say everything again",
    "dampening": "Use routes again that came and went too often",
    "flap-statistics": "The same",
    "destination": "Those to this prefix",
    "mask": "Its mask",
}


def clear(ctx: ShowContext, args: Args) -> ClearBgp:
    """Return the event that ends sessions, or only exchanges routes again."""
    softness = Softness.HARD
    if "in" in args:
        softness = Softness.SOFT_IN
    elif "out" in args:
        softness = Softness.SOFT_OUT
    elif "soft" in args:
        softness = Softness.SOFT
    return ClearBgp(
        args.any_address("address", None),
        args.integer("autonomous_system", 0),
        softness,
        external="external" in args,
        group=args.text("group", ""),
        update_group=args.integer("number", 0),
        vrf=ctx.ports.vrf,
        family=None if "all" in args else _family(args),
    )


def _family(args: Args) -> bytes:
    """Return the key of the family that the command names."""
    return IPV6.key if "ipv6" in args else IPV4_KEY


def clear_dampening(ctx: ShowContext, args: Args) -> ClearDampening:
    """Return the event that clears flap histories."""
    whole = "prefix" in args or "destination" in args
    wanted = (wanted_prefix(args) or Prefix.host(args.any_address("destination"))) if whole else None
    return ClearDampening(wanted, ctx.ports.vrf, _family(args))


_WHOM: Final = (
    "( * | {address:family} | {autonomous_system:1-4294967295} | external | peer-group {group:word} "
    "| update-group [ {number:1-4294967295} ] )"
)
_HEADS: Final = ("clear ip bgp [ ipv4 unicast | all ]", "clear bgp [ ipv4 unicast | all ]", "clear bgp ipv6 unicast")
_FLAPS: Final = "( dampening | flap-statistics ) [ {destination:family} ]"
#: How the commands for a VRF begin, besides `vrf NAME`.
_IN_VRF: Final = ("clear ip bgp", "clear bgp", "clear ip bgp vpnv4 unicast", "clear bgp vpnv4 unicast")


def _commands(head: str) -> tuple[ExecCommand, ExecCommand]:
    return (
        ExecCommand(f"{head} {typed(_WHOM)} [ soft ] [ in | out ]", _HELP, action=clear, privilege=15),
        ExecCommand(f"{head} {typed(_FLAPS, ipv6='ipv6' in head)}", _HELP, action=clear_dampening, privilege=15),
    )


COMMANDS: Final = (
    *(command for head in _HEADS for command in _commands(head)),
    *(by_vrf(command, head) for head in _IN_VRF for command in _commands(head)),
)
