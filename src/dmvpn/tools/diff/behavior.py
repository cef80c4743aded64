"""The behavior of a network, as values: one for each side of a comparison.

A `Behavior` is measured (measuring.py) from packets on wires and from forwarding tables, never from what a
configuration intends. The only LAN of a router has the name of the router; if a router has several LANs, the name of
the interface is added. All times are virtual seconds.
"""

from __future__ import annotations

from dataclasses import field
from typing import NamedTuple

from dmvpn.base.values import dataclass


class LanPair(NamedTuple):
    """One direction between two LANs."""

    source: str
    destination: str

    def __str__(self) -> str:
        return f"{self.source} to {self.destination}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """The traffic of one pair. way: the routers of the overlay that the last packet passed; () if no packet arrived.

    hubs: the routers among them that are not its ends. next_hop: the overlay next hop of its packets at the end, "" for
    none. direct_after: seconds from the first packet to the first packet that bypassed the hubs; None if none did.
    lost: packets of `sent` that never arrived. mtu: octets of the largest packet that arrives unfragmented; mss: the
    option in a TCP SYN on arrival, 1460 when sent. None if no packet arrived, or there was no measurement. is_denied:
    access lists deny the packets that are measured, UDP from port 7 to port 7.
    """

    way: tuple[str, ...] = ()
    hubs: tuple[str, ...] = ()
    next_hop: str = ""
    direct_after: float | None = None
    sent: int = 0
    lost: int = 0
    mtu: int | None = None
    mss: int | None = None
    is_denied: bool = False

    @property
    def arrives(self) -> bool:
        """True if packets arrive at the end."""
        return bool(self.way)

    @property
    def path(self) -> str:
        """In words: "direct", "by HUB1", "cut off", "denied by access lists"."""
        if not self.way:
            return "denied by access lists" if self.is_denied else "cut off"
        return f"by {', '.join(self.hubs)}" if self.hubs else "direct"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """The packet loss of a pair during a change. seconds: without service, in total. back: it works at the end."""

    pair: LanPair
    seconds: float
    back: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterState:
    """Table sizes of a router after all pairs talked. eigrp_routes: in its routing table."""

    nhrp_entries: int
    eigrp_routes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinterFinding:
    """A finding of the linter. severity: error, warning or advice. where: the file, without the line, which moves."""

    severity: str
    rule: str
    where: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Behavior:
    """A network, measured.

    registered, routed: seconds from the start until every client was registered, and until every pair that ever gets a
    path had it in the forwarding tables. None: never. unregistered: sentences about clients that never registered.
    deaths: by hub, if there are two or more: the pairs that lost packets when it was killed.
    """

    lans: dict[str, str]
    registered: float | None
    routed: float | None
    unregistered: tuple[str, ...] = ()
    talks: dict[LanPair, Talk] = field(default_factory=dict)
    deaths: dict[str, tuple[Outage, ...]] = field(default_factory=dict)
    states: dict[str, RouterState] = field(default_factory=dict)
    findings: tuple[LinterFinding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """The new configurations entered on the network that runs the old ones. how: in which order, in words.

    watched: the pairs that reached each other before, and talked during the change. untried: why it was not tried; the
    other fields are then empty.
    """

    how: str = ""
    outages: tuple[Outage, ...] = ()
    watched: tuple[LanPair, ...] = ()
    untried: str = ""
