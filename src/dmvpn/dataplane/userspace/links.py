"""The links of a namespace that are interfaces of the router: their mapping, and the wanted state of each.

Ordered state of a link (up or down, MTU, addresses) is set in the kernel once, and kept so (`keeper`).

    InterfaceNames    IOS names and Linux ones: Linux refuses `/` and more than 15 characters
    Domain            the routing domain of a VRF within a network namespace: a VRF device of the kernel, and its table
    HostAddresses     the address that the host gives to an interface: by DHCP, or by hand outside of a lab
    HostRoutes        the host's own routes that lead out of interfaces of the router: read, never written

A VRF in a namespace of its own has that namespace's main table, and no device, like the global table.

A tunnel finds its far end by the host's routes where the router itself has no route: on a machine whose DHCP client set
the default route, users write no `ip route` line. Only IPv4 routes of the main table that forward are used; of several
for one prefix the kernel uses the one with the lowest metric. Connected routes follow from addresses, and ours from the
router.

The kernel reports changes, but not routes that it drops with a link or an address: then all are read again.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import NextHop, SetInterface
from dmvpn.base.events import AddressAssigned, Event, HostRouteChanged
from dmvpn.base.values import Value
from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink import ROUTE_PROTOCOL, KernelRoute, ObjectChange, RouteType
from dmvpn.dataplane.netlink.route import TABLE_MAIN, NextHopFlag
from dmvpn.dataplane.userspace.keeper import Keeper, LinkState, ObjectKind, networks_of
from dmvpn.ios.interfaces import short_interface, split_interface
from dmvpn.net.ipv6 import LEAST_MTU

# ---------------------------------------------------------------------------------------------------- names

_MADE_HERE = ("Tunnel", "Loopback")


class InterfaceNames:
    """Translates both ways. Unless mapped, "GigabitEthernet0/1" is "Gi0-1"; tunnels keep their names."""

    def __init__(self, mapping: Mapping[str, str] | None = None) -> None:
        """mapping: Linux names by IOS names, from `--map` or the host's file."""
        self._to_linux = dict(mapping or {})
        self._to_ios = {linux: ios for ios, linux in self._to_linux.items()}

    def linux(self, ios: str) -> str:
        """Return the Linux name of an interface."""
        name = self._to_linux.get(ios)
        if name is None:
            name = ios if made_here(ios) else short_interface(ios).replace("/", "-")
            self._to_linux[ios] = name
            self._to_ios[name] = ios
        return name

    def ios(self, linux: str) -> str | None:
        """Return the IOS name of a Linux interface that was translated before, or None: it is not ours."""
        return self._to_ios.get(linux)


def made_here(ios: str) -> bool:
    """Return whether the data plane itself makes the interface: tunnels and loopbacks."""
    return split_interface(ios)[0] in _MADE_HERE


def has_ipv6(order: SetInterface) -> bool:
    """Return whether an interface gets an IPv6 address."""
    return any(address.version == 6 for address, _ in order.addresses)


# ---------------------------------------------------------------------------------------------------- domain

#: The metric of the route that ends the table of a VRF device: the worst that ip-route(8) advises.
END_METRIC: Final = 4278198272
#: The metric of blackholes in it (`guard`): any route of the same prefix is better.
GUARD_METRIC: Final = 0x7FFFFFFF


class Domain(Value):
    """A routing table, and the index of the VRF device that has it, 0: none."""

    table: int = netlink.TABLE_MAIN
    device: int = 0

    def has(self, route: KernelRoute) -> bool:
        """Return whether a route is in its table."""
        return route.table == self.table

    @property
    def end(self) -> KernelRoute:
        """The last route of a VRF device: without it the kernel would go on to the main table."""
        kind = netlink.RouteType.UNREACHABLE
        return netlink.KernelRoute(netlink.EVERYWHERE, kind=kind, metric=END_METRIC, table=self.table)

    @property
    def end6(self) -> KernelRoute:
        """The same of IPv6."""
        return replace(self.end, prefix=Prefix.parse("::/0"))


MAIN: Final = Domain()
#: Directly behind the rule of the kernel for ports of VRF devices (1000).
_STRAY_PRIORITY: Final = 1001


def stray_rule(port: str) -> netlink.Rule:
    """Return the rule that drops what a port of a VRF device receives while another program keeps it out of the device.

    Without it the main table forwards these packets until the plane has put the port back. port: its Linux name.
    """
    return netlink.Rule(_STRAY_PRIORITY, arrives=port, is_end=True)


# ---------------------------------------------------------------------------------------------------- links

#: Octets of kernel buffer that may wait for one next hop: the default holds no more than 256 small packets.
_WAITING_OCTETS = 4 << 20


#: Of an address, by its version: nobody else may have those of IPv6, and they are of use at once.
_FLAGS: Final = {4: netlink.AddressFlag.NONE, 6: netlink.AddressFlag.NODAD}


class KernelLinks:
    """Links by the IOS names of their interfaces, as far as known, and the orders for them."""

    def __init__(
        self,
        names: InterfaceNames,
        socket: netlink.NetlinkSocket,
        keeper: Keeper,
        domain: Domain = MAIN,
        holds: Callable[[netlink.KernelLink], bool] | None = None,
    ) -> None:
        """holds: returns whether a link is in this VRF; None: all are."""
        self._holds = holds
        self._domain = domain
        self._names = names
        self._socket = socket
        self._keeper = keeper
        self.by_name: dict[str, netlink.KernelLink] = {}
        self.orders: dict[str, SetInterface] = {}
        self._names_by_index: dict[int, str] = {}
        self._mtus: dict[int, int] = {}
        self._ip_mtus: dict[int, int] = {}  # IPv4's, of interfaces of ours
        self._found_mtus: dict[int, int] = {}  # of interfaces of the host, before the first order

    # ------------------------------------------------------------------------------------------------ mapping

    def name(self, index: int) -> str:
        """Return the IOS name of an interface index, "" if it is not ours."""
        return self._names_by_index.get(index, "")

    def adopted_name(self, index: int) -> str:
        """Return the IOS name of an interface that we did not make, "" if it is none."""
        name = self.name(index)
        return "" if made_here(name) else name

    def index(self, ios: str) -> int:
        """Return the index of an interface. Raises OSError if it does not exist."""
        link = self.by_name.get(ios)
        if link is not None and link.index not in self._names_by_index:  # it is gone, and no other one is reported yet
            raise OSError(errno.ENODEV, f"no interface {ios}")
        if link is None:
            link = self._socket.find_link(self._names.linux(ios))
            if link is None or (self._holds is not None and not self._holds(link)):
                raise OSError(errno.ENODEV, f"no interface {ios}")
        self.note(ios, link)
        return link.index

    def is_newest(self, ios: str, link: netlink.KernelLink) -> bool:
        """Return whether this link is still the one of this interface."""
        known = self.by_name.get(ios)
        return known is not None and known.index == link.index

    def note(self, ios: str, link: netlink.KernelLink) -> netlink.KernelLink | None:
        """Map an interface to a link, and return its former link."""
        old = self.by_name.get(ios)
        self.by_name[ios] = link
        self._names_by_index[link.index] = ios
        return old

    def forget_link(self, index: int) -> str | None:
        """Forget a link that is gone, and return its interface. A new link of the same name has another index."""
        self._keeper.release_link(index)
        self._mtus.pop(index, None)
        self._found_mtus.pop(index, None)
        return self._names_by_index.pop(index, None)

    def leave(self, link: netlink.KernelLink) -> None:
        """Forget a link that is in another VRF now, if it was here."""
        ios = self.name(link.index)
        if ios:
            self.forget_link(link.index)
            self.by_name.pop(ios, None)

    def forget_port(self, ios: str) -> None:
        """Forget an interface that we did not make, and its order: it moves to another VRF."""
        self.orders.pop(ios, None)
        self.by_name.pop(ios, None)

    def forget_tunnel(self, tunnel: str) -> None:
        """Forget a tunnel that is removed by our own order, and set it down: it may go later (`closing`)."""
        self.orders.pop(tunnel, None)
        link = self.by_name.pop(tunnel, None)
        if link is not None:
            self._mtus.pop(link.index, None)
            self._keeper.release_link(link.index)
            self._socket.execute([netlink.set_down(link.index)])  # another program may have deleted it

    # ------------------------------------------------------------------------------------------------ wanted state

    def prepare(self, index: int) -> None:
        """Let the kernel forward packets that come in there."""
        settings = netlink.InetConf(forwarding=1, rp_filter=0, send_redirects=0, accept_redirects=0)
        self._socket.call(netlink.set_link(index, netlink.LinkSettings(inet=settings)))

    def prepare_tap(self, link: netlink.KernelLink, ios: str, mtu: int, *, multipoint: bool) -> None:
        """Set up a TAP as a tunnel whose neighbors only we resolve."""
        # Old neighbors name peers of an earlier run, whose numbers are reused.
        self._socket.execute([netlink.delete_neighbor(known) for known in self._socket.neighbors(link.index)])
        master = self._domain.device
        settings = netlink.LinkSettings(mtu=mtu, alias=ios, master=master if link.master != master else None)
        parameters = netlink.NeighborParameters(
            link=link.index, app_probes=1, unicast_probes=0, multicast_probes=0, queue_octets=_WAITING_OCTETS
        )
        self._socket.silence_ipv6(link.index)
        self._socket.call(netlink.set_link(link.index, settings), netlink.set_neighbor_parameters(parameters))
        of_ipv6 = netlink.set_neighbor_parameters(replace(parameters, family=netlink.AF_INET6))
        self._socket.execute([of_ipv6])  # a kernel without IPv6 refuses it, and has no such neighbors
        # On a point-to-point tunnel there is one neighbor, and nothing to resolve.
        self._socket.call(netlink.set_arp(link.index, multipoint))
        self.prepare(link.index)
        self._ip_mtus[link.index] = mtu
        self._keep_link(link.index, up=link.up, mtu=mtu)

    def set_mtu(self, ios: str, mtu: int) -> None:
        """Change the MTU of an interface, octets."""
        index = self.index(ios)
        order = self.orders.get(ios)
        self._ip_mtus[index] = mtu
        mtu = self._widest(index, order)
        self._keep_link(index, up=order is not None and order.up, mtu=mtu)
        self._socket.call(netlink.set_link(index, netlink.LinkSettings(mtu=mtu)))

    def _widest(self, index: int, order: SetInterface | None) -> int:
        """Return the MTU of an interface of ours that carries both versions of IP.

        One whose MTU is ever below 1,280 octets loses its IPv6 addresses. IPv4's own MTU is the engine's business then.
        """
        mtu = self._ip_mtus[index]
        return max(mtu, order.mtu6 or 0, LEAST_MTU) if order is not None and has_ipv6(order) else mtu

    def note_order(self, order: SetInterface) -> None:
        """Store the wanted state of an interface."""
        self.orders[order.interface] = order

    def requests(self, order: SetInterface, have: Sequence[netlink.InterfaceAddress]) -> list[netlink.KernelRequest]:
        """Return the requests that bring an interface into its ordered state, and keep it so.

        have: the addresses that it has; leases of a client of the host are not touched.
        """
        index = self.index(order.interface)
        before = self._mtus.get(index)
        mtu = self._widest(index, order) if made_here(order.interface) else self._mtu_of_host(index, order)
        self._keep_link(index, up=order.up, mtu=mtu)
        wanted = [self._keeper.wanted_on(index, kind) for kind in (ObjectKind.ADDRESS, ObjectKind.NETWORK)]
        ours = [one.address for one in wanted[0] if isinstance(one, netlink.InterfaceAddress)]
        had_ipv6 = any(address.version == 6 for address in ours)
        for old in (*wanted[0], *wanted[1]):
            self._keeper.release(old)
        if order.leased:
            have = [one for one in have if one.address.version == 6 or one.address in ours]
        if not (had_ipv6 or has_ipv6(order)):  # what the kernel itself gave a port stays
            have = [address for address in have if address.address.version == 4]
        gone, new = self._addressing(index, order, have)
        requests = [self._forwarding(index, order), *map(netlink.delete_address, gone)]
        if mtu is not None and (not made_here(order.interface) or mtu != before):
            requests.append(netlink.set_link(index, netlink.LinkSettings(mtu=mtu)))
        requests += [netlink.add_address(address) for address in new if address.address.version == 4]
        if not order.up:
            return [*requests, netlink.set_down(index)]
        # IPv6 needs the MTU, and a link-local address does not stay on an interface that is down.
        if has_ipv6(order):
            requests.append(netlink.set_link(index, netlink.LinkSettings(silent_ipv6=True)))
        requests.append(netlink.set_up(index))
        return requests + [netlink.add_address(address) for address in new if address.address.version == 6]

    def _forwarding(self, index: int, order: SetInterface) -> netlink.KernelRequest:
        """Return the request that lets the kernel forward IPv4 packets from an interface, if it has an address. If it
        has none, the answers of a DHCP server must come in, to which no route leads.

        A port that left its VRF is in the global table without an address: on IOS nothing is routed from there.
        """
        has_ipv4 = order.leased or any(address.version == 4 for address, _ in order.addresses)
        conf = netlink.InetConf(forwarding=int(has_ipv4), rp_filter=None if has_ipv4 else 0)
        return netlink.set_link(index, netlink.LinkSettings(inet=conf))

    def _mtu_of_host(self, index: int, order: SetInterface) -> int | None:
        """Return the ordered MTU, or the one from before the first order; None: it was never changed."""
        if order.mtu is None:
            return self._found_mtus.get(index)
        self._found_mtus.setdefault(index, self.by_name[order.interface].mtu)
        return order.mtu

    def _addressing(
        self, index: int, order: SetInterface, have: Sequence[netlink.InterfaceAddress]
    ) -> tuple[list[netlink.InterfaceAddress], list[netlink.InterfaceAddress]]:
        """Return the addresses to remove from an interface, and the addresses to add; keep the ordered ones."""
        wanted = [
            netlink.InterfaceAddress(index, address, length, _FLAGS[address.version])
            for address, length in order.addresses
            if (address.version == 4 and not order.leased) or (address.version == 6 and order.up)
        ]
        kept = {(address.address, address.prefix_length) for address in have}
        ordered = {(address.address, address.prefix_length) for address in wanted}
        for address in wanted:
            self._keeper.want(address, netlink.add_missing_address(address))
        for network in networks_of(wanted, self._domain.table) if order.up else ():
            self._keeper.want(network, netlink.append_route(network))
        gone = [address for address in have if (address.address, address.prefix_length) not in ordered]
        return gone, [address for address in wanted if (address.address, address.prefix_length) not in kept]

    def _keep_link(self, index: int, *, up: bool, mtu: int | None) -> None:
        if mtu is not None:
            self._mtus[index] = mtu
        master, ios = self._domain.device, self.name(index)
        name = self._names.linux(ios) if ios else ""
        settings = []
        if name:  # by which packet filters know it
            settings.append(netlink.set_link(index, netlink.LinkSettings(name=name)))
        if mtu is not None:
            settings.append(netlink.set_link(index, netlink.LinkSettings(mtu=mtu)))
        if master:
            settings.append(netlink.set_link(index, netlink.LinkSettings(master=master)))
        state = netlink.set_up(index) if up else netlink.set_down(index)
        self._keeper.want(LinkState(index, up, mtu, master, name), *settings, state)


# ---------------------------------------------------------------------------------------------------- host addresses


class HostAddresses:
    """Reports each new address of an interface that follows the host."""

    def __init__(
        self,
        socket: netlink.NetlinkSocket,
        links: Mapping[str, netlink.KernelLink],
        orders: Mapping[str, SetInterface],
        report: Callable[[Event], None],
        *,
        manage: bool,
    ) -> None:
        """links, orders: by IOS name, always current. manage: interfaces of the host get the ordered addresses, except
        for those with a lease.
        """
        self._socket = socket
        self._links = links
        self._orders = orders
        self._report = report
        self._manage = manage
        self._assigned: dict[str, tuple[IPAddress, int]] = {}

    def on(self, index: int) -> list[netlink.InterfaceAddress]:
        """Return the addresses of an interface."""
        return [each for each in self._socket.addresses() if each.link == index]

    def own(self, ios: str) -> list[IPv4Address]:
        """Return the IPv4 addresses of an interface, if it exists."""
        link = self._links.get(ios)
        known = self.on(link.index) if link is not None else ()
        return [each.address for each in known if isinstance(each.address, IPv4Address)]

    def forget_interface(self, ios: str) -> None:
        """Forget the address of an interface that moves to another VRF, where it has none."""
        self._assigned.pop(ios, None)

    def tell(self, ios: str) -> None:
        """Report the address that the host gave an interface, if it has changed.

        An address in use that still exists is kept: a DHCP client adds the new one before it removes the old.
        """
        order = self._orders.get(ios)
        leased = order is not None and order.leased
        if ios not in self._links or made_here(ios) or (self._manage and not leased):
            return
        known = self.on(self._links[ios].index)
        have = [(each.address, each.prefix_length) for each in known if isinstance(each.address, IPv4Address)]
        wanted = order.addresses[:1] if order is not None else ()
        new = next((address for address in have if address in wanted), have[0] if have else None)
        if new == self._assigned.get(ios):
            return
        if new is None:
            del self._assigned[ios]
            self._report(AddressAssigned(ios, None))
        else:
            self._assigned[ios] = new
            self._report(AddressAssigned(ios, *new))


# ---------------------------------------------------------------------------------------------------- host routes

#: Prefixes that a router gets at most. The shortest ones count: a full Internet table has a default route, too.
MOST: Final = 4096
#: RTPROT_KERNEL: routes that the kernel makes of addresses.
_BY_ADDRESS: Final = 2


class HostRoutes:
    """The host's routes, and those reported to the router."""

    def __init__(
        self,
        routes: Callable[[], list[netlink.KernelRoute]],
        name: Callable[[int], str],
        report: Callable[[Event], None],
    ) -> None:
        """routes: reads the kernel's table. name: of an interface by its index, "" if it is not the router's."""
        self._read = routes
        self._name = name
        self._report = report
        self._known: dict[Prefix, dict[int, netlink.KernelRoute]] = {}
        self._reported: dict[Prefix, HostRouteChanged] = {}

    def read_routes(self) -> None:
        """Read the whole table, and report differences."""
        before = self._known
        self._known = {}
        for route in filter(_counts, self._read()):
            self._known.setdefault(route.prefix, {}).setdefault(route.metric, route)
        self._tell({**before, **self._known})

    def noticed(self, change: ObjectChange, route: netlink.KernelRoute) -> None:
        """Take in a notification about a route."""
        if not _counts(route):
            return
        known = self._known.setdefault(route.prefix, {})
        if change is ObjectChange.SET:
            known[route.metric] = route
        else:
            known.pop(route.metric, None)
        if not known:
            del self._known[route.prefix]
        self._tell((route.prefix,))

    def _tell(self, prefixes: Iterable[Prefix]) -> None:
        for prefix in sorted(prefixes, key=lambda prefix: (prefix.length, prefix)):
            reported, wanted = self._reported.get(prefix), self._best(prefix)
            if wanted == reported:
                continue
            if wanted is not None:
                if reported is None and len(self._reported) >= MOST:
                    continue
                self._reported[prefix] = wanted
                self._report(wanted)
            else:
                del self._reported[prefix]
                self._report(HostRouteChanged(prefix, ()))

    def _best(self, prefix: Prefix) -> HostRouteChanged | None:
        for metric, route in sorted(self._known.get(prefix, {}).items()):
            hops = tuple(
                NextHop(name, hop.gateway)
                for hop in route.next_hops
                if (name := self._name(hop.link)) and not hop.state & NextHopFlag.DEAD
            )
            if hops:
                return HostRouteChanged(prefix, hops, metric)
        return None


def _counts(route: netlink.KernelRoute) -> bool:
    ours = route.protocol in (ROUTE_PROTOCOL, _BY_ADDRESS)
    is_ipv4 = isinstance(route.prefix.address, IPv4Address)
    return is_ipv4 and route.table == TABLE_MAIN and route.kind is RouteType.UNICAST and not ours
