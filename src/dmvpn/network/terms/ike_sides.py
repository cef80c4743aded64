"""The two ends of a tunnel, as IKE sees them: how each would talk to the other one, by the machine's own book."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from dmvpn.base.protection import IkeVersion
from dmvpn.base.reasons import Reason
from dmvpn.base.values import dataclass
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint, Terms
from dmvpn.features.ike.settings import ConfigurationBook
from dmvpn.features.ike.translation import candidates, is_isakmp, version_of
from dmvpn.features.ipsec.policies import resolve

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress, OuterAddress
    from dmvpn.base.protection import ProtectionPolicy
    from dmvpn.features.ike.model import Profile
    from dmvpn.network.overlay import EndPair, TunnelEnd


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One end. peer: where the other end of its pair is seen. by_v1: the client of its pair begins with IKEv1.

    terms: how it would talk to the other end of its pair, where the client begins, or why it cannot; None: the client
        cannot begin.
    """

    end: TunnelEnd
    address: IPAddress
    policy: ProtectionPolicy
    book: ConfigurationBook
    peer: IPAddress | None = None
    by_v1: bool = False
    terms: Terms | Reason | None = None

    @property
    def name(self) -> str:
        """What the router calls itself."""
        return self.end.device.hostname

    @property
    def seen(self) -> IPAddress:
        """The address with which other routers exchange its messages: behind NAT the public one."""
        return self.end.seen or self.address

    @property
    def profile_line(self) -> tuple[str, ...]:
        """The line that opens its IPsec profile."""
        return (f"crypto ipsec profile {self.policy.name.partition(' ')[0]}",)

    @property
    def way(self) -> DatagramPath:
        """The way of its messages to the other end of its pair."""
        return DatagramPath(Endpoint(self.address, 500), Endpoint(self.peer or self.address, 500), self.policy.front)

    @property
    def profile(self) -> Profile | None:
        """The IKE profile of its terms; without terms the first that it could have; None: there is none."""
        every = candidates(self.book.config, self.policy)
        able = [name for name in every if is_isakmp(name) or not self.by_v1]
        names = [self.terms.profile] if isinstance(self.terms, Terms) else able
        return next((one for name in names for one in self.book.config.profiles if one.name == name), None)


def side(end: TunnelEnd, pair: EndPair) -> Side | None:
    """Return an end of a pair; None: one of the two is not protected, or not in a way that can work at all."""
    both = _sides(pair)
    return both[end is pair.there] if both is not None else None


@lru_cache(maxsize=64)
def _sides(pair: EndPair) -> tuple[Side, Side] | None:
    here, there = side_of(pair.here), side_of(pair.there)
    if here is None or there is None:
        return None
    config = here.book.config
    by_v1 = version_of(config, candidates(config, here.policy)[0]) == IkeVersion.V1
    ours = here.book.to(here.policy, there.seen)
    here = replace(here, peer=there.seen, by_v1=by_v1, terms=ours)
    there = replace(there, peer=here.seen, by_v1=by_v1)
    if isinstance(ours, Reason):
        return here, there
    return here, replace(there, terms=there.book.terms(there.way, ours.identity, None, version=ours.version))


@lru_cache(maxsize=256)
def side_of(end: TunnelEnd) -> Side | None:
    """Return an end without a peer; None: as `side`."""
    if not end.tunnel.protection or end.outer is None:
        return None
    if end.source_vrf != end.tunnel.front:
        return None
    policy = resolve(end.device.ipsec, end.tunnel.protected_by, end.outer)
    if isinstance(policy, Reason):
        return None

    def interface_of(outer: OuterAddress) -> str:
        owner = end.device.owner(outer.address, outer.front)
        return owner.name if owner is not None else ""

    book = ConfigurationBook(end.device.ikev2, (policy,), interface_of=interface_of)
    return Side(end, end.outer.address, policy, book)
