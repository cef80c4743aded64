"""The show and clear commands of OSPF: a query that returns a dataclass, a renderer that turns it into lines."""

from __future__ import annotations

from dmvpn.features.ospf.show.counts import COUNTS, UNDERWAY
from dmvpn.features.ospf.show.database import AMOUNTS, DATABASE, DETAILS
from dmvpn.features.ospf.show.interfaces import INTERFACES, VIRTUAL_LINKS
from dmvpn.features.ospf.show.neighbors import LISTS, NEIGHBORS
from dmvpn.features.ospf.show.process import BORDERS, CLEAR, PROCESS, SUMMARY_ADDRESSES, ip_protocols, protocol_names

COMMANDS = (
    NEIGHBORS,
    *INTERFACES,
    DATABASE,
    AMOUNTS,
    DETAILS,
    BORDERS,
    SUMMARY_ADDRESSES,
    VIRTUAL_LINKS,
    *LISTS,
    *COUNTS,
    *UNDERWAY,
    PROCESS,
    CLEAR,
)

__all__ = ["COMMANDS", "ip_protocols", "protocol_names"]
