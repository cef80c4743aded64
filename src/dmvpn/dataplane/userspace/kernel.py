"""The kernel's part of forwarding, as both userspace planes use it: links, addresses, neighbors, settings; `routes`.

The kernel routes; we configure it by netlink. Routes carry our own protocol number and one fixed metric, so that they
are ours to replace and to flush. Neighbors of a TAP are permanent entries whose link-layer address names a peer; for a
missing entry the kernel sends us one request (app_solicit 1, no ARP ever leaves), while its packets wait.

`links` maps links to interfaces, with their wanted state. Objects that another program removes are restored (`keeper`);
prefixes that lead into a protected tunnel are guarded meanwhile (`guard`).
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Mapping
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.effects import SetInterface
from dmvpn.base.errors import UserError
from dmvpn.base.events import Event, InterfaceCount, LinkChanged, Resync, Unresolved
from dmvpn.base.shell import EthernetStation
from dmvpn.base.values import project
from dmvpn.dataplane import netlink
from dmvpn.dataplane.host import Setting, read, write
from dmvpn.dataplane.netlink import KernelNeighborState, ObjectChange
from dmvpn.dataplane.userspace.cleanup import HostSettings, KernelGre, StaleObjects, restore_settings
from dmvpn.dataplane.userspace.differences import Difference, differences
from dmvpn.dataplane.userspace.engine import Watch
from dmvpn.dataplane.userspace.filter_rules import source_rules
from dmvpn.dataplane.userspace.filtering import Filtering
from dmvpn.dataplane.userspace.keeper import Keeper, Later
from dmvpn.dataplane.userspace.leak_ends import LeakEnds
from dmvpn.dataplane.userspace.links import (
    MAIN,
    Domain,
    HostAddresses,
    HostRoutes,
    InterfaceNames,
    KernelLinks,
    has_ipv6,
    made_here,
    stray_rule,
)
from dmvpn.dataplane.userspace.records import Ledger, Others, Records
from dmvpn.dataplane.userspace.routes import Guard, KernelRoutes, LeakWays, is_guard
from dmvpn.dataplane.userspace.tables import TableHost
from dmvpn.dataplane.userspace.translation import Translation

_ROUTER_SETTINGS = {
    "net/ipv4/ip_forward": 1,
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": 0,
    "net/ipv4/conf/all/send_redirects": 0,
    "net/ipv4/conf/default/send_redirects": 0,
    "net/ipv4/conf/all/accept_redirects": 0,
    # Otherwise a second traceroute within a second shows stars; IOS's own rate limit is a feature, not the kernel's.
    "net/ipv4/icmp_ratelimit": 0,
    "net/ipv4/igmp_link_local_mcast_reports": 0,
    # The TAP of a protected tunnel that outlived its router has no carrier, and must still be routed into.
    "net/ipv4/conf/all/ignore_routes_with_linkdown": 0,
}

_FORWARDING_IPV6: Final = "net/ipv6/conf/all/forwarding"
#: Of an interface with IPv6 addresses: they stay while it is down, and nobody else gives it addresses or routes.
_OF_IPV6_INTERFACE: Final = {"disable_ipv6": 0, "keep_addr_on_down": 1, "accept_ra": 0, "accept_redirects": 0}
_MTU6: Final = "net/ipv6/conf/{}/mtu"

_ETHERNET_MTU: Final = 1500

#: Where every interface is ours (a lab): announce our addresses to the neighbors of an interface that came up, as IOS
#: does. A neighbor with an ARP request from before the interface was up would otherwise repeat it only after a second,
#: and all packets to us would wait for that.
_MANAGER_SETTINGS = {"net/ipv4/conf/all/arp_notify": 1}

#: Our own changes need not be compared with the wanted state.
_OWN_CHANGES = frozenset(
    (
        netlink.KernelMessageType.NEWROUTE,
        netlink.KernelMessageType.DELROUTE,
        netlink.KernelMessageType.NEWRULE,
        netlink.KernelMessageType.DELRULE,
        netlink.KernelMessageType.NEWNEIGH,
        netlink.KernelMessageType.DELNEIGH,
    )
)


class Kernel:
    """Passes the router's orders to the kernel of one network namespace, and the kernel's notifications to the
    router.
    """

    def __init__(
        self,
        names: InterfaceNames,
        report: Callable[[Event], None],
        *,
        manage: bool,
        watch: Watch | None = None,
        later: Later | None = None,
        vanished: Callable[[str], None] | None = None,
        appeared: Callable[[str], bool] | None = None,
        records: Records | None = None,
        domain: Domain = MAIN,
        elsewhere: Callable[[int], bool] | None = None,
        deleted: Callable[[], None] | None = None,
        leaks: LeakWays | None = None,
        prohibited: Callable[[str, int, bytes], None] | None = None,
    ) -> None:
        """manage: set addresses and state of interfaces that we did not make (a lab); else only read them.

        later: schedules a call after some seconds. watch: calls when a descriptor is readable. vanished: called with an
            interface of ours that was deleted. appeared: called with an interface that we did not make and that is new
            here; False: it belongs to another VRF, and was moved there. records: of the host's settings; None: those of
            this namespace. domain: the VRF device. elsewhere: returns whether an index is that of the VRF device of
            another VRF of this router. deleted: called when such a device may be gone. leaks: ways into other VRFs.
            prohibited: see `PortFilterOrders.answer`.
        """
        self._names, self._report, self._manage = names, report, manage
        self._domain, self._elsewhere, self._deleted = domain, elsewhere, deleted
        self._socket = netlink.NetlinkSocket()
        self._records = Records.here() if records is None else records
        with self._records.locked():
            self._ledger = Ledger(self._records.folder)
        self._settings = HostSettings(self._records, self._ledger)
        self._monitor = netlink.NetlinkMonitor(ignored_port=self._socket.port, ignored=_OWN_CHANGES)
        self._keeper = Keeper(self._socket, report, later, self._name_of)
        self._links = KernelLinks(names, self._socket, self._keeper, domain, self._holds)
        self._addresses = HostAddresses(self._socket, self._links.by_name, self._links.orders, report, manage=manage)
        self._guard = Guard(self._socket, self._keeper, self._others, domain.table)
        self._vanished, self._appeared, self._prohibited = vanished, appeared, prohibited
        linux, own = names.linux, self._addresses.own
        host = TableHost(self._ledger, self._others, report, watch, later)
        self.translation = Translation(host, linux, own, self._socket, self._keeper, domain.table)
        self.leaks = LeakEnds(self._socket, self._keeper, host)
        asked = self._answer, self._need_source_rules
        self.filters = {version: Filtering(version, host, linux, *asked) for version in (4, 6)}
        self._gre = KernelGre(self._socket)
        self._left = StaleObjects(self._socket, domain)
        self.routes = KernelRoutes(
            self._socket,
            self._keeper,
            self._guard,
            self._ledger,
            self._left,
            self.translation,
            index=self._links.index,
            table=domain.table,
            leaks=leaks,
        )
        self._host_routes = HostRoutes(self._foreign_routes, self._links.adopted_name, report)

    def start(self) -> list[Setting]:
        """Make this namespace a router: settings, and no routes of an earlier run. Returns refused settings."""
        if self._domain.device:
            self._start_domain()
            return []
        with self._records.locked():
            others = self._others()
            self._left.begin(time.monotonic(), others.prefixes)
            problem = self._guard.problem()
            self._guard.begin(others, keep=bool(self._left))
            self.translation.table.inherit(others)
            self.leaks.begin(others)
            for filters in self.filters.values():
                filters.table.inherit(others)
            self._records.forget_dead()
            self._settings.keep_interface(KernelGre.FALLBACK)
            refused = self._settings.set_all(_ROUTER_SETTINGS | (_MANAGER_SETTINGS if self._manage else {}))
            refused += self._gre.silence()
            if problem is not None:
                refused.append(Setting("policy rules", "the guard of protected tunnels", None, problem))
        if self._manage and problem is None:
            self._keep_main_table()
        for link in self._socket.links():
            self._note(link)
        return refused

    def _start_domain(self) -> None:
        """Begin the table of a VRF device: it ends before a port is in it. The settings are those of the namespace."""
        end, end6 = self._domain.end, self._domain.end6
        self._socket.call(netlink.replace_route(end))
        self._keeper.want(end, netlink.replace_route(end))
        if not self._socket.execute([netlink.replace_route(end6)]):  # a kernel without IPv6 refuses it
            self._keeper.want(end6, netlink.replace_route(end6))
        self._left.begin(time.monotonic())
        self._guard.begin(Others(), keep=bool(self._left))
        for link in self._socket.links():
            self._note(link)

    def change_settings(self, settings: Mapping[str, int]) -> list[Setting]:
        """Change further settings of this namespace. Returns refused settings."""
        with self._records.locked():
            return self._settings.set_all(settings)

    def lacks_ipv6(self) -> str:
        """Return why IPv6 cannot be forwarded and guarded here; "": it can."""
        found = read(_FORWARDING_IPV6)
        if found is None:
            return "this kernel has no IPv6"
        if write(_FORWARDING_IPV6, found) is not None:
            return "IPv6 forwarding cannot be set, because /proc/sys is read-only"
        try:
            is_possible = any(rule.version == 6 for rule in self._socket.rules())
        except netlink.NetlinkError:
            is_possible = False
        return (
            "" if is_possible else "this kernel has no policy rules of IPv6, which the guard of protected tunnels needs"
        )

    def forward_ipv6(self, *, enabled: bool) -> None:
        """Forward IPv6 packets, or be a host. Raises OSError."""
        limit = {"net/ipv6/icmp/ratelimit": 0} if enabled else {}
        for refused in self.change_settings({_FORWARDING_IPV6: int(enabled), **limit}):
            raise OSError(errno.EROFS, str(refused))

    def _keep_main_table(self) -> None:
        """Keep the rule for the kernel's main table, too, where everything is ours (`ip rule flush`)."""
        for rule in self._socket.rules(protocol=netlink.KERNEL_PROTOCOL):
            if rule.table == netlink.TABLE_MAIN:
                self._keeper.want(rule, netlink.add_rule(rule))

    def _others(self) -> Others:
        return self._records.others(self._ledger.path)

    def age(self) -> None:
        """Remove the remains of an earlier run, if its grace time is over."""
        if self._left.age(time.monotonic()):
            self._guard.age()
            self.translation.table.age()
            for filters in self.filters.values():
                filters.table.age()

    def fileno(self) -> int:
        """Return the descriptor that is readable when there are notifications."""
        return self._monitor.fileno()

    def close(self) -> None:
        """Remove our routes and restore settings; those of other routers here stay, also of one killed meanwhile."""
        with self._records.locked():
            others = self._others()
            self._keeper.close()
            self._left.remove()
            self._guard.close(shared=others.has_routes)
            self.translation.table.close()
            self.leaks.close()
            for filters in self.filters.values():
                filters.close()
            theirs = others.prefixes | (others.orphans - self._ledger.prefixes)
            ours = [
                route
                for route in self._socket.routes(protocol=netlink.ROUTE_PROTOCOL)
                if self._is_ours(route) and (route.prefix not in theirs or self._guard.owns(route))
            ]
            self._socket.execute([netlink.delete_route(route) for route in ours])
            self._ledger.close()
            if not others.living and not self._domain.device:
                self._gre.restore()
            restore_settings(self._records, self._socket)
            self._records.tidy()
        self._socket.close()
        self._monitor.close()

    # ------------------------------------------------------------------------------------------------ links

    def adopt(self, *names: str) -> None:
        """Adopt interfaces that we did not make, and report their carriers, addresses and routes from now on."""
        for ios in names:
            self._adopt(ios)
        if names:
            self._host_routes.read_routes()

    def _adopt(self, ios: str) -> None:
        linux = self._names.linux(ios)
        link = self._socket.find_link(linux)
        if link is None:
            raise UserError(f"interface {ios}: there is no {linux} here; name the right one with --map {ios}=NAME")
        with self._records.locked():
            self._settings.keep_interface(linux)
        self._links.prepare(link.index)
        self._note(link, tell=True)
        self._addresses.tell(ios)

    def has(self, ios: str) -> bool:
        """Return whether the interface is here."""
        link = self._socket.find_link(self._names.linux(ios))
        return link is not None and self._holds(link)

    def _holds(self, link: netlink.KernelLink) -> bool:
        if self._domain.device:
            return link.master == self._domain.device
        return not link.master or self._elsewhere is None or not self._elsewhere(link.master)

    def give(self, ios: str, arrival: netlink.LinkSettings) -> None:
        """Move an interface that we did not make to another VRF; if it is not here, only forget it. To another network
        namespace it moves down and without addresses. Raises OSError.
        """
        link = self._socket.find_link(self._names.linux(ios))
        self._links.forget_port(ios)
        self._addresses.forget_interface(ios)
        if link is not None:
            self._links.forget_link(link.index)
            rule = stray_rule(link.name)
            if arrival.master:
                self._socket.execute([netlink.add_rule(rule)])  # it may be there already
            self._socket.call(netlink.set_link(link.index, arrival))
            if arrival.master == 0:
                self._socket.execute([netlink.delete_rule(rule)])  # there is none where VRFs are namespaces

    def prepare_tap(self, ios: str, mtu: int, *, multipoint: bool) -> None:
        """Set up a TAP of ours, new or taken over, as a tunnel whose neighbors only we resolve."""
        linux = self._names.linux(ios)
        link = self._socket.find_link(linux)
        if link is None:
            raise OSError(errno.ENODEV, f"{linux} is gone")
        self._note(link)
        self._left.taken_over(linux)
        self._links.prepare_tap(link, ios, mtu, multipoint=multipoint)
        port = self._socket.find_link(linux) if self._domain.device else None
        if port is not None:  # it has become one of the VRF device
            self._note(port)

    def set_mtu(self, ios: str, mtu: int) -> None:
        """Change the MTU of an interface, octets."""
        self._links.set_mtu(ios, mtu)
        self._set_mtu6(ios)

    def _set_mtu6(self, ios: str) -> None:
        """Set the MTU of IPv6, which may not exceed that of the interface, and becomes that when the latter changes."""
        order = self._links.orders.get(ios)
        if order is not None and order.mtu6 is not None and has_ipv6(order):
            self.change_settings({_MTU6.format(self._names.linux(ios)): order.mtu6})

    def set_interface(self, order: SetInterface) -> None:
        """Set state and addresses, as ordered; for interfaces of the host only if we manage them."""
        self._links.note_order(order)
        self._addresses.tell(order.interface)
        if not (self._manage or made_here(order.interface)):
            return
        index = self._links.index(order.interface)
        if has_ipv6(order):
            folder = f"net/ipv6/conf/{self._names.linux(order.interface)}"
            self.change_settings({f"{folder}/{name}": value for name, value in _OF_IPV6_INTERFACE.items()})
        requests = self._links.requests(order, self._addresses.on(index))
        self.routes.cover_network(order)
        self._socket.call(*requests)
        self._set_mtu6(order.interface)
        if order.up:  # with the old address, or while it was down, it lost routes without notification
            self._keeper.suspect(index)
            self._keeper.settle()

    def counts(self) -> tuple[InterfaceCount, ...]:
        """Return the counters of every interface."""
        return tuple(
            project(InterfaceCount, counters, interface=name)
            for counters in self._socket.counters()
            if (name := self._links.name(counters.index))
        )

    def mtu_of(self, ios: str) -> int:
        """Return the MTU of an interface, octets, or that of an Ethernet while it is not here."""
        link = self._socket.find_link(self._names.linux(ios))
        return link.mtu if link is not None and self._holds(link) else _ETHERNET_MTU

    def hop_by(self, ios: str, address: IPAddress | None) -> netlink.KernelNextHop | None:
        """Return the next hop by an interface, to an address on its link whatever its mask says; None: not here."""
        try:
            return netlink.KernelNextHop(self._links.index(ios), address, onlink=address is not None)
        except OSError:
            return None

    # ------------------------------------------------------------------------------------------------ forwarding

    def stations(self) -> tuple[EthernetStation, ...]:
        """Return the stations on interfaces that we did not make, IPv4 and IPv6."""
        found = []
        for neighbor in self._socket.neighbors():
            name = self._links.name(neighbor.link)
            if name and not made_here(name) and not neighbor.state & netlink.KernelNeighborState.NOARP:
                found.append(EthernetStation(name, neighbor.address, neighbor.lladdr))
        return tuple(found)

    def protect(self, tunnel: str, *, protected: bool) -> None:
        """Guard the prefixes routed into this tunnel, or stop guarding them."""
        self.routes.protect(tunnel, self._links.orders.get(tunnel), protected=protected)

    def forget_tunnel(self, tunnel: str) -> None:
        """Forget a tunnel that is removed by our own order."""
        self.routes.forget_tunnel(tunnel)
        self._links.forget_tunnel(tunnel)

    def set_neighbor(self, tunnel: str, next_hop: IPAddress, mac: bytes) -> None:
        """Send packets for an overlay next hop to the peer of this link-layer address; replaced in place."""
        neighbor = netlink.KernelNeighbor(self._links.index(tunnel), next_hop, mac)
        request = netlink.set_neighbor(neighbor)
        self._keeper.want(neighbor, request)
        self._socket.call(request)

    def clear_neighbor(self, tunnel: str, next_hop: IPAddress) -> None:
        """Remove an overlay next hop."""
        neighbor = netlink.KernelNeighbor(self._links.index(tunnel), next_hop)
        self._keeper.release(neighbor)
        self._socket.call(netlink.delete_neighbor(neighbor), harmless=errno.ENOENT)

    # ------------------------------------------------------------------------------------------------ notifications

    def read_notifications(self) -> None:
        """Process the kernel's notifications."""
        events = self._monitor.read_events()
        if self._deleted is not None and any(self._may_delete_device(event) for event in events):
            self._deleted()  # first, so that its ports are known to be here now
        newest = {netlink.subject_of(event): event for event in events}
        for event in events:
            # May be over by now: while a router starts, its links come up before it reads this. But routes that went
            # with a link or an address, even for a moment, are lost.
            link = netlink.link_of(event)
            if link is not None and newest[netlink.subject_of(event)] is not event:
                self._keeper.suspect(link)
            elif not self._keeper.heard(event):
                self._tell(event)
        if any(self._takes_routes(event) for event in events):
            self._host_routes.read_routes()
        self._keeper.settle()

    def _tell(self, event: netlink.KernelEvent) -> None:
        match event:
            case netlink.NeighborEvent(ObjectChange.ASKED, neighbor) if neighbor.state & KernelNeighborState.INCOMPLETE:
                name = self._links.name(neighbor.link)
                if name and made_here(name):
                    self._report(Unresolved(name, neighbor.address))
            case netlink.LinkEvent(ObjectChange.SET, link):
                self._gre.noticed(link)
                if not self._holds(link):
                    if (
                        not self._domain.device
                    ):  # a TAP that has become a port; of a VRF device ports only leave by order
                        self._links.leave(link)
                elif self._is_here(link):
                    self._note(link, tell=True)
            case netlink.LinkEvent(ObjectChange.GONE, link):
                self._gone(link)
            case netlink.AddressEvent(_, address):
                self._addresses.tell(self._links.name(address.link))
            case netlink.RouteEvent(change, route):
                self._host_routes.noticed(change, route)
            case netlink.Overrun():  # other losses are repaired by the keeper
                links = self._socket.links()
                self._keeper.release_gone(frozenset(link.index for link in links))
                for link in links:
                    self._note(link, tell=True)
                for ios in list(self._links.by_name):
                    self._addresses.tell(ios)
            case _:
                pass

    def _may_delete_device(self, event: netlink.KernelEvent) -> bool:
        """Return whether a VRF device of this router may be gone with this event."""
        match event:
            case netlink.LinkEvent(ObjectChange.GONE, link):
                return self._elsewhere is not None and self._elsewhere(link.index)
            case _:
                return isinstance(event, netlink.Overrun)

    def _takes_routes(self, event: netlink.KernelEvent) -> bool:
        """Return whether the kernel may have dropped routes of the host with this event, without notification."""
        match event:
            case netlink.LinkEvent(_, link):
                return bool(self._links.adopted_name(link.index))
            case netlink.AddressEvent(ObjectChange.GONE, address):
                return bool(self._links.adopted_name(address.link))
            case netlink.Overrun():
                return True
            case _:
                return False

    def differences(self) -> list[Difference]:
        """Return differences between the kernel and our orders; objects of other routers, living or dead, do
        not count.
        """
        known = self._others().prefixes.union(self._left.routes)
        objects = differences(
            self._keeper.objects,
            self._socket,
            lambda route: self._is_ours(route) and route.prefix not in known,
            self._name_of,
        )
        tables = (self.translation.table, *(filters.table for filters in self.filters.values()))
        of_tables = (one for table in tables for one in table.differences())
        return [*self._settings.differences(), *objects, *of_tables, *self.leaks.differences()]

    def _is_ours(self, route: netlink.KernelRoute) -> bool:
        """Return whether a route is in the table here, or in one of the guard that belongs to the main table."""
        return self._domain.has(route) or (is_guard(route) and not self._domain.device)

    def _answer(self, index: int, data: bytes) -> None:
        if self._prohibited is not None:
            self._prohibited(self._links.name(index), index, data)

    def _need_source_rules(self) -> None:
        for rule in source_rules():
            request = netlink.add_rule(rule)
            self._keeper.want(rule, request)
            self._socket.call(request, harmless=errno.EEXIST)

    def _name_of(self, index: int) -> str:
        return self.interface_name(index) or f"interface {index}"

    def _foreign_routes(self) -> list[netlink.KernelRoute]:
        return self._socket.routes(but=netlink.ROUTE_PROTOCOL)

    def interface_name(self, index: int) -> str:
        """Return the IOS name of an interface index, "" if it is not ours."""
        return self._links.name(index)

    def _is_here(self, link: netlink.KernelLink) -> bool:
        """Return whether an interface that is new here stays: a cable that is plugged in again is in no VRF yet."""
        ios = self._names.ios(link.name)
        is_new = ios is not None and not self._links.name(link.index)
        return ios is None or not is_new or made_here(ios) or self._appeared is None or self._appeared(ios)

    def _note(self, link: netlink.KernelLink, *, tell: bool = False) -> None:
        ios = self._names.ios(link.name)
        if ios is None or not self._holds(link):
            return
        old = self._links.note(ios, link)
        if tell and made_here(ios):
            self._settings.put_back(_MTU6.format(link.name))
        elif tell:
            if old is not None and old.index != link.index:
                self._links.prepare(link.index)
                self._report(Resync())
            # Down by our own order is not the wire's fault: carrier can only be seen while it is up. RUNNING alone
            # means nothing until the kernel has looked for the first time; then it means that packets pass. What the
            # host manages, it takes down itself.
            running = link.carrier and netlink.LinkFlag.RUNNING in link.flags
            carrier = running or (self._manage and not link.up)
            self._report(LinkChanged(ios, carrier, link.mtu, link.address))

    def _gone(self, link: netlink.KernelLink) -> None:
        ios = self._links.forget_link(link.index)
        if ios is None:
            return
        if not made_here(ios):
            self._report(LinkChanged(ios, False))
        elif self._vanished is not None and self._links.is_newest(ios, link):
            self._vanished(ios)
