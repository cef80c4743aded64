"""The packet filters of all ports, wherever they are: each is in the network namespace of the VRF of its port.

A filter is ordered by the name of the port, which may come later, or move: its lists are put where the port arrives
before it does, and removed where it was afterwards. VRF devices are all in one namespace, with one table.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.effects import SendIp, SetFilters, SetInterface
from dmvpn.base.errors import UserError
from dmvpn.base.events import EffectFailed
from dmvpn.base.filters import PortFilters
from dmvpn.dataplane import packets
from dmvpn.net.icmp import UnreachableCode
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.net.octets import ipv4_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import Event
    from dmvpn.base.filters import FilterCount
    from dmvpn.dataplane.userspace.filtering import Filtering
    from dmvpn.dataplane.userspace.vrf_devices import Places
    from dmvpn.dataplane.userspace.vrfs import VrfParts

_QUOTED = 8


class PortFilterOrders:
    """Carries out `SetFilters` for a plane."""

    def __init__(
        self,
        parts: VrfParts,
        places: Places,
        vrf_of: Callable[[str], str],
        address: Callable[[str], IPAddress | None],
        report: Callable[[Event], None],
    ) -> None:
        """vrf_of, address: of an interface."""
        self._parts = parts
        self._places = places
        self._vrf_of = vrf_of
        self._address = address
        self._report = report
        self._orders: dict[str, SetFilters] = {}
        #: The VRF in whose table the filters of a port are.
        self._where: dict[str, str] = {}
        #: Ports that move, and where their former filters are.
        self._gone: list[tuple[str, str]] = []

    def set(self, order: SetFilters) -> None:
        """Filter the packets of a port. Raises UserError, OSError."""
        name = order.interface
        vrf = self._where.get(name)
        if vrf is None:
            vrf = self._home(self._vrf_of(name))
        self._note(order, vrf)
        self._put(order, vrf)

    def arrives(self, name: str, vrf: str) -> None:
        """Filter the packets of a port where it is about to be. Raises UserError, OSError: nothing filters them."""
        order, home = self._orders.get(name), self._home(vrf)
        if order is None:
            self._filtering(home).leave_inherited(name)
            return
        if self._where.get(name) != home:
            before = self._where.get(name)
            self._note(order, home)
            try:
                self._put(order, home)
            except (UserError, OSError) as error:
                if not self._filtering(home).holds(name):
                    raise
                self._report(EffectFailed(order, 0, str(error)))
            if before is not None:
                with suppress(UserError, OSError):
                    self._filtering(home).carry_over(name, self._filtering(before))
                self._gone.append((name, before))
        elif not self._filtering(home).holds(name):
            self._put(order, home)

    def arrived(self, name: str) -> None:
        """Remove the filters of a port where it was before."""
        for port, vrf in self._gone:
            if port == name:
                with suppress(UserError, OSError):
                    self._put(SetFilters(name, PortFilters()), vrf)
        self._gone = [one for one in self._gone if one[0] != name]

    def leave(self, vrf: str) -> None:
        """Let the ports of a VRF that is removed be filtered in the global table, where they return to."""
        for name, there in list(self._where.items()):
            if there == vrf:
                self.arrives(name, "")
                self._gone = [one for one in self._gone if one[0] != name]

    def guarded(self, order: SetInterface) -> SetInterface:
        """Return the order for an interface: it stays down while its packets cannot be filtered nor dropped."""
        name = order.interface
        if name in self._orders and not self._filtering(self._where[name]).holds(name):
            return replace(order, up=False)
        return order

    def counts(self) -> tuple[FilterCount, ...]:
        """Return the counters of the lists of all ports."""
        return tuple(count for part in self._parts for count in part.kernel.filters.counts())

    def answer(self, interface: str, index: int, data: bytes) -> None:
        """Answer a denied packet: administratively prohibited, RFC 1812 §5.2.7.1.

        interface, index: by which it came; "": it is not of the global table. data: its first octets.
        """
        if not interface and self._places.has_devices:
            interface = next((name for part in self._parts if (name := part.kernel.interface_name(index))), "")
        header = (data[0] & 0x0F) * 4 if data else 0
        own = self._address(interface)
        if not isinstance(own, IPv4Address) or len(data) < header or not packets.may_answer(data):
            return
        prohibited = packets.unreachable(UnreachableCode.ADMINISTRATIVELY_PROHIBITED)(data[: header + _QUOTED])
        order = SendIp(None, own, ipv4_address(data[12:16]), IpProtocol.ICMP, prohibited.serialize())
        vrf = self._vrf_of(interface)
        with suppress(OSError, UserError), self._places.at(vrf):
            self._parts.part(vrf).control.send(order)

    def _home(self, vrf: str) -> str:
        return "" if not vrf or self._places.ground(vrf).domain.device else vrf

    def _filtering(self, vrf: str) -> Filtering:
        return self._parts.part(vrf).kernel.filters

    def _note(self, order: SetFilters, vrf: str) -> None:
        if order.filters == PortFilters():
            self._orders.pop(order.interface, None)
            self._where.pop(order.interface, None)
        else:
            self._orders[order.interface] = order
            self._where[order.interface] = vrf

    def _put(self, order: SetFilters, vrf: str) -> None:
        path = order.filters.reverse_path
        refused = ""
        if path is not None and not path.allow_default and self._places.has_devices:
            refused = "a check of senders without allow-default is not possible on a host with VRF devices"
        with self._places.at(vrf):
            self._filtering(vrf).set(order, refused=refused)
