"""What a killed router leaves on purpose: the TAPs of its protected tunnels, with addresses and routes.

A TAP usually goes with its process, and its routes with it: what should have been sealed would then take the default
route, in clear. That of a protected tunnel is persistent. While nobody holds it, it has no carrier; the kernel still
routes into it (marked `linkdown`) and drops: overlay traffic stops, until the router is back.

    start    routes that lead into such a TAP stay, and so does the guard (`guard`); all other routes of ours go
    running  a tunnel of the same name takes its TAP over; routes that are wanted again are replaced in place
    GRACE    later whatever was not taken over goes; so it does at the end of an orderly life, or by `dmvpn cleanup`
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink import ROUTE_PROTOCOL, TABLE_MAIN
from dmvpn.dataplane.tap import Tap
from dmvpn.dataplane.userspace.borrowed import give_back
from dmvpn.dataplane.userspace.kernel_gre import KernelGre
from dmvpn.dataplane.userspace.names import made_here
from dmvpn.dataplane.userspace.translation import remove_tables

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.dataplane.sysctl import Setting
    from dmvpn.dataplane.userspace.records import Records

#: Seconds that registration, IKE and the routing protocols of the next life may take.
GRACE: Final = 60.0


class Leftovers:
    """TAPs that an earlier life left in this network namespace, and the routes into them."""

    def __init__(self, kernel: netlink.NetlinkSocket) -> None:
        self._kernel = kernel
        self._taps: dict[str, int] = {}
        self._routes: dict[Prefix, netlink.Route] = {}
        self._until = 0.0

    def begin(self, now: float, others: frozenset[Prefix] = frozenset()) -> None:
        """Flush the routes of an earlier life, but for those into TAPs that it left on purpose.

        now: seconds.
        others: what routers route that live in this network namespace, too.
        """
        self._taps = {link.name: link.index for link in left_behind(self._kernel)}
        self._until = now + GRACE
        indexes = frozenset(self._taps.values())
        ours = [route for route in self._kernel.routes(protocol=ROUTE_PROTOCOL) if route.table == TABLE_MAIN]
        stale = [route for route in ours if route.prefix not in others]
        stays = [route for route in stale if route.next_hops and all(hop.link in indexes for hop in route.next_hops)]
        self._routes = {route.prefix: route for route in stays}
        self._kernel.execute([netlink.delete_route(route) for route in stale if route not in stays])

    def taken_over(self, name: str) -> None:
        """Note that a tunnel has this TAP now."""
        self._taps.pop(name, None)

    def routed(self, prefix: Prefix) -> None:
        """Note that the router has said what it wants with this prefix."""
        self._routes.pop(prefix, None)

    @property
    def prefixes(self) -> frozenset[Prefix]:
        """Of the routes that are left."""
        return frozenset(self._routes)

    def __bool__(self) -> bool:
        return bool(self._taps)

    def age(self, now: float) -> bool:
        """Remove what nobody wanted in time. True: that time is over now."""
        if now < self._until:
            return False
        self._until = math.inf
        self.remove()
        return True

    def remove(self) -> None:
        """Remove what is left at once."""
        if self._routes:
            self._kernel.execute([netlink.delete_route(route) for route in self._routes.values()])
            self._routes.clear()
        for name in self._taps:
            _remove(name)
        self._taps.clear()


def left_behind(kernel: netlink.NetlinkSocket) -> list[netlink.Link]:
    """Return TAPs of tunnels of ours; to find out whether a router holds one, a caller has to try."""
    return [link for link in kernel.links() if link.kind == "tun" and link.alias == link.name and made_here(link.name)]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was removed and given back. living: how many routers have something here, which was left alone."""

    living: int
    routes: tuple[netlink.Route, ...]
    rules: tuple[netlink.Rule, ...]
    taps: tuple[str, ...]
    tables: tuple[str, ...]
    settings: tuple[Setting, ...]
    device: str | None


def clean_up(kernel: netlink.NetlinkSocket, records: Records) -> Cleaned:
    """Remove what killed routers left in this network namespace, and nothing that a living one has.

    The kernel knows which process holds a TAP; the records know the owners of routes and settings. A TAP that is held,
    of a router without a record that we can read: then only what is known to be of a dead one goes.
    """
    with records.locked():
        others = records.others()
        found = left_behind(kernel)
        taps = tuple(link.name for link in found if _remove(link.name))
        unknown = not others.living and len(taps) < len(found)
        # Rules are shared: with the last router they go, and before the routes that they ask for.
        rules = () if others.living or unknown else tuple(kernel.flush_rules())
        routes = [route for route in kernel.routes(protocol=ROUTE_PROTOCOL) if route.prefix not in others.prefixes]
        if unknown:
            routes = [route for route in routes if route.prefix in others.orphans]
        kernel.execute([netlink.delete_route(route) for route in routes])
        tables = () if unknown else tuple(remove_tables(others))
        records.forget_dead()
        device = None if others.living or unknown else KernelGre(kernel).clean_up()
        settings = () if unknown else tuple(give_back(records, kernel))
        if not unknown:
            records.tidy()
        return Cleaned(len(others.living) + unknown, tuple(routes), rules, taps, tables, settings, device)


def _remove(name: str) -> bool:
    try:
        with Tap(name, vnet_hdr=True) as tap:
            tap.set_persistent(False)
    except (OSError, UserError):
        return False  # somebody has it, or it is gone already
    return True
