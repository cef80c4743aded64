"""Who watches whether a neighbor can be reached, and who wants to know: notices between BFD, NHRP and the protocols.

    routing protocol ── WatchWanted ──> BFD            a neighbor came, or went
    BFD, NHRP        ── PathLost ────> the protocols   packets do not reach it any more: give it up at once

No notice says that a path is back: each protocol finds its neighbors by its own Hellos, with a watch or without.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from dmvpn.base.notices import Notice
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


class Client(enum.Enum):
    """Who wants a neighbor watched: the words of `show bfd neighbors details`."""

    EIGRP = "EIGRP"
    OSPF = "OSPF"
    BGP = "BGP"
    RIP = "RIP"


class Witness(enum.Enum):
    """Who found out that a neighbor cannot be reached."""

    BFD = "BFD"
    NHRP = "NHRP"


@dataclass(frozen=True, slots=True)
class WatchWanted(Notice):
    """This neighbor is to be watched on behalf of a protocol, or (wanted False) not any more. To BFD.

    process: of several of one protocol, which one.
    """

    client: Client
    process: int
    interface: str
    address: IPAddress
    wanted: bool


@dataclass(frozen=True, slots=True)
class PathLost(Notice):
    """Packets do not reach this neighbor any more, although the interface is up. To routing protocols, and to NHRP.

    clients: the protocols that asked for the watch, with their processes; None: any protocol that has a neighbor there.
    """

    witness: Witness
    interface: str
    address: IPAddress
    clients: tuple[tuple[Client, int], ...] | None = None

    def concerns(self, client: Client, process: int) -> bool:
        """Return whether it is about neighbors of this process."""
        return self.clients is None or (client, process) in self.clients
