"""What a killed router leaves on purpose: the TAPs of its protected tunnels, with addresses and routes.

A TAP usually goes with its process, and its routes with it: what should have been sealed would then take the default
route, in clear. That of a protected tunnel is persistent. While nobody holds it, it has no carrier; the kernel still
routes into it (marked `linkdown`) and drops: overlay traffic stops, until the router is back.

    start    routes that lead into such a TAP stay, all others of ours go
    running  a tunnel of the same name takes its TAP over; routes that are wanted again are replaced in place
    GRACE    later whatever was not taken over goes; so it does at the end of an orderly life, or by `dmvpn cleanup`
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink import ROUTE_PROTOCOL
from dmvpn.dataplane.tap import Tap
from dmvpn.dataplane.userspace.names import made_here

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix

#: Seconds that registration, IKE and the routing protocols of the next life may take.
GRACE: Final = 60.0


class Leftovers:
    """TAPs that an earlier life left in this network namespace, and the routes into them."""

    def __init__(self, kernel: netlink.NetlinkSocket) -> None:
        self._kernel = kernel
        self._taps: dict[str, int] = {}
        self._routes: dict[Prefix, netlink.Route] = {}
        self._until = 0.0

    def begin(self, now: float) -> None:
        """Flush the routes of an earlier life, but for those into TAPs that it left on purpose. now: seconds."""
        self._taps = {link.name: link.index for link in left_behind(self._kernel)}
        self._until = now + GRACE
        indexes = frozenset(self._taps.values())
        stale = self._kernel.routes(protocol=ROUTE_PROTOCOL)
        stays = [route for route in stale if route.next_hops and all(hop.link in indexes for hop in route.next_hops)]
        self._routes = {route.prefix: route for route in stays}
        self._kernel.execute([netlink.delete_route(route) for route in stale if route not in stays])

    def taken_over(self, name: str) -> None:
        """A tunnel has this TAP now."""
        self._taps.pop(name, None)

    def routed(self, prefix: Prefix) -> None:
        """The router has said what it wants with this prefix."""
        self._routes.pop(prefix, None)

    def age(self, now: float) -> None:
        """Remove what nobody wanted in time."""
        if now >= self._until:
            self.remove()

    def remove(self) -> None:
        """Remove what is left at once."""
        if self._routes:
            self._kernel.execute([netlink.delete_route(route) for route in self._routes.values()])
            self._routes.clear()
        for name in self._taps:
            _remove(name)
        self._taps.clear()


def left_behind(kernel: netlink.NetlinkSocket) -> list[netlink.Link]:
    """TAPs of tunnels of ours; who wants to know whether a router holds one has to try."""
    return [link for link in kernel.links() if link.kind == "tun" and link.alias == link.name and made_here(link.name)]


def clean_up(kernel: netlink.NetlinkSocket) -> list[str]:
    """Remove the TAPs that a killed router left, and say their names; those that a router holds stay."""
    return [link.name for link in left_behind(kernel) if _remove(link.name)]


def _remove(name: str) -> bool:
    try:
        with Tap(name, vnet_hdr=True) as tap:
            tap.set_persistent(False)
    except (OSError, UserError):
        return False  # somebody has it, or it is gone already
    return True
