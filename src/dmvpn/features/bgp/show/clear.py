"""`clear ip bgp`, also as `clear bgp`, of the one address family that there is."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.features.bgp.events import ClearBgp, Softness
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Mapping

_HELP: Final[Mapping[str, str]] = {
    "bgp": "Border Gateway Protocol",
    "ipv4": "IPv4",
    "unicast": "Unicast",
    "all": "All address families",
    "*": "All neighbors",
    "external": "Those of other autonomous systems",
    "peer-group": "Those of a group",
    "group": "Its name",
    "update-group": "Those that hear the same",
    "number": "Of the group",
    "address": "One neighbor",
    "autonomous_system": "Those of this autonomous system",
    "soft": "Without ending the session",
    "in": "Let them say everything again",
    "out": "Say everything again",
}


def clear(ctx: ShowContext, args: Args) -> ClearBgp:
    """End sessions, or only say everything again."""
    address = args.address("address", None)
    softness = Softness.HARD
    if "in" in args:
        softness = Softness.SOFT_IN
    elif "out" in args:
        softness = Softness.SOFT_OUT
    elif "soft" in args:
        softness = Softness.SOFT
    neighbor = address if isinstance(address, IPv4Address) else None
    return ClearBgp(
        neighbor,
        args.integer("autonomous_system", 0),
        softness,
        external="external" in args,
        group=args.text("group", ""),
        update_group=args.integer("number", 0),
    )


_WHOM: Final = (
    "( * | {address:address} | {autonomous_system:1-4294967295} | external | peer-group {group:word} "
    "| update-group [ {number:1-4294967295} ] )"
)
COMMANDS: Final = tuple(
    ExecCommand(f"{head} {_WHOM} [ soft ] [ in | out ]", _HELP, action=clear, privilege=15)
    for head in ("clear ip bgp [ ipv4 unicast | all ]", "clear bgp [ ipv4 unicast | all ]")
)
