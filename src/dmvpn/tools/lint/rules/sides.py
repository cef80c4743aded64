"""One end of a tunnel, as IKE sees it: for the rules about what two ends would agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.reasons import Reason
from dmvpn.base.values import dataclass
from dmvpn.features.ike.book import ConfigurationBook
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint, Terms
from dmvpn.features.ipsec.policies import resolve

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress, OuterAddress
    from dmvpn.base.protection import ProtectionPolicy
    from dmvpn.features.ike.model import Profile
    from dmvpn.network.overlay import TunnelEnd


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One end of a pair, as IKE sees it."""

    end: TunnelEnd
    address: IPAddress
    policy: ProtectionPolicy
    book: ConfigurationBook

    @property
    def name(self) -> str:
        """What the router calls itself."""
        return self.end.device.hostname

    def path(self, to: Side) -> DatagramPath:
        """Return the way of its messages."""
        return DatagramPath(Endpoint(self.address, 500), Endpoint(to.address, 500), self.policy.front)

    @property
    def profile_line(self) -> tuple[str, ...]:
        """The line that opens its IPsec profile."""
        return (f"crypto ipsec profile {self.end.tunnel.protection}",)

    def profile(self, terms: Terms) -> Profile:
        """Return the IKE profile that these terms are from."""
        return next(one for one in self.book.config.profiles if one.name == terms.profile)


def vrf_of_source(end: TunnelEnd) -> str:
    """Return the VRF of the port that is the source of a tunnel; if the port is unknown, that of the outer packets."""
    port = source_port(end)
    return end.device.vrf_of(port) if port else end.tunnel.front


def source_port(end: TunnelEnd) -> str:
    """Return the port with the source address of a tunnel, "": no port of this router is known to have it."""
    address = end.tunnel.source_address
    owner = end.device.owner(address, end.tunnel.front) if address is not None else None
    return owner.name if owner is not None else end.tunnel.source_interface


def side_of(end: TunnelEnd) -> Side | None:
    """Return the side; None: the end is not protected, or not in a way that can work at all; other rules say so."""
    if not end.tunnel.protection or end.outer is None:
        return None
    if vrf_of_source(end) != end.tunnel.front:
        return None
    policy = resolve(end.device.ipsec, end.tunnel.protected_by, end.outer)
    if isinstance(policy, Reason):
        return None

    def interface_of(outer: OuterAddress) -> str:
        owner = end.device.owner(outer.address, outer.front)
        return owner.name if owner is not None else ""

    book = ConfigurationBook(end.device.ikev2, (policy,), interface_of=interface_of)
    return Side(end, end.outer.address, policy, book)
