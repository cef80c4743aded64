"""How many negotiations of IKE there were, and what came of them: for metrics. Nothing clears it.

A negotiation is one of an IKE SA or of a child SA. An IKE SA that replaces another one counts as a rekey, of IKEv1 as a
negotiation, because there it is one.

`IkeCounts` has the numbers of `show crypto ikev2 stats`.
"""

from __future__ import annotations

from collections import Counter

from dmvpn.base.events import Event
from dmvpn.base.protection import IkeStats, IkeVersion
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value
from dmvpn.features.ike.session import ChildMade, Ended, Established, Output, Replaced, Session

# -------------------------------------------------------------------------------------------- `show crypto ikev2 stats`


class ClearIkeStats(Event, Value):
    """`clear crypto ikev2 stats`: the numbers of `show crypto ikev2 stats` begin at zero."""


class IkeCounts:
    """What IKE counts, by the names of `IkeStats`."""

    def __init__(self) -> None:
        self._counted: Counter[str] = Counter()

    @property
    def view(self) -> IkeStats:
        """The numbers, for shows."""
        return IkeStats(**self._counted)

    def begun(self) -> None:
        """Count an IKE SA that we ask for."""
        self._counted["outgoing"] += 1

    def drop(self) -> None:
        """Count a datagram that no IKE SA takes."""
        self._counted["dropped"] += 1

    def came(self, *, by_cookie: bool) -> None:
        """Count a stranger.

        by_cookie: it had to return one.
        """
        self._counted["incoming"] += 1
        self._counted["cookies_accepted"] += by_cookie

    def rejected(self) -> None:
        """Count a stranger with which there is nothing in common."""
        self._counted["incoming_rejected"] += 1

    def challenge(self, *, had_cookie: bool) -> None:
        """Count a stranger that must return a cookie.

        had_cookie: a wrong one.
        """
        self._counted["challenged"] += 1
        self._counted["cookies_rejected"] += had_cookie

    def limited(self) -> None:
        """Count a stranger that was refused because there are too many."""
        self._counted["incoming_rejected"] += 1
        self._counted["refused_by_limit"] += 1

    def established(self, sa: Session) -> None:
        """Count an SA of which both sides have proved who they are."""
        if sa.is_initiator:
            self._counted["outgoing_accepted"] += 1
        else:
            self._counted["incoming_accepted"] += 1

    def ended(self, sa: Session) -> None:
        """Count an IKE SA that is gone; if the peer had not proved itself, the request for it came to nothing."""
        if sa.is_initiator and not sa.evidence.by:
            self._counted["outgoing_rejected"] += 1
        elif not sa.evidence.by:
            self._counted["incoming_rejected"] += 1


# ------------------------------------------------------------------------------------------------ metrics


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

    def count(self, output: Output) -> None:
        """Count what happened to an IKE SA."""
        match output:
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
