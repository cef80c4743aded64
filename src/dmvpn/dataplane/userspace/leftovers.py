"""Objects that a killed router leaves on purpose: the TAPs of its protected tunnels, with addresses and routes.

A TAP usually goes with its process, and its routes with it: packets for encryption would then take the default route,
in clear. The TAP of a protected tunnel is persistent. While no process holds it, it has no carrier; the kernel still
routes into it (marked `linkdown`) and drops: overlay traffic stops, until the router is back.

    start    routes that lead into such a TAP stay, and so does the guard (`guard`); all other routes of ours go
    running  a tunnel of the same name takes its TAP over; routes that are ordered again are replaced in place
    GRACE    after it, everything not taken over goes; likewise at the end of an orderly run, or by `dmvpn cleanup`
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink import ROUTE_PROTOCOL
from dmvpn.dataplane.tap import Tap
from dmvpn.dataplane.userspace import vrf_devices
from dmvpn.dataplane.userspace.borrowed import give_back
from dmvpn.dataplane.userspace.domain import END_METRIC, GUARD_METRIC, MAIN, Domain
from dmvpn.dataplane.userspace.kernel_gre import KernelGre
from dmvpn.dataplane.userspace.names import made_here
from dmvpn.dataplane.userspace.tables import remove_tables

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.dataplane.sysctl import Setting
    from dmvpn.dataplane.userspace.records import Records
    from dmvpn.dataplane.userspace.things import RouterTable

#: Seconds that registration, IKE and the routing protocols of the next run may take.
GRACE: Final = 60.0
#: Metrics of routes that go on in the table of a VRF device, or are the guard's to remove.
_KEPT: Final = (END_METRIC, GUARD_METRIC)


class Leftovers:
    """TAPs that an earlier run left in this network namespace, and the routes into them."""

    def __init__(self, kernel: netlink.NetlinkSocket, domain: Domain = MAIN) -> None:
        self._kernel = kernel
        self._domain = domain
        self._taps: dict[str, int] = {}
        self._routes: dict[Prefix, netlink.KernelRoute] = {}
        self._until = 0.0

    def begin(self, now: float, others: frozenset[Prefix] = frozenset()) -> None:
        """Flush the routes of an earlier run, except routes into TAPs that it left on purpose.

        now: seconds.
        others: prefixes of other routers that live in this network namespace.
        """
        device = self._domain.device
        found = [link for link in left_behind(self._kernel) if not device or link.master == device]
        self._taps = {link.name: link.index for link in found}
        self._until = now + GRACE
        indexes = frozenset(self._taps.values())
        ours = [route for route in self._kernel.routes(protocol=ROUTE_PROTOCOL) if self._domain.has(route)]
        stale = [route for route in ours if route.prefix not in others and route.metric not in _KEPT]
        stays = [route for route in stale if route.next_hops and all(hop.link in indexes for hop in route.next_hops)]
        self._routes = {route.prefix: route for route in stays}
        self._kernel.execute([netlink.delete_route(route) for route in stale if route not in stays])

    def taken_over(self, name: str) -> None:
        """Record that a tunnel has taken this TAP over."""
        self._taps.pop(name, None)

    def routed(self, prefix: Prefix) -> None:
        """Record that the router has ordered a route for this prefix."""
        self._routes.pop(prefix, None)

    @property
    def prefixes(self) -> frozenset[Prefix]:
        """The prefixes of the remaining routes."""
        return frozenset(self._routes)

    def __bool__(self) -> bool:
        return bool(self._taps)

    def age(self, now: float) -> bool:
        """Remove everything not taken over in time. True: the grace time ends now."""
        if now < self._until:
            return False
        self._until = math.inf
        self.remove()
        return True

    def remove(self) -> None:
        """Remove the remains at once."""
        if self._routes:
            self._kernel.execute([netlink.delete_route(route) for route in self._routes.values()])
            self._routes.clear()
        for name in self._taps:
            _remove(name)
        self._taps.clear()


def left_behind(kernel: netlink.NetlinkSocket) -> list[netlink.KernelLink]:
    """Return TAPs of tunnels of ours; whether a router holds one is only found by trying to take it."""
    return [link for link in kernel.links() if link.kind == "tun" and link.alias == link.name and made_here(link.name)]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Removed and restored objects. living: number of routers with objects here, which were left alone."""

    living: int
    routes: tuple[netlink.KernelRoute, ...]
    rules: tuple[netlink.Rule, ...]
    taps: tuple[str, ...]
    tables: tuple[RouterTable, ...]
    settings: tuple[Setting, ...]
    device: str | None
    vrfs: tuple[str, ...] = ()


def clean_up(kernel: netlink.NetlinkSocket, records: Records) -> Cleaned:
    """Remove the remains of killed routers in this network namespace, and nothing of a living one.

    The kernel knows which process holds a TAP; the records know the owners of routes and settings. If a TAP is held by
    a router without a readable record, only objects that are known to be of a dead router are removed.
    """
    with records.locked():
        others = records.others()
        found = left_behind(kernel)
        taps = tuple(link.name for link in found if _remove(link.name))
        unknown = not others.living and len(taps) < len(found)
        # Rules are shared: they go with the last router, and before the routes in their tables.
        rules = () if others.living or unknown else tuple(kernel.flush_rules())
        vrfs = vrf_devices.clean_up(kernel, records.folder)
        ours = [route for route in kernel.routes(protocol=ROUTE_PROTOCOL) if route.table not in vrf_devices.TABLES]
        routes = [route for route in ours if route.prefix not in others.prefixes]
        if unknown:
            routes = [route for route in routes if route.prefix in others.orphans]
        kernel.execute([netlink.delete_route(route) for route in routes])
        tables = () if unknown else tuple(remove_tables(others))
        records.forget_dead()
        device = None if others.living or unknown else KernelGre(kernel).clean_up()
        settings = () if unknown else tuple(give_back(records, kernel))
        if not unknown:
            records.tidy()
        living = len(others.living) + unknown
        return Cleaned(living, tuple(routes), rules, taps, tables, settings, device, vrfs)


def _remove(name: str) -> bool:
    try:
        with Tap(name, vnet_hdr=True) as tap:
            tap.set_persistent(False)
    except (OSError, UserError):
        return False  # another process holds it, or it is gone already
    return True
