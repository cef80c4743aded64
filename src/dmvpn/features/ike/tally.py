"""How many negotiations of IKE there were, and what came of them: for metrics. Nothing clears it.

A negotiation is one of an IKE SA or of a child SA. An IKE SA that replaces another one counts as a rekey, of IKEv1 as a
negotiation, because there it is one.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dmvpn.features.ike.session import ChildMade, Ended, Established, Replaced

if TYPE_CHECKING:
    from dmvpn.base.protection import IkeVersion
    from dmvpn.base.reasons import Reason
    from dmvpn.features.ike.session import Act, Session

#: An IKE version, and whether this router began.
Role = tuple["IkeVersion", bool]


class Tally:
    """The counters. failures: by version and by the name of the reason."""

    def __init__(self) -> None:
        self.established: Counter[Role] = Counter()
        self.failed: Counter[Role] = Counter()
        self.ended: Counter[Role] = Counter()
        self.rekeys: Counter[Role] = Counter()
        self.children: Counter[Role] = Counter()
        self.child_rekeys: Counter[Role] = Counter()
        self.failures: Counter[tuple[IkeVersion, str]] = Counter()

    def act(self, act: Act) -> None:
        """Count what happened to an IKE SA."""
        match act:
            case Established(sa=sa):
                self.established[_role(sa)] += 1
            case ChildMade(sa=sa, replaces=None):
                self.children[_role(sa)] += 1
            case ChildMade(sa=sa):
                self.child_rekeys[_role(sa)] += 1
            case Replaced(sa=sa):
                self.rekeys[_role(sa)] += 1
            case Ended(sa=sa):
                (self.ended if sa.evidence.by else self.failed)[_role(sa)] += 1

    def failure(self, version: IkeVersion, why: Reason) -> None:
        """Count a negotiation that came to nothing, by its reason."""
        self.failures[version, why.code.name.lower()] += 1


def _role(sa: Session) -> Role:
    return sa.version, sa.is_initiator
