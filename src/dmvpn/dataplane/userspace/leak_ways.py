"""Next hops in another VRF, as routes have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import NextHop
    from dmvpn.dataplane.netlink import KernelNextHop


@dataclass(frozen=True, slots=True)
class Way:
    """Where routes of a VRF lead: out of an interface to an address there, or into the table of `to`."""

    vrf: str
    interface: str
    address: IPAddress | None
    to: str

    @classmethod
    def of(cls, vrf: str, hop: NextHop) -> Self:
        """Return the way of a next hop of a VRF. Without an interface, the other table has the next hop."""
        return cls(vrf, hop.interface, hop.address if hop.interface else None, hop.vrf)

    def takes(self, hop: NextHop) -> bool:
        """Return whether a next hop of its VRF is this one."""
        return Way.of(self.vrf, hop) == self


class LeakWays(Protocol):
    """What the routes of one VRF need of this."""

    def hold(self, hop: NextHop) -> None:
        """Let there be a way for one more route. Raises UserError, OSError."""
        ...

    def hop(self, hop: NextHop) -> KernelNextHop:
        """Return a way that is held. Raises UserError."""
        ...

    def release(self, hop: NextHop) -> None:
        """Take in that one route fewer takes it."""
        ...


def is_leak(hop: NextHop) -> bool:
    """Return whether a next hop is in another VRF than its route."""
    return hop.leaks or not hop.interface
