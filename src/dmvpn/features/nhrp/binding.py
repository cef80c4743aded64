"""What a message said of another station, before anybody believes it, and what an entry takes over of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.base.reasons import Reason
from dmvpn.features.nhrp.cache import NO_FLAGS, Entry, Flag
from dmvpn.features.nhrp.neighbor import Neighbor
from dmvpn.features.nhrp.reasons import NhrpReason

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.nhrp.tunnel import Tunnel


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a message said of a peer. nbma: where packets go; claimed: what the peer wrote, if a translator changed it.

    direct: the message came straight from the peer; connection: over this one. flags: further ones for its host entry.
    port: the UDP port by which a server hears the peer, behind its NAT; 0: nothing is said of one.
    """

    next_hop: IPAddress
    nbma: IPAddress
    connection: int = 0
    claimed: IPAddress | None = None
    holding_time: int
    mtu: int = 0
    direct: bool = False
    flags: Flag = NO_FLAGS
    port: int = 0


def whereabouts(entry: Entry | None, binding: Binding) -> Neighbor:
    """Where the peer is. A message that did not come from itself does not say over which connection."""
    at = Neighbor(binding.nbma, binding.connection if binding.direct else 0)
    if not at.connection and entry is not None and entry.nbma == binding.nbma:
        return Neighbor(binding.nbma, entry.connection)
    return at


def why_wait(tunnel: Tunnel, binding: Binding, now: float) -> Reason | None:
    """Why the peer has to begin, if it has to: a stray packet must not take the place of its flow at its translator.

    Linux, for one, would drop then what the peer sends to us. If we are behind NAT ourselves, both have to begin.
    """
    if binding.claimed is None or binding.direct or tunnel.public_nbma is not None:
        return None
    return Reason(NhrpReason.NOT_HEARD, (binding.nbma, binding.claimed), now)


def fill(entry: Entry, binding: Binding, now: float) -> None:
    """Bring an entry up to what the message said: it is implicit no longer if the peer itself says so."""
    kept = entry.flags & Flag.TEMPORARY
    entry.flags = kept | Flag.ROUTER | (Flag.NHOP | binding.flags if entry.is_next_hop else NO_FLAGS)
    if binding.claimed is not None:
        entry.flags |= Flag.NAT
    entry.claimed, entry.mtu = binding.claimed, binding.mtu
    if binding.port or entry.claimed is None:
        entry.port = binding.port if entry.claimed is not None else 0
    entry.holding_time = binding.holding_time
    entry.expires = now + binding.holding_time
