"""The IPv4 addresses of the host, and the address that it gives to an interface: by DHCP, or by hand outside of
a lab.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.events import AddressAssigned, Event
from dmvpn.dataplane.userspace.names import made_here

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import SetInterface
    from dmvpn.dataplane import netlink


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
        """Return the IPv4 addresses of an interface."""
        known = self._socket.addresses()
        return [each for each in known if each.link == index and isinstance(each.address, IPv4Address)]

    def own(self, ios: str) -> list[IPv4Address]:
        """Return the addresses of an interface, if it exists."""
        link = self._links.get(ios)
        known = self.on(link.index) if link is not None else ()
        return [each.address for each in known if isinstance(each.address, IPv4Address)]

    def forget(self, ios: str) -> None:
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
        have = [(each.address, each.prefix_length) for each in self.on(self._links[ios].index)]
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
