"""The rows of a measurement: the traffic of each pair of LANs, and the rows that are worse or better than before.

For a world that is up and does not change; `measuring.measure` follows a world from its first packet on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.tools.diff.behavior import Behavior, ChangeVerdict, NetworkChange, Topic, compare
from dmvpn.tools.diff.measuring import talk_of
from dmvpn.tools.diff.probing import LARGEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.tools.diff.behavior import LanPair, Talk
    from dmvpn.tools.diff.measuring import Subject

#: What a row says of a pair.
TOPICS: Final = (Topic.REACHABILITY, Topic.WAY, Topic.LOSS, Topic.MTU, Topic.MSS)
#: A share of lost packets from which a pair counts as harmed; below it is a class of its own.
_LOSS: Final = 0.1
#: What `compare` has no row for: packets of 1500 octets that arrive in however many pieces.
_FULL: Final = "large packets"


@dataclass(frozen=True, slots=True)
class Rows:
    """The traffic of pairs: their talks, and the pairs whose packets of 1500 octets arrive, whole or in fragments."""

    talks: dict[LanPair, Talk]
    full: tuple[LanPair, ...]

    @classmethod
    def of(cls, subject: Subject, pairs: Sequence[LanPair]) -> Rows:
        """Let all pairs talk in a world that is up, and return the measurements."""
        talks = talk_of(subject, pairs)
        probing = subject.probing
        arrived = [pair for pair, talk in talks.items() if talk.arrives]
        numbers = {pair: probing.send(pair, length=LARGEST, whole=False) for pair in arrived}
        probing.settle()
        return cls(talks, tuple(pair for pair, number in numbers.items() if number in probing.arrivals(pair)))

    def loss(self, pair: LanPair) -> float:
        """Return the share that was lost."""
        talk = self.talks[pair]
        return talk.lost / talk.sent if talk.sent else 0.0


def worse(now: Rows, well: Rows) -> tuple[str, ...]:
    """Return the rows that are worse, by the rules of `dmvpn diff`: pair and topic. A little loss does not count."""
    found = [f"{one.subject} {one.topic.value}" for one in changes(well, now, ChangeVerdict.WORSE)]
    return (*found, *(f"{pair} {_FULL}" for pair in well.full if pair in now.talks and pair not in now.full))


def changes(before: Rows, after: Rows, verdict: ChangeVerdict) -> list[NetworkChange]:
    """Return the changes of `compare` with this verdict, for the topics of rows."""
    both = [pair for pair in after.talks if pair in before.talks]
    lossy = {str(pair) for pair in both if abs(after.loss(pair) - before.loss(pair)) > _LOSS}
    then, now = (Behavior(lans={}, registered=None, routed=None, talks=one.talks) for one in (before, after))
    return [
        one
        for one in compare(then, now)
        if one.verdict is verdict and one.topic in TOPICS and (one.topic is not Topic.LOSS or one.subject in lossy)
    ]
