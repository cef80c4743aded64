"""What the shows of BGP share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.bgp.machine import BgpMachine

if TYPE_CHECKING:
    from dmvpn.ios import ShowContext

#: What is said where there is no `router bgp`.
NOT_ACTIVE: Final = "% BGP not active"
#: The words of all its commands.
HELP: Final = {
    "bgp": "Border Gateway Protocol",
    "all": "All address families; there is one",
    "ipv4": "IPv4",
    "unicast": "Unicast",
    "summary": "One line a neighbor",
    "neighbors": "Everything about neighbors",
    "address": "A neighbor",
}


def active(ctx: ShowContext) -> BgpMachine | None:
    """Return the process, None without one."""
    machine = ctx.machine(BgpMachine)
    return machine if machine.config.local_as else None
