"""What passed between a tunnel and one of its peers, counted in the same way by all planes in Python.

Each packet in GRE is counted, NHRP and keepalives included, with the octets behind the GRE header: of an IP packet with
its own header, or of a message of NHRP. Headers of GRE and ESP and outer headers are left out, so a packet has the same
octets in clear and in ESP, and at both of its ends. A packet that was cut counts as its pieces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.events import PeerUsage
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


@dataclass(slots=True)
class Amount:
    """What passed in one direction."""

    packets: int = 0
    octets: int = 0

    def add(self, octets: int) -> None:
        """Count a packet of so many octets."""
        self.packets += 1
        self.octets += octets


def usage_of(nbma: IPAddress, sent: Amount | None, received: Amount | None, connection: int = 0) -> PeerUsage:
    """Return the counters of a peer. None: nothing passed in this direction."""
    out, came = sent or Amount(), received or Amount()
    return PeerUsage(nbma, out.packets, came.packets, connection, out.octets, came.octets)
