"""The links of a namespace that are interfaces of the router: their mapping, and the wanted state of each.

Ordered state of a link (up or down, MTU, addresses) is set in the kernel once, and kept so (`keeper`).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from dmvpn.dataplane import netlink
from dmvpn.dataplane.userspace.domain import MAIN, Domain
from dmvpn.dataplane.userspace.names import made_here
from dmvpn.dataplane.userspace.things import LinkState, ThingKind, networks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dmvpn.base.effects import SetInterface
    from dmvpn.dataplane.userspace.keeper import Keeper
    from dmvpn.dataplane.userspace.names import InterfaceNames

#: Octets of kernel buffer that may wait for one next hop: the default holds no more than 256 small packets.
_WAITING_OCTETS = 4 << 20


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

    def forget(self, index: int) -> str | None:
        """Forget a link that is gone, and return its interface. A new link of the same name has another index."""
        self._keeper.release_link(index)
        self._mtus.pop(index, None)
        self._found_mtus.pop(index, None)
        return self._names_by_index.pop(index, None)

    def leave(self, link: netlink.KernelLink) -> None:
        """Forget a link that is in another VRF now, if it was here."""
        ios = self.name(link.index)
        if ios:
            self.forget(link.index)
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
        # On a point-to-point tunnel there is one neighbor, and nothing to resolve.
        self._socket.call(netlink.set_arp(link.index, multipoint))
        self.prepare(link.index)
        self._keep_link(link.index, up=link.up, mtu=mtu)

    def set_mtu(self, ios: str, mtu: int) -> None:
        """Change the MTU of an interface, octets."""
        index = self.index(ios)
        order = self.orders.get(ios)
        self._keep_link(index, up=order is not None and order.up, mtu=mtu)
        self._socket.call(netlink.set_link(index, netlink.LinkSettings(mtu=mtu)))

    def note_order(self, order: SetInterface) -> None:
        """Store the wanted state of an interface."""
        self.orders[order.interface] = order

    def requests(self, order: SetInterface, have: Sequence[netlink.InterfaceAddress]) -> list[netlink.KernelRequest]:
        """Return the requests that bring an interface into its ordered state, and keep it so.

        have: the addresses that it has; a lease is not touched.
        """
        index = self.index(order.interface)
        mtu = self._mtus.get(index) if made_here(order.interface) else self._mtu_of_host(index, order)
        self._keep_link(index, up=order.up, mtu=mtu)
        for kind in (ThingKind.ADDRESS, ThingKind.NETWORK):
            for old in self._keeper.wanted_on(index, kind):
                self._keeper.release(old)
        requests = [self._forwarding(index, order)]
        requests += [] if order.leased else self._addressing(index, order, have)
        if mtu is not None and not made_here(order.interface):
            requests.append(netlink.set_link(index, netlink.LinkSettings(mtu=mtu)))
        return [*requests, netlink.set_up(index) if order.up else netlink.set_down(index)]

    def _forwarding(self, index: int, order: SetInterface) -> netlink.KernelRequest:
        """Return the request that lets the kernel forward IPv4 packets from an interface, if it has an address.

        A port that left its VRF is in the global table without an address: on IOS nothing is routed from there.
        """
        has_ipv4 = order.leased or any(address.version == 4 for address, _ in order.addresses)
        return netlink.set_link(index, netlink.LinkSettings(inet=netlink.InetConf(forwarding=int(has_ipv4))))

    def _mtu_of_host(self, index: int, order: SetInterface) -> int | None:
        """Return the ordered MTU, or the one from before the first order; None: it was never changed."""
        if order.mtu is None:
            return self._found_mtus.get(index)
        self._found_mtus.setdefault(index, self.by_name[order.interface].mtu)
        return order.mtu

    def _addressing(
        self, index: int, order: SetInterface, have: Sequence[netlink.InterfaceAddress]
    ) -> list[netlink.KernelRequest]:
        """Return the requests that set the ordered addresses of an interface, and keep them so."""
        wanted = [netlink.InterfaceAddress(index, address, length) for address, length in order.addresses]
        kept = {(address.address, address.prefix_length) for address in have}
        ordered = {(address.address, address.prefix_length) for address in wanted}
        for address in wanted:
            self._keeper.want(address, netlink.add_missing_address(address))
        for network in networks_of(wanted, self._domain.table) if order.up else ():
            self._keeper.want(network, netlink.append_route(network))
        requests: list[netlink.KernelRequest] = []
        requests += [netlink.delete_address(a) for a in have if (a.address, a.prefix_length) not in ordered]
        requests += [netlink.add_address(a) for a in wanted if (a.address, a.prefix_length) not in kept]
        return requests

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
