"""Rules about tracked objects: tracked objects and operations must exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.findings import Concern, Rule, Severity, rule
from dmvpn.base.values import collected
from dmvpn.features.track.config import SCHEDULE
from dmvpn.features.track.model import TrackConfig, TrackKind

MISSING: Final = rule(Severity.WARNING)("""
    track-missing-object: A route or a list follows an object that is not configured
    A missing object is down: the route is never in the table, and a list counts the object as down.
    bad: ip route 0.0.0.0 0.0.0.0 192.0.2.1 track 7
    fix: track 7 interface GigabitEthernet1 line-protocol
    """)
NO_OPERATION: Final = rule(Severity.WARNING)(r"""
    track-missing-operation: A tracked operation of IP SLA is missing, or never begins
    Without `ip sla N` and `ip sla schedule N life forever start-time now` no probe is sent, so the object is down, and
    so is every route that follows it.
    bad: ip sla 1\n icmp-echo 192.0.2.1\ntrack 1 ip sla 1 reachability
    fix: ip sla schedule 1 life forever start-time now
    """)
RULES: Final = collected(Rule, vars())


def check(config: TrackConfig) -> Iterator[Concern]:
    """Yield tracked operations that never begin."""
    operations = {each.number: each for each in config.operations}
    for each in config.objects:
        follows = each.kind in (TrackKind.REACHABLE, TrackKind.STATE)
        operation = operations.get(each.operation) if follows else None
        if operation is not None and operation.after is None:
            what = f"operation {each.operation}, which object {each.number} follows, is never begun"
            schedule = SCHEDULE.line(number=each.operation, life=True, forever=True, start_time=True, now=True)
            yield Concern(rule=NO_OPERATION, at=(f"track {each.number}",), what=what, fix=schedule)
