"""Two IKE SAs with one peer: which of them goes.

In DMVPN both spokes of a shortcut often begin at the same moment. RFC 7296 has a rule for rekeys that cross (§2.8.1)
and none for initial exchanges; the same one is used here, since both ends can tell alike: of two IKE SAs, one begun by
each end before it knew of the other's, the one goes whose IKE_SA_INIT had the lowest of the four nonces. Both carry
packets for some seconds, so nothing is lost. Then its initiator deletes it; the other end waits longer and does so only
if that did not happen. Nobody deletes one while it is the last: a peer that decides otherwise and deletes first is
right, too.

An IKE SA of ours that has had no answer yet when the peer's is established is given up at once: the peer, whose proof
has come, knows that it is the initiator of that one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.reasons import Reason
from dmvpn.features.ikev2.reasons import IkeReason

if TYPE_CHECKING:
    from dmvpn.features.ikev2.connections import Connections
    from dmvpn.features.ikev2.sa import IkeSa

REASON: Final = Reason(IkeReason.BOTH_BEGAN)
#: Seconds until the initiator of the one that goes deletes it, and until the other end does.
BY_INITIATOR: Final = 3.0
_BY_RESPONDER: Final = 10.0
#: IKE SAs of one connection; a peer that makes more of them loses the oldest.
LARGEST_NUMBER: Final = 4


def to_end(new: IkeSa, all_of_peer: list[IkeSa]) -> list[tuple[IkeSa, float]]:
    """Which IKE SAs are to be deleted now that `new` is established, and in how many seconds."""
    usable = [sa for sa in all_of_peer if sa.is_usable]
    ends: list[tuple[IkeSa, float]] = []
    for other in usable:
        if other is not new and _crossed(new, other):
            loser = min(new, other, key=lambda sa: sa.nonces.lowest)
            ends.append((loser, BY_INITIATOR if loser.is_initiator else _BY_RESPONDER))
    surplus = usable[: max(0, len(usable) - LARGEST_NUMBER)]
    return ends + [(sa, 0.0) for sa in surplus]


def _crossed(one: IkeSa, other: IkeSa) -> bool:
    """Did each of them begin before the other was established? (Both may even be of the same end.)"""
    return one.begun <= other.since and other.begun <= one.since


def may_go(sa: IkeSa, connections: Connections) -> bool:
    """Is it still one too many?"""
    others = [other for other in connections.of(sa.connection) if other is not sa]
    return sa.is_usable and any(other.is_usable and other.children for other in others)
