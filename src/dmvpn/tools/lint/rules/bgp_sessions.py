"""Rules about BGP sessions over a tunnel: does each end know the other one, and do they agree?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.network.terms.bgp import BGP, NEIGHBORS, PASSWORD, SHUTDOWN, awaited
from dmvpn.network.terms.bgp import SYSTEM as BGP_SYSTEM
from dmvpn.tools.lint.found import differences, failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.network.overlay import Network
    from dmvpn.tools.lint.found import NetworkConcern

RULES: Final = (NEIGHBORS.rule, BGP_SYSTEM.rule, PASSWORD.rule, SHUTDOWN.rule)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield what keeps the two ends of a tunnel from a BGP session that one of them wants."""
    yield from differences(network, BGP)
    for pair in network.pairs:
        yield from map(failed, awaited(pair, network.pairs))
