"""The show and clear commands of OSPF: a query that returns a dataclass, a renderer that turns it into lines."""

from dmvpn.features.ospf.show import version3
from dmvpn.features.ospf.show.counts import COUNTS, UNDERWAY
from dmvpn.features.ospf.show.database import AMOUNTS, DATABASE, DETAILS
from dmvpn.features.ospf.show.interfaces import INTERFACES, VIRTUAL_LINKS
from dmvpn.features.ospf.show.neighbors import LISTS, NEIGHBORS
from dmvpn.features.ospf.show.process import BORDERS, CLEAR, PROCESS, SUMMARY_ADDRESSES, ip_protocols, protocol_names
from dmvpn.features.ospf.show.version3 import ipv6_protocols

_OF_IPV4 = (
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
_ONLY_IPV4 = (NEIGHBORS, *INTERFACES, DATABASE, DETAILS, SUMMARY_ADDRESSES)
COMMANDS = (
    *_OF_IPV4,
    *version3.of_version_3(one for one in _OF_IPV4 if one not in _ONLY_IPV4 and "sham-links" not in one.syntax),
    *version3.of_version_3(version3.COMMANDS),
)

__all__ = ["COMMANDS", "ip_protocols", "ipv6_protocols", "protocol_names"]
