"""What a network does, as values: the two sides that a comparison is about.

A `Behavior` is measured once for each of them (measuring.py), from packets on wires and from forwarding tables, never
from what a configuration intends. Names are those of routers; the LAN of a router that has one has its name, the LANs
of one that has several its name with the interface. All times are virtual seconds.
"""

from __future__ import annotations

from dataclasses import field
from typing import NamedTuple

from dmvpn.base.values import dataclass


class LanPair(NamedTuple):
    """From which LAN to which."""

    source: str
    destination: str

    def __str__(self) -> str:
        return f"{self.source} to {self.destination}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """How packets of one pair fare. way: the routers of the overlay that the last one passed; () if none arrived.

    hubs: those among them that are neither of its ends. next_hop: the overlay address that its packets leave for at the
    end, "" for none. direct_after: seconds from the first packet to the first that touched no hub; None if none did.
    lost: of `sent`, those that never arrived. mtu: octets of the largest packet that arrives whole; mss: what a TCP SYN
    that announced 1460 says when it arrives. None where nothing arrived, or nobody measured.
    """

    way: tuple[str, ...] = ()
    hubs: tuple[str, ...] = ()
    next_hop: str = ""
    direct_after: float | None = None
    sent: int = 0
    lost: int = 0
    mtu: int | None = None
    mss: int | None = None

    @property
    def arrives(self) -> bool:
        """Does it work at the end?"""
        return bool(self.way)

    @property
    def path(self) -> str:
        """In words: "direct", "by HUB1", "cut off"."""
        if not self.way:
            return "cut off"
        return f"by {', '.join(self.hubs)}" if self.hubs else "direct"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What a pair lost while something changed. seconds: without service in all. back: does it work at the end?"""

    pair: LanPair
    seconds: float
    back: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterState:
    """What a router keeps when all have talked. eigrp_routes: of its routing table."""

    nhrp_entries: int
    eigrp_routes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinterFinding:
    """What the linter says. severity: error, warning or advice. where: file, without the line, which moves."""

    severity: str
    rule: str
    where: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Behavior:
    """A network, measured.

    registered, routed: seconds from the start until every client was registered, and until every pair that ever gets
    one had a way in the forwarding tables. None: never. unregistered: sentences about what never was.
    deaths: by hub, if there are two or more: the pairs that lost something when it was killed.
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

    watched: the pairs that reached each other before, and talked meanwhile. untried: why it was not tried; then there
    is nothing else.
    """

    how: str = ""
    outages: tuple[Outage, ...] = ()
    watched: tuple[LanPair, ...] = ()
    untried: str = ""
