"""The past of the routing table: the earlier routes of each prefix, for `show ip route at`.

A `Record` is a line of `show ip route` with times instead of ages, so one record gives the output at any moment
of its life. The show of the present is made of records, too.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from dmvpn.base.journal import Journal
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.effects import NextHop
    from dmvpn.base.notices import Route
    from dmvpn.base.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The best route of a prefix.

    since, override_since: seconds monotonic.
    leading: its usable next hops, in the protocol's own words.
    override: NHRP's, if it is used.
    """

    route: Route
    leading: tuple[NextHop, ...]
    since: float
    override: NextHop | None
    override_since: float
    failure: Reason | None


class Past:
    """The history of the table. started: when the router began to live."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._records: Journal[Prefix, Record] = Journal()
        self._runs_ipv6: Journal[None, bool] = Journal()

    def note(self, prefix: Prefix, record: Record | None, now: float) -> None:
        """Note the best route of a prefix, or that there is none."""
        self._records.note(prefix, record, now)

    def note_ipv6(self, runs: bool, now: float) -> None:
        """Note whether IPv6 runs on any interface: then there is a route for multicasts, which is in no table."""
        self._runs_ipv6.note(None, runs, now)

    @property
    def oldest(self) -> float:
        """The earliest moment that can be asked for, seconds."""
        journals = (self._records.oldest, self._runs_ipv6.oldest)
        return max([self._started, *(oldest for oldest in journals if oldest is not None)])

    def ran_ipv6(self, time: float) -> bool:
        """Return the last argument of `note_ipv6` before that moment."""
        return self._runs_ipv6.at(time).get(None, False)

    def at(self, time: float) -> list[Record]:
        """Return the records of that moment, sorted by prefix."""
        records = self._records.at(time).items()
        return [record for _, record in sorted(records, key=itemgetter(0))]
