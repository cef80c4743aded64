"""The data plane's current counters, and the stations that it sees: questions that only shows ask.

Machines get counters by events (`InterfacesCounted`, `SasCounted`) every few seconds: machines decide by these values,
recordings contain them, and a replay repeats them. But a user who looks at a screen wants the current number, so a show
asks the plane itself. The plane's answer changes nothing and goes only to the screen. If there is no plane (a replay, a
test of one machine), there is no answer, and shows print the latest values that the machines received.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from dmvpn.base.breath import breathing
from dmvpn.base.translation import Translations
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import InterfacesCounted, PeerUsage, SasCounted
    from dmvpn.base.filters import FilterCount
    from dmvpn.base.protection import SaView


@dataclass(frozen=True, slots=True)
class EthernetStation:
    """A station on an Ethernet. hardware: its link-layer address, empty while it does not answer."""

    interface: str
    address: IPAddress
    hardware: bytes


class Counting(Protocol):
    """Asked of the data plane. Counters are as in the answers to `PollInterfaces` and `PollSas`; None: it is mute."""

    def interfaces_counted(self) -> InterfacesCounted | None:
        """Return traffic and drop counters of every interface; None: the plane does not say."""
        ...

    def sas_counted(self) -> SasCounted | None:
        """Return the counters of every pair of SAs; None: the plane does not say."""
        ...

    def usage(self, tunnel: str) -> tuple[PeerUsage, ...]:
        """Return the counters of every peer of a tunnel, as in the answer to `PollUsage`; empty if it is not there."""
        ...

    def stations(self) -> tuple[EthernetStation, ...]:
        """Return the stations on Ethernets in the host's neighbor table; empty where wires have no link layer."""
        ...

    def translations(self) -> Translations:
        """Return the translated flows, and the counters."""
        ...

    def filtered(self) -> tuple[FilterCount, ...]:
        """Return how many packets each entry of each port's lists has decided on; entries without one may lack."""
        ...


class NoPlane:
    """The answers where there is no data plane."""

    def interfaces_counted(self) -> None:
        """Do nothing: nothing is known."""

    def sas_counted(self) -> None:
        """Do nothing: nothing is known."""

    def usage(self, tunnel: str) -> tuple[PeerUsage, ...]:
        """Return nothing: no peer is counted."""
        return ()

    def stations(self) -> tuple[EthernetStation, ...]:
        """Return no station: none is known."""
        return ()

    def translations(self) -> Translations:
        """Return no flow: none is translated."""
        return Translations()

    def filtered(self) -> tuple[FilterCount, ...]:
        """Return nothing: no packet is filtered."""
        return ()


NO_PLANE = NoPlane()


def by_address(peers: Iterable[PeerUsage]) -> dict[IPAddress, PeerUsage]:
    """Return the counters of each NBMA address: those of peers behind one address are added."""
    found: dict[IPAddress, PeerUsage] = {}
    for peer in peers:
        before = found.get(peer.nbma)
        found[peer.nbma] = peer if before is None else _sum(before, peer)
    return found


def _sum(one: PeerUsage, other: PeerUsage) -> PeerUsage:
    return replace(
        one,
        connection=0,
        sent=one.sent + other.sent,
        received=one.received + other.received,
        sent_octets=one.sent_octets + other.sent_octets,
        received_octets=one.received_octets + other.received_octets,
    )


def fresh(views: Iterable[SaView], counting: Counting) -> tuple[SaView, ...]:
    """Return pairs of SAs with current counters. A pair that the plane does not know keeps its last counters."""
    views = tuple(views)
    counted = counting.sas_counted() if views else None
    if counted is None:
        return views
    counts = {count.spi_in: count for count in counted.counts}
    return tuple(replace(view, count=counts.get(view.spi_in, view.count)) for view in breathing(views))
