"""The kernel's part of forwarding, as both userspace planes use it: links, addresses, neighbors, settings; `routes`.

The kernel routes; we tell it how by netlink. Routes carry our own protocol number and one fixed metric, so that they
are ours to replace and to flush. Neighbors of a TAP are permanent entries whose link-layer address names a peer;
what is not there makes the kernel ask us once (app_solicit 1, no ARP ever leaves), while its packets wait.

Which link is which interface, and how it is to be, is in `links`. What somebody else takes away is put back
(`keeper`); what leads into a protected tunnel is guarded meanwhile (`guard`).
"""

from __future__ import annotations

import errno
import time
from typing import TYPE_CHECKING

from dmvpn.base.counting import Station
from dmvpn.base.errors import UserError
from dmvpn.base.events import Event, InterfaceCount, LinkChanged, Resync, Unresolved
from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink import Change, NeighborState
from dmvpn.dataplane.sysctl import Setting
from dmvpn.dataplane.userspace.borrowed import Borrowed, give_back
from dmvpn.dataplane.userspace.guard import Guard
from dmvpn.dataplane.userspace.host_addresses import HostAddresses
from dmvpn.dataplane.userspace.host_routes import HostRoutes
from dmvpn.dataplane.userspace.keeper import Keeper
from dmvpn.dataplane.userspace.kernel_gre import KernelGre
from dmvpn.dataplane.userspace.leftovers import Leftovers
from dmvpn.dataplane.userspace.links import Links
from dmvpn.dataplane.userspace.names import InterfaceNames, made_here
from dmvpn.dataplane.userspace.records import Ledger, Records
from dmvpn.dataplane.userspace.routes import Routes
from dmvpn.dataplane.userspace.translation import Translation

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import SetInterface
    from dmvpn.dataplane.userspace.keeper import Later
    from dmvpn.dataplane.userspace.records import Others
    from dmvpn.dataplane.userspace.things import Difference
    from dmvpn.dataplane.userspace.watch import Watch

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

#: Where every interface is ours (a lab): announce our addresses to the neighbors of an interface that came up, as IOS
#: does. A neighbor that asked before the interface was up would otherwise ask again only after a second, and all
#: packets to us would wait for that.
_MANAGER_SETTINGS = {"net/ipv4/conf/all/arp_notify": 1}

#: What we do ourselves need not be compared with what we want.
_OWN_CHANGES = frozenset(
    (
        netlink.MessageType.NEWROUTE,
        netlink.MessageType.DELROUTE,
        netlink.MessageType.NEWRULE,
        netlink.MessageType.DELRULE,
        netlink.MessageType.NEWNEIGH,
        netlink.MessageType.DELNEIGH,
    )
)


class Kernel:
    """Tells the kernel of one network namespace what the router wants, and the router what the kernel has."""

    def __init__(
        self,
        names: InterfaceNames,
        report: Callable[[Event], None],
        *,
        manage: bool,
        watch: Watch | None = None,
        later: Later | None = None,
        vanished: Callable[[str], None] | None = None,
    ) -> None:
        """manage: set addresses and state of interfaces that we did not make (a lab); else only look at them.

        later: call something after some seconds. watch: calls when a descriptor is readable. vanished: told of an
        interface of ours that somebody deleted.
        """
        self._names = names
        self._report = report
        self._manage = manage
        self._socket = netlink.NetlinkSocket()
        self._records = Records.here()
        with self._records.locked():
            self._ledger = Ledger(self._records.folder)
        self._borrowed = Borrowed(self._records, self._ledger)
        self._monitor = netlink.NetlinkMonitor(ignored_port=self._socket.port, ignored=_OWN_CHANGES)
        self._keeper = Keeper(self._socket, report, later, self._name_of)
        self._links = Links(names, self._socket, self._keeper)
        self._addresses = HostAddresses(self._socket, self._links.by_name, self._links.orders, report, manage=manage)
        self._guard = Guard(self._socket, self._keeper, self._others)
        self._vanished = vanished
        self.translation = Translation(
            self._ledger, self._others, names.linux, self._addresses.own, report, watch, later
        )
        self._gre = KernelGre(self._socket)
        self._left = Leftovers(self._socket)
        self.routes = Routes(
            self._socket, self._keeper, self._guard, self._ledger, self._left, self.translation, index=self._links.index
        )
        self._host_routes = HostRoutes(self._foreign_routes, self._links.adopted_name, report)

    def start(self) -> list[Setting]:
        """Make this namespace a router: settings, no routes of an earlier run. Returns settings that were refused."""
        with self._records.locked():
            others = self._others()
            self._left.begin(time.monotonic(), others.prefixes)
            problem = self._guard.problem()
            self._guard.begin(others, keep=bool(self._left))
            self.translation.inherit(others)
            self._records.forget_dead()
            self._borrowed.keep_interface(KernelGre.FALLBACK)
            refused = self._borrowed.set_all(_ROUTER_SETTINGS | (_MANAGER_SETTINGS if self._manage else {}))
            refused += self._gre.silence()
            if problem is not None:
                refused.append(Setting("policy rules", "the guard of protected tunnels", None, problem))
        if self._manage and problem is None:
            self._keep_main_table()
        for link in self._socket.links():
            self._note(link)
        return refused

    def _keep_main_table(self) -> None:
        """Let the kernel go on looking into its main table, too, where all is ours (`ip rule flush`)."""
        for rule in self._socket.rules(protocol=netlink.KERNEL_PROTOCOL):
            if rule.table == netlink.TABLE_MAIN:
                self._keeper.want(rule, netlink.add_rule(rule))

    def _others(self) -> Others:
        return self._records.others(self._ledger.path)

    def age(self) -> None:
        """Remove what an earlier life left, if its time is over."""
        if self._left.age(time.monotonic()):
            self._guard.age()
            self.translation.age()

    def fileno(self) -> int:
        """Return the descriptor that is readable when the kernel has something to say."""
        return self._monitor.fileno()

    def close(self) -> None:
        """Take our routes and settings back; what other routers have here stays, of one killed meanwhile, too."""
        with self._records.locked():
            others = self._others()
            self._keeper.close()
            self._left.remove()
            self._guard.close(shared=others.has_routes)
            self.translation.close()
            theirs = others.prefixes | (others.orphans - self._ledger.prefixes)
            ours = [
                route
                for route in self._socket.routes(protocol=netlink.ROUTE_PROTOCOL)
                if route.prefix not in theirs or self._guard.owns(route)
            ]
            self._socket.execute([netlink.delete_route(route) for route in ours])
            self._ledger.close()
            if not others.living:
                self._gre.restore()
            give_back(self._records, self._socket)
            self._records.tidy()
        self._socket.close()
        self._monitor.close()

    # ------------------------------------------------------------------------------------------------ links

    def adopt(self, *names: str) -> None:
        """Look at interfaces that we did not make, and report their carriers, addresses and routes from now on."""
        for ios in names:
            self._adopt(ios)
        if names:
            self._host_routes.read()

    def _adopt(self, ios: str) -> None:
        linux = self._names.linux(ios)
        link = self._socket.find_link(linux)
        if link is None:
            raise UserError(f"interface {ios}: there is no {linux} here; name the right one with --map {ios}=NAME")
        with self._records.locked():
            self._borrowed.keep_interface(linux)
        self._links.prepare(link.index)
        self._note(link, tell=True)
        self._addresses.tell(ios)

    def prepare_tap(self, ios: str, mtu: int, *, multipoint: bool) -> None:
        """Set up a TAP of ours, which was made or taken over, as a tunnel with neighbors that only we answer for."""
        linux = self._names.linux(ios)
        link = self._socket.find_link(linux)
        if link is None:
            raise OSError(errno.ENODEV, f"{linux} is gone")
        self._note(link)
        self._left.taken_over(linux)
        self._links.prepare_tap(link, ios, mtu, multipoint=multipoint)

    def set_mtu(self, ios: str, mtu: int) -> None:
        """Change the MTU of an interface, octets."""
        self._links.set_mtu(ios, mtu)

    def set_interface(self, order: SetInterface) -> None:
        """Set state and addresses, as ordered; interfaces of the host only where we manage them."""
        self._links.note_order(order)
        self._addresses.tell(order.interface)
        if not (self._manage or made_here(order.interface)):
            return
        index = self._links.index(order.interface)
        requests = self._links.requests(order, () if order.leased else self._addresses.on(index))
        self.routes.cover_network(order)
        self._socket.call(*requests)
        if order.up:  # with the old address, or while it was down, it lost routes without a word
            self._keeper.suspect(index)
            self._keeper.settle()

    def counts(self) -> tuple[InterfaceCount, ...]:
        """Return what every interface carried."""
        return tuple(
            InterfaceCount(
                interface=name,
                received=counters.received,
                sent=counters.sent,
                received_octets=counters.received_octets,
                sent_octets=counters.sent_octets,
                multicasts=counters.multicasts,
                receive_errors=counters.receive_errors,
                send_errors=counters.send_errors,
                receive_drops=counters.receive_drops,
                send_drops=counters.send_drops,
            )
            for counters in self._socket.counters()
            if (name := self._links.name(counters.index))
        )

    # ------------------------------------------------------------------------------------------------ forwarding

    def stations(self) -> tuple[Station, ...]:
        """Return the stations on interfaces that we did not make, IPv4 and IPv6."""
        found = []
        for neighbor in self._socket.neighbors():
            name = self._links.name(neighbor.link)
            if name and not made_here(name) and not neighbor.state & netlink.NeighborState.NOARP:
                found.append(Station(name, neighbor.address, neighbor.lladdr))
        return tuple(found)

    def protect(self, tunnel: str, *, protected: bool) -> None:
        """Guard what is routed into this tunnel from now on, or no more."""
        self.routes.protect(tunnel, self._links.orders.get(tunnel), protected=protected)

    def forget_tunnel(self, tunnel: str) -> None:
        """Forget a tunnel that goes by our own order."""
        self.routes.forget_tunnel(tunnel)
        self._links.forget_tunnel(tunnel)

    def set_neighbor(self, tunnel: str, next_hop: IPAddress, mac: bytes) -> None:
        """Send packets for an overlay next hop to the peer of this link-layer address; replaced in place."""
        neighbor = netlink.Neighbor(self._links.index(tunnel), next_hop, mac)
        request = netlink.set_neighbor(neighbor)
        self._keeper.want(neighbor, request)
        self._socket.call(request)

    def clear_neighbor(self, tunnel: str, next_hop: IPAddress) -> None:
        """Forget an overlay next hop."""
        neighbor = netlink.Neighbor(self._links.index(tunnel), next_hop)
        self._keeper.release(neighbor)
        self._socket.call(netlink.delete_neighbor(neighbor), harmless=errno.ENOENT)

    # ------------------------------------------------------------------------------------------------ what it says

    def read(self) -> None:
        """Report what the kernel has to say."""
        events = self._monitor.read()
        newest = {netlink.subject_of(event): event for event in events}
        for event in events:
            # Over by now: while a router starts, its links come up before it finds time to look. But what a link or an
            # address took with it, while it was away for a moment, is gone.
            link = netlink.link_of(event)
            if link is not None and newest[netlink.subject_of(event)] is not event:
                self._keeper.suspect(link)
            elif not self._keeper.heard(event):
                self._tell(event)
        if any(self._takes_routes(event) for event in events):
            self._host_routes.read()
        self._keeper.settle()

    def _tell(self, event: netlink.KernelEvent) -> None:
        match event:
            case netlink.NeighborEvent(Change.ASKED, neighbor) if neighbor.state & NeighborState.INCOMPLETE:
                name = self._links.name(neighbor.link)
                if name and made_here(name):
                    self._report(Unresolved(name, neighbor.address))
            case netlink.LinkEvent(Change.SET, link):
                self._gre.noticed(link)
                self._note(link, tell=True)
            case netlink.LinkEvent(Change.GONE, link):
                self._gone(link)
            case netlink.AddressEvent(_, address):
                self._addresses.tell(self._links.name(address.link))
            case netlink.RouteEvent(change, route):
                self._host_routes.noticed(change, route)
            case netlink.Overrun():  # what else was lost, the keeper says again
                links = self._socket.links()
                self._keeper.release_gone(frozenset(link.index for link in links))
                for link in links:
                    self._note(link, tell=True)
                for ios in list(self._links.by_name):
                    self._addresses.tell(ios)
            case _:
                pass

    def _takes_routes(self, event: netlink.KernelEvent) -> bool:
        """Return whether the kernel may have dropped routes of the host with this, and not told."""
        match event:
            case netlink.LinkEvent(_, link):
                return bool(self._links.adopted_name(link.index))
            case netlink.AddressEvent(Change.GONE, address):
                return bool(self._links.adopted_name(address.link))
            case netlink.Overrun():
                return True
            case _:
                return False

    def differences(self) -> list[Difference]:
        """Return in what the kernel differs from what was ordered; what other routers have here, or left, is none."""
        known = self._others().prefixes | self._left.prefixes
        things = self._keeper.differences(lambda route: route.prefix not in known)
        return [*self._borrowed.differences(), *things, *self.translation.differences()]

    def _name_of(self, index: int) -> str:
        return self.interface_name(index) or f"interface {index}"

    def _foreign_routes(self) -> list[netlink.Route]:
        return self._socket.routes(but=netlink.ROUTE_PROTOCOL)

    def interface_name(self, index: int) -> str:
        """Return the IOS name of an interface index, "" if it is not ours."""
        return self._links.name(index)

    def _note(self, link: netlink.Link, *, tell: bool = False) -> None:
        ios = self._names.ios(link.name)
        if ios is None:
            return
        old = self._links.note(ios, link)
        if tell and not made_here(ios):
            if old is not None and old.index != link.index:
                self._links.prepare(link.index)
                self._report(Resync())
            # Down by our own order is not the wire's fault: carrier can only be seen while it is up. RUNNING alone
            # means nothing until the kernel has looked for the first time; then it means that packets pass. What the
            # host manages, it takes down itself.
            running = link.carrier and netlink.LinkFlag.RUNNING in link.flags
            carrier = running or (self._manage and not link.up)
            self._report(LinkChanged(ios, carrier, link.mtu, link.address))

    def _gone(self, link: netlink.Link) -> None:
        ios = self._links.forget(link.index)
        if ios is None:
            return
        if not made_here(ios):
            self._report(LinkChanged(ios, False))
        elif self._vanished is not None and self._links.is_newest(ios, link):
            self._vanished(ios)
