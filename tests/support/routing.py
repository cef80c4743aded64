"""A router with interfaces, routing table and static routes only, and short words for addresses and routes."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import ClearRoute, NextHop, SetRoute
from dmvpn.base.events import LinkChanged
from dmvpn.base.notices import Route, RouteSource
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.static import FEATURE as STATIC
from support.workbench import Workbench

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect

GI1, GI2 = "GigabitEthernet0/1", "GigabitEthernet0/2"


def a(text: str) -> IPv4Address:
    """Return an address."""
    return IPv4Address(text)


def p(text: str) -> Prefix:
    """Return a prefix."""
    return Prefix.parse(text)


def via(address: str, interface: str = GI1) -> NextHop:
    """Return a next hop behind an interface."""
    return NextHop(interface, a(address))


def route(prefix: str, *hops: NextHop, source: RouteSource = RouteSource.EIGRP, distance: int = 90) -> Route:
    """Return a route as a routing protocol offers it."""
    return Route(prefix=p(prefix), source=source, distance=distance, metric=1000, next_hops=hops, process="100")


def make(text: str = "") -> Workbench:
    """R31: 172.16.31.1/30 toward the provider, 10.3.3.1/24 toward its LAN."""
    bench = Workbench(INTERFACE, RIB, STATIC)
    bench.configure(
        f"interface {GI1}\n ip address 172.16.31.1 255.255.255.252\n"
        f"interface {GI2}\n ip address 10.3.3.1 255.255.255.0\n{text}"
    )
    bench.handle(LinkChanged(GI1, up=True))
    bench.handle(LinkChanged(GI2, up=True))
    return bench


def routes_in(effects: list[Effect]) -> list[SetRoute | ClearRoute]:
    """Return the orders about routes."""
    return [effect for effect in effects if isinstance(effect, SetRoute | ClearRoute)]


_EIGRP = re.compile(r"router eigrp .*?^!$", re.DOTALL | re.MULTILINE)
_RIP = "router rip\n version 2\n no auto-summary\n network 10.0.0.0\n network 192.168.100.0\n!"


def with_rip(name: str, text: str) -> str:
    """RIP in the place of EIGRP, and no split horizon at the hub."""
    text = _EIGRP.sub(_RIP, text)
    return (
        text.replace("interface Tunnel100\n", "interface Tunnel100\n no ip split-horizon\n") if name == "R11" else text
    )
