"""What a router leaves to the host: objects that stay on purpose when it is killed, and settings that are restored.

    StaleObjects    of a killed router: the TAPs of its protected tunnels, with addresses and routes
    HostSettings    of the kernel, each restored to its value from before the first change
    KernelGre       the kernel's own GRE, kept quiet where its module is loaded
    clean_up        what `dmvpn cleanup` does

A TAP usually goes with its process, and its routes with it: packets for encryption would then take the default route,
in clear. The TAP of a protected tunnel is persistent. While no process holds it, it has no carrier; the kernel still
routes into it (marked `linkdown`) and drops: overlay traffic stops, until the router is back.

    start    routes that lead into such a TAP stay, and so does the guard (`routes`); all other routes of ours go
    running  a tunnel of the same name takes its TAP over; routes that are ordered again are replaced in place
    GRACE    after it, everything not taken over goes; likewise at the end of an orderly run, or by `dmvpn cleanup`

The module `ip_gre` answers every GRE packet for which it has no tunnel with ICMP port unreachable, although a raw
socket of ours has taken it. It stops as soon as it has a device for such packets: its fall-back device `gre0`, or,
where the kernel gives that to its first network namespace only (net.core.fb_tunnels_only_for_init_net), a device of
ours that collects the remaining packets. The packets go on to the raw socket as before; the copy that the device
decapsulates must not come in:

    IPv4    no route leads to its source by this device (rp_filter 1), and it is not forwarded
    IPv6    does not exist on an interface whose MTU is smaller than 1280 octets (RFC 8200 §5)
    others  (NHRP's 0x2001) have no receiver in the kernel

The odd MTU also shows a later process that a killed one left the device behind.

Before a router writes a setting it stores the value found on disk (`records`), and records that it depends on the
setting. That first value is restored, across `kill -9` and restarts, and it is not restored while any living router
depends on the setting.

Some settings affect other ones: when `ip_forward` changes, the kernel writes `forwarding` of every interface and
`accept_redirects` of all; `default` applies to each interface without a value of its own. So those of all interfaces
are stored, and restored last.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.dataplane import netlink
from dmvpn.dataplane.host import Setting, dotted, put, put_all, read, write
from dmvpn.dataplane.netlink import ROUTE_PROTOCOL, KernelLink, LinkFlag, NetlinkSocket
from dmvpn.dataplane.tap import Tap
from dmvpn.dataplane.userspace import vrf_devices
from dmvpn.dataplane.userspace.differences import Difference
from dmvpn.dataplane.userspace.keeper import RouterTable
from dmvpn.dataplane.userspace.links import END_METRIC, GUARD_METRIC, MAIN, Domain, made_here
from dmvpn.dataplane.userspace.records import Ledger, Records
from dmvpn.dataplane.userspace.tables import remove_tables

# ---------------------------------------------------------------------------------------------------- kernel gre

_FALLBACK = "gre0"
_COLLECTOR = "dmvpn-gre"
_MODULE = Path("/sys/module/ip_gre")
#: Octets: below IPv6's smallest MTU, and an unusual value.
_OUR_MTU = 1007
#: Octets: the kernel's MTU of gre0.
_KERNELS_MTU = 1476


class KernelGre:
    """Keeps the kernel's GRE of one network namespace silent, and restores its devices."""

    FALLBACK = _FALLBACK

    def __init__(self, kernel: NetlinkSocket) -> None:
        self._kernel = kernel
        self._found: KernelLink | None = None

    def silence(self) -> list[Setting]:
        """Keep the kernel from answering GRE packets; nothing to do if the module is not loaded. Returns refused
        settings.

        A device that is up already swallows packets as well: it only must not let them in.
        """
        device = self._kernel.find_link(_FALLBACK)
        if device is None and _MODULE.exists():
            self._kernel.execute([netlink.create_gre_collector(_COLLECTOR)])
            device = self._kernel.find_link(_COLLECTOR)
        if device is None:
            return []
        found = self._found = self._found or _as_found(device)
        strict = netlink.InetConf(forwarding=0, rp_filter=1, accept_redirects=0)
        settings = netlink.LinkSettings(mtu=None if found.up else _OUR_MTU, inet=strict)
        refusals = self._kernel.execute([netlink.set_link(device.index, settings), netlink.set_up(device.index)])
        return [Setting(device.name, "quiet", None, refusal.text) for refusal in refusals]

    def noticed(self, link: KernelLink) -> None:
        """Take in a change of an interface: the module may have just been loaded."""
        if link.name == _FALLBACK and not link.up:
            self.silence()

    def restore(self) -> None:
        """Restore the device's former settings."""
        if self._found is not None:
            self._give_back(self._found)
            self._found = None

    def clean_up(self) -> str | None:
        """Restore the device that a killed router left. Returns its name, or None: there was none."""
        for name in (_FALLBACK, _COLLECTOR):
            device = self._kernel.find_link(name)
            if device is not None and _is_left(device):
                self._give_back(_as_found(device))
                return name
        return None

    def _give_back(self, found: KernelLink) -> None:
        if found.name == _COLLECTOR:
            self._kernel.execute([netlink.delete_link(found.index)])
            return
        before = netlink.set_link(found.index, netlink.LinkSettings(mtu=found.mtu, inet=found.inet))
        self._kernel.execute([before] if found.up else [netlink.set_down(found.index), before])


def _is_left(device: KernelLink) -> bool:
    return device.mtu == _OUR_MTU


def _as_found(device: KernelLink) -> KernelLink:
    """Return the settings to restore: for a device that a killed router left, the kernel's defaults."""
    if not _is_left(device):
        return device
    return replace(device, flags=device.flags & ~LinkFlag.UP, mtu=_KERNELS_MTU, inet=None)


# ---------------------------------------------------------------------------------------------------- borrowed

_CONF: Final = "net/ipv4/conf"
_FORWARD: Final = "net/ipv4/ip_forward"
#: Settings that the plane changes on an interface by netlink (`netlink.InetConf`).
_OF_INTERFACE: Final = ("forwarding", "rp_filter", "send_redirects", "accept_redirects")
_PATH_OF_INTERFACE: Final = re.compile(rf"{_CONF}/([^/]+)/({'|'.join(_OF_INTERFACE)})")


class HostSettings:
    """The settings that one router depends on. What stores former values is called under `Records.locked`."""

    def __init__(self, records: Records, ledger: Ledger) -> None:
        self._records = records
        self._ledger = ledger
        self._set: dict[str, str] = {}
        self._namespace = ""

    def set_all(self, values: Mapping[str, str | int]) -> list[Setting]:
        """Write settings in order, after storing their former values on disk.

        Returns the ones without the wanted value.
        """
        self._keep([*values, *_of_interfaces()])
        refused = put_all(values)
        self._namespace = _namespace()
        lost = {setting.path for setting in refused}
        self._set |= {path: str(value) for path, value in values.items() if path not in lost}
        return refused

    def differences(self) -> list[Difference]:
        """Return settings that were changed since; none to a thread in another namespace, which has other settings."""
        if _namespace() != self._namespace:
            return []
        now = {path: read(path) for path in self._set}
        return [
            Difference(f"setting {dotted(path)} = {value}", f"it is {now[path]}")
            for path, value in self._set.items()
            if now[path] not in (None, value)
        ]

    def put_back(self, path: str) -> None:
        """Write a setting again that is not as ordered, unless this thread is in another namespace."""
        if path in self._set and _namespace() == self._namespace:
            put(path, self._set[path])

    def keep_interface(self, linux: str) -> None:
        """Store the settings of an interface of the host that is about to be set up by netlink."""
        self._keep(f"{_CONF}/{linux}/{name}" for name in _OF_INTERFACE)

    def _keep(self, paths: Iterable[str]) -> None:
        wanted = list(paths)
        found = self._records.found()
        now = {path: value for path in wanted if path not in found and (value := read(path)) is not None}
        if now:
            with contextlib.suppress(OSError):  # a full disk stops no router
                self._records.write_found(found | now)
        self._ledger.uses(wanted)


def restore_settings(records: Records, kernel: netlink.NetlinkSocket) -> list[Setting]:
    """Restore settings that no living router depends on, except for deleted interfaces. Returns the settings that
    changed.

    Call it under `Records.locked`, after the router that ends has closed its ledger.
    """
    found, in_use = records.found(), records.others().settings
    changed = []
    for path, value in sorted(found.items(), key=lambda item: _dependents_last(item[0])):
        if path not in in_use and read(path) not in (None, value):
            problem = write(path, value)
            if problem is not None and _by_netlink(kernel, path, value):
                problem = None
            changed.append(Setting(path, value, read(path), problem))
    with contextlib.suppress(OSError):
        records.write_found({path: value for path, value in found.items() if path in in_use})
    return changed


def _namespace() -> str:
    """Return the network namespace of this thread, in the kernel's notation."""
    return os.readlink("/proc/thread-self/ns/net")


def _of_interfaces() -> list[str]:
    with contextlib.suppress(OSError):
        names = sorted(path.name for path in Path("/proc/sys", _CONF).iterdir())
        return [f"{_CONF}/{name}/{setting}" for name in names if name != "all" for setting in _OF_INTERFACE]
    return []


def _dependents_last(path: str) -> int:
    if path == _FORWARD:
        return 0
    match = _PATH_OF_INTERFACE.fullmatch(path)
    return 1 if match is None or match[1] in ("all", "default") else 2


def _by_netlink(kernel: netlink.NetlinkSocket, path: str, value: str) -> bool:
    """Return whether the setting was written by netlink, where /proc/sys is read-only."""
    match = _PATH_OF_INTERFACE.fullmatch(path)
    link = kernel.find_link(match[1]) if match else None
    if match is None or link is None:
        return False
    settings = netlink.LinkSettings(inet=netlink.InetConf(**{match[2]: int(value)}))
    return not kernel.execute([netlink.set_link(link.index, settings)])


# -------------------------------------------------------------------------------------------------- stale objects

#: Seconds that registration, IKE and the routing protocols of the next run may take.
GRACE: Final = 60.0
#: Metrics of routes that go on in the table of a VRF device, or are the guard's to remove.
_KEPT: Final = (END_METRIC, GUARD_METRIC)


class StaleObjects:
    """TAPs that an earlier run left in this network namespace, and the routes into them."""

    def __init__(self, kernel: netlink.NetlinkSocket, domain: Domain = MAIN) -> None:
        self._kernel = kernel
        self._domain = domain
        self._taps: dict[str, int] = {}
        #: The remaining ones: none of a prefix for which the router has ordered a route.
        self.routes: dict[Prefix, netlink.KernelRoute] = {}
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
        routes = self._kernel.routes(protocol=ROUTE_PROTOCOL)
        ours = [one for one in routes if self._domain.has(one)]
        stale = [route for route in ours if route.prefix not in others and route.metric not in _KEPT]
        stays = [route for route in stale if route.next_hops and all(hop.link in indexes for hop in route.next_hops)]
        self.routes.update((route.prefix, route) for route in stays)
        self._kernel.execute([netlink.delete_route(route) for route in stale if route not in stays])

    def taken_over(self, name: str) -> None:
        """Record that a tunnel has taken this TAP over."""
        self._taps.pop(name, None)

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
        self._kernel.execute([netlink.delete_route(route) for route in self.routes.values()])
        self.routes.clear()
        for name in self._taps:
            _remove(name)
        self._taps.clear()


def left_behind(kernel: netlink.NetlinkSocket) -> list[netlink.KernelLink]:
    """Return TAPs of tunnels of ours; whether a router holds one is only found by trying to take it."""
    return [link for link in kernel.links() if link.kind == "tun" and link.alias == link.name and made_here(link.name)]


class Cleaned(Value):
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
        settings = () if unknown else tuple(restore_settings(records, kernel))
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
