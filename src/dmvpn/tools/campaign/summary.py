"""What many runs come to, in the same numbers whatever order their results come in.

An outage is the longest time after the beginning or the end of a fault at which a packet of the run was lost and the
fault excused it: how much of its bound the network needed. A run has one for each kind of fault that cost a packet.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.judge.work import Result

#: Outages are counted by tenths of a second.
_TENTHS: Final = 10
#: Digits of the hash of all runs.
_DIGITS: Final = 16


@dataclass(slots=True)
class NetworkTally:
    """The runs of one network with one set of variants."""

    runs: int = 0
    failed: int = 0
    router_hours: float = 0.0
    faults: int = 0
    sent: int = 0
    demanded: int = 0
    longest: float = 0.0


@dataclass(slots=True)
class Summary:
    """All results so far. outages: for each kind of fault how many runs had an outage of so many tenths of a second."""

    networks: dict[str, NetworkTally] = field(default_factory=dict)
    outages: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    longest: dict[str, float] = field(default_factory=dict)
    digests: dict[tuple[int, str], str] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Count one result."""
        task, verdict = result.task, result.verdict
        tally = self.networks.setdefault(task.name, NetworkTally())
        tally.runs += 1
        tally.failed += not verdict.ok
        tally.router_hours += verdict.router_hours
        tally.faults += len(verdict.faults)
        tally.sent += verdict.sent
        tally.demanded += verdict.demanded
        tally.longest = max([tally.longest, *verdict.longest.values()])
        for why, seconds in verdict.longest.items():
            self.outages[why][round(seconds * _TENTHS)] += 1
            self.longest[why] = max(self.longest.get(why, 0.0), seconds)
        self.digests[task.seed, task.name] = verdict.digest

    @property
    def digest(self) -> str:
        """The hash of all runs, in the order of their seeds."""
        lines = (f"{name} {seed} {digest}\n" for (seed, name), digest in sorted(self.digests.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:_DIGITS]

    @property
    def whole(self) -> NetworkTally:
        """All networks together."""
        rows = [self.networks[name] for name in sorted(self.networks)]
        return NetworkTally(
            runs=sum(row.runs for row in rows),
            failed=sum(row.failed for row in rows),
            router_hours=sum(row.router_hours for row in rows),
            faults=sum(row.faults for row in rows),
            sent=sum(row.sent for row in rows),
            demanded=sum(row.demanded for row in rows),
            longest=max((row.longest for row in rows), default=0.0),
        )

    def table(self) -> Iterator[str]:
        """Yield lines: a row for each network, and one for each kind of fault."""
        width = max(map(len, ("outage after", *self.networks, *self.outages)))
        yield f"{'network':<{width}}  runs  failed  router-hours  faults  judged  longest outage"
        for name in sorted(self.networks):
            row = self.networks[name]
            yield (
                f"{name:<{width}}  {row.runs:>4}  {row.failed:>6}  {row.router_hours:>12.1f}  {row.faults:>6}"
                f"  {share(row.demanded, row.sent):>6}  {row.longest:>12.1f} s"
            )
        if self.outages:
            yield ""
            yield f"{'outage after':<{width}}  runs    median      95 %   longest"
        for why in sorted(self.outages):
            counts = self.outages[why]
            seconds = (_quantile(counts, 0.5), _quantile(counts, 0.95), self.longest[why])
            yield f"{why:<{width}}  {counts.total():>4}" + "".join(f"  {each:>6.1f} s" for each in seconds)


def share(part: int, whole: int) -> str:
    """Return a share in percent, never rounded up."""
    return f"{100 * part // whole if whole else 0} %"


def _quantile(counts: Counter[int], part: float) -> float:
    """Return the outage, in seconds, that this part of the runs does not exceed."""
    left = part * counts.total()
    for tenths in sorted(counts):
        left -= counts[tenths]
        if left <= 0:
            return tenths / _TENTHS
    return 0.0
