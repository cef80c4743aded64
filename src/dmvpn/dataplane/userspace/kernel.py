"""The kernel's part of forwarding, as both userspace planes use it: links, addresses, routes, neighbours, settings.

The kernel routes; we tell it how by netlink. Routes carry our own protocol number and one fixed metric, so that they
are ours to replace and to flush. Neighbours of a TAP are permanent entries whose link-layer address names a peer;
what is not there makes the kernel ask us once (app_solicit 1, no ARP ever leaves), while its packets wait.
"""

from __future__ import annotations

import errno
import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.effects import ClearRoute, NextHop, RouteKind, SetInterface, SetRoute
from dmvpn.base.errors import UserError
from dmvpn.base.events import AddressAssigned, Event, InterfaceCount, LinkChanged, Resync, Unresolved
from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink import Change, NeighbourState
from dmvpn.dataplane.sysctl import Setting, Sysctls
from dmvpn.dataplane.userspace.kernel_gre import KernelGre
from dmvpn.dataplane.userspace.leftovers import Leftovers
from dmvpn.dataplane.userspace.names import InterfaceNames, made_here

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress

#: Octets of kernel buffer that may wait for one next hop: the default holds no more than 256 small packets.
_WAITING_OCTETS = 4 << 20

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

#: Where every interface is ours (a lab): tell the neighbours of an interface that came up who is there, as IOS does.
#: Who asked before it was up would else ask again only after a second, and all packets to us would wait for that.
_MANAGER_SETTINGS = {"net/ipv4/conf/all/arp_notify": 1}

_KINDS = {RouteKind.DISCARD: netlink.RouteKind.BLACKHOLE, RouteKind.UNREACHABLE: netlink.RouteKind.UNREACHABLE}


class Kernel:
    """Tells the kernel of one network namespace what the router wants, and the router what the kernel has."""

    def __init__(self, names: InterfaceNames, report: Callable[[Event], None], *, manage: bool) -> None:
        """manage: set addresses and state of interfaces that we did not make (a lab); else only look at them."""
        self._names = names
        self._report = report
        self._manage = manage
        self._socket = netlink.NetlinkSocket()
        self._monitor = netlink.NetlinkMonitor()
        self._sysctls = Sysctls()
        self._gre = KernelGre(self._socket)
        self._left = Leftovers(self._socket)
        self._links: dict[str, netlink.Link] = {}
        self._names_by_index: dict[int, str] = {}
        self._orders: dict[str, SetInterface] = {}
        self._assigned: dict[str, tuple[IPAddress, int]] = {}

    def start(self) -> list[Setting]:
        """Make this namespace a router: settings, no routes of an earlier run. Returns settings that were refused."""
        self._left.begin(time.monotonic())
        refused = self._sysctls.set_all(_ROUTER_SETTINGS | (_MANAGER_SETTINGS if self._manage else {}))
        refused += self._gre.silence()
        for link in self._socket.links():
            self._note(link)
        return refused

    def age(self) -> None:
        """Remove what an earlier life left, if its time is over."""
        self._left.age(time.monotonic())

    def fileno(self) -> int:
        """Readable when the kernel has something to say."""
        return self._monitor.fileno()

    def close(self) -> None:
        """Take our routes and settings back."""
        self._left.remove()
        self._socket.flush_routes()
        self._gre.restore()
        self._sysctls.restore()
        self._socket.close()
        self._monitor.close()

    # ------------------------------------------------------------------------------------------------ links

    def adopt(self, ios: str) -> None:
        """Look at an interface that we did not make, and report its carrier and its address from now on."""
        linux = self._names.linux(ios)
        link = self._socket.find_link(linux)
        if link is None:
            raise UserError(f"interface {ios}: there is no {linux} here; name the right one with --map {ios}=NAME")
        self._prepare(link.index)
        self._note(link, tell=True)
        self._tell_address(ios)

    def prepare_tap(self, ios: str, mtu: int, *, multipoint: bool) -> None:
        """A TAP of ours was made, or taken over: set it up as a tunnel, with neighbours that only we answer for."""
        linux = self._names.linux(ios)
        link = self._socket.find_link(linux)
        if link is None:
            raise OSError(errno.ENODEV, f"{linux} is gone")
        self._note(link)
        self._left.taken_over(linux)
        # They name peers of an earlier life, whose numbers are given anew.
        self._socket.execute([netlink.delete_neighbour(known) for known in self._socket.neighbours(link.index)])
        settings = netlink.LinkSettings(mtu=mtu, alias=ios)
        parameters = netlink.NeighbourParameters(
            link=link.index, app_probes=1, unicast_probes=0, multicast_probes=0, queue_octets=_WAITING_OCTETS
        )
        self._socket.silence_ipv6(link.index)
        self._socket.call(netlink.set_link(link.index, settings), netlink.set_neighbour_parameters(parameters))
        # On a point-to-point tunnel there is one neighbour, and nothing to resolve.
        self._socket.call(netlink.set_arp(link.index, multipoint))
        self._prepare(link.index)

    def set_mtu(self, ios: str, mtu: int) -> None:
        """Change the MTU of an interface, octets."""
        self._socket.call(netlink.set_link(self._index(ios), netlink.LinkSettings(mtu=mtu)))

    def set_interface(self, order: SetInterface) -> None:
        """State and addresses, as ordered; interfaces of the host only where we manage them."""
        self._orders[order.interface] = order
        self._tell_address(order.interface)
        if not (self._manage or made_here(order.interface)):
            return
        index = self._index(order.interface)
        wanted = [netlink.InterfaceAddress(index, address, length) for address, length in order.addresses]
        have = [
            address
            for address in self._socket.addresses()
            if address.link == index and isinstance(address.address, IPv4Address)
        ]
        kept = {(address.address, address.prefix_length) for address in have}
        ordered = {(address.address, address.prefix_length) for address in wanted}
        requests: list[netlink.Request] = []
        if not order.leased:
            requests += [netlink.delete_address(a) for a in have if (a.address, a.prefix_length) not in ordered]
            requests += [netlink.add_address(a) for a in wanted if (a.address, a.prefix_length) not in kept]
        if order.mtu is not None and not made_here(order.interface):
            requests.append(netlink.set_link(index, netlink.LinkSettings(mtu=order.mtu)))
        requests.append(netlink.set_up(index) if order.up else netlink.set_down(index))
        self._socket.call(*requests)

    def counts(self) -> tuple[InterfaceCount, ...]:
        """What every interface carried."""
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
            if (name := self._names_by_index.get(counters.index)) is not None
        )

    # ------------------------------------------------------------------------------------------------ forwarding

    def set_route(self, order: SetRoute) -> None:
        """One route of ours, put in or replaced in one step. Raises OSError."""
        if order.kind is RouteKind.FORWARD:
            hops = tuple(self._next_hop(hop) for hop in order.next_hops)
            route = netlink.Route(order.prefix, hops)
        else:
            route = netlink.Route(order.prefix, kind=_KINDS[order.kind])
        self._left.routed(order.prefix)
        self._socket.call(netlink.replace_route(route))

    def clear_route(self, order: ClearRoute) -> None:
        """Delete our route of this prefix; the kernel may have done so already, with its interface."""
        self._left.routed(order.prefix)
        route = netlink.Route(order.prefix, kind=netlink.RouteKind.UNSPECIFIED)
        self._tolerate(netlink.delete_route(route), errno.ESRCH)

    def set_neighbour(self, tunnel: str, next_hop: IPAddress, mac: bytes) -> None:
        """Packets for an overlay next hop go to the peer of this link-layer address; replaced in place."""
        self._socket.call(netlink.set_neighbour(netlink.Neighbour(self._index(tunnel), next_hop, mac)))

    def clear_neighbour(self, tunnel: str, next_hop: IPAddress) -> None:
        """Forget an overlay next hop."""
        self._tolerate(netlink.delete_neighbour(netlink.Neighbour(self._index(tunnel), next_hop)), errno.ENOENT)

    # ------------------------------------------------------------------------------------------------ what it says

    def read(self) -> None:
        """Report what the kernel has to say."""
        events = self._monitor.read()
        newest = {event.link.index: event for event in events if isinstance(event, netlink.LinkEvent)}
        for event in events:
            match event:
                case netlink.LinkEvent(_, link) if newest[link.index] is not event:
                    pass  # over by now: while a router starts, its links come up before it finds time to look
                case netlink.NeighbourEvent(Change.ASKED, neighbour) if neighbour.state & NeighbourState.INCOMPLETE:
                    name = self._names_by_index.get(neighbour.link)
                    if name is not None and made_here(name):
                        self._report(Unresolved(name, neighbour.address))
                case netlink.LinkEvent(Change.SET, link):
                    self._gre.noticed(link)
                    self._note(link, tell=True)
                case netlink.LinkEvent(Change.GONE, link):
                    self._forget(link)
                case netlink.AddressEvent(_, address):
                    self._tell_address(self._names_by_index.get(address.link, ""))
                case netlink.Overrun():
                    for link in self._socket.links():
                        self._note(link, tell=True)
                    for ios in list(self._links):
                        self._tell_address(ios)
                    self._report(Resync())
                case _:
                    pass

    def interface_name(self, index: int) -> str:
        """The IOS name of an interface index, "" if it is not ours."""
        return self._names_by_index.get(index, "")

    def _note(self, link: netlink.Link, *, tell: bool = False) -> None:
        ios = self._names.ios(link.name)
        if ios is None:
            return
        old = self._links.get(ios)
        self._links[ios] = link
        self._names_by_index[link.index] = ios
        if tell and not made_here(ios):
            if old is not None and old.index != link.index:
                self._prepare(link.index)
                self._report(Resync())
            # Down by our own order is not the wire's fault: carrier can only be seen while it is up. RUNNING alone
            # means nothing until the kernel has looked for the first time; then it means that packets pass. What the
            # host manages, it takes down itself.
            running = link.carrier and netlink.LinkFlag.RUNNING in link.flags
            carrier = running or (self._manage and not link.up)
            self._report(LinkChanged(ios, carrier, link.mtu, link.address))

    def _forget(self, link: netlink.Link) -> None:
        ios = self._names_by_index.pop(link.index, None)
        if ios is not None and not made_here(ios):
            self._report(LinkChanged(ios, False))

    # ------------------------------------------------------------------------------------------------ addresses

    def _follows_host(self, ios: str) -> bool:
        """Is the address of this interface what the host says?"""
        order = self._orders.get(ios)
        leased = order is not None and order.leased
        return ios in self._links and not made_here(ios) and (leased or not self._manage)

    def _tell_address(self, ios: str) -> None:
        """Report the address that the host gave an interface, if it is another one now.

        An address that is in use and still there stays the one: a DHCP client adds the new before it takes the old.
        """
        if not self._follows_host(ios):
            return
        have = self._addresses_of(self._links[ios].index)
        order, old = self._orders.get(ios), self._assigned.get(ios)
        wanted = order.addresses[:1] if order is not None else ()
        new = next((address for address in have if address in wanted), have[0] if have else None)
        if new == old:
            return
        if new is None:
            del self._assigned[ios]
            self._report(AddressAssigned(ios, None))
        else:
            self._assigned[ios] = new
            self._report(AddressAssigned(ios, *new))

    def _addresses_of(self, index: int) -> list[tuple[IPAddress, int]]:
        return [
            (address.address, address.prefix_length)
            for address in self._socket.addresses()
            if address.link == index and isinstance(address.address, IPv4Address)
        ]

    # ------------------------------------------------------------------------------------------------ small change

    def _index(self, ios: str) -> int:
        link = self._links.get(ios) or self._socket.find_link(self._names.linux(ios))
        if link is None:
            raise OSError(errno.ENODEV, f"no interface {ios}")
        self._links[ios] = link
        self._names_by_index[link.index] = ios
        return link.index

    def _next_hop(self, hop: NextHop) -> netlink.NextHop:
        # A tunnel's next hop is on the link whatever its mask says: peers with /32 addresses exist.
        onlink = hop.address is not None and made_here(hop.interface)
        return netlink.NextHop(self._index(hop.interface), hop.address, onlink)

    def _prepare(self, index: int) -> None:
        settings = netlink.InetConf(forwarding=1, rp_filter=0, send_redirects=0, accept_redirects=0)
        self._socket.call(netlink.set_link(index, netlink.LinkSettings(inet=settings)))

    def _tolerate(self, request: netlink.Request, harmless: int) -> None:
        for refusal in self._socket.execute([request]):
            if refusal.errno != harmless:
                raise netlink.NetlinkError(refusal)
