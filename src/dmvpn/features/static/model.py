"""The configuration of static routes, as values."""

from __future__ import annotations

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import NextHop
from dmvpn.base.pages import NONE, Pages
from dmvpn.base.values import Value


class StaticRoute(Value, kw_only=True):
    """One `ip route` or `ipv6 route`.

    interface, next_hop: one or both; "Null0" discards.
    distance: 255 means never.
    track: the object that has to be up, 0: none.
    is_leak: of a route in a VRF: the next hop is in the global table.
    is_host: of `ip default-gateway`, for a switch that does not route.
    """

    prefix: Prefix
    interface: str = ""
    next_hop: IPAddress | None = None
    distance: int = 1
    tag: int = 0
    name: str = ""
    permanent: bool = False
    track: int = 0
    is_leak: bool = False
    is_host: bool = False


class StaticConfig(Value, kw_only=True):
    """All static routes, in the order in which they were entered.

    bfd: next hops that BFD watches: routes to them count while their session is up.
    bfd_apart: next hops with a session that no route counts on; only in the configuration of the global table.
    """

    ipv4: Pages[StaticRoute] = NONE
    ipv6: Pages[StaticRoute] = NONE
    bfd: tuple[NextHop, ...] = ()
    bfd_apart: tuple[NextHop, ...] = ()

    @property
    def routes(self) -> tuple[StaticRoute, ...]:
        """Those of both."""
        return (*self.ipv4, *self.ipv6)
