"""What a rule about several routers finds: a concern, whose it is, and which other lines belong to it.

differences    what tables of terms and duties find
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dmvpn.base.findings import Cause, Concern, Rule, Severity
from dmvpn.base.values import Value
from dmvpn.network.device import Device
from dmvpn.network.lines import indented
from dmvpn.network.overlay import Network
from dmvpn.network.terms.table import Disagreement, Failure, Table, disagreements


class NetworkConcern(Value):
    """A concern about `device`. related: lines of other routers, by their words."""

    device: Device
    concern: Concern
    related: tuple[tuple[Device, tuple[str, ...]], ...] = ()


def found(
    rule: Rule,
    device: Device,
    at: tuple[str, ...],
    what: str,
    fix: str = "",
    *,
    related: tuple[tuple[Device, tuple[str, ...]], ...] = (),
    severity: Severity | None = None,
    cause: Cause | None = None,
) -> NetworkConcern:
    """Return a finding at a place of a device's configuration: `NetworkConcern` and `Place` in one call."""
    return NetworkConcern(
        device, Concern(rule=rule, at=at, what=what, fix=fix, severity=severity, cause=cause), related
    )


def differences(network: Network, table: Table[Any]) -> Iterator[NetworkConcern]:
    """Yield the terms of a table on which ends do not agree, and the duties that fail."""
    yield from map(differing, disagreements(network.pairs, table))
    said: set[tuple[object, ...]] = set()  # looked up, never iterated
    for failure in (each for pair in network.pairs if table.duties for each in table.failures(pair)):
        if (key := (failure.duty, failure.odd, failure.what)) not in said:
            said.add(key)
            yield failed(failure)


def differing(one: Disagreement[Any], more: str = "", severity: Severity | None = None) -> NetworkConcern:
    """Return a term on which two ends do not agree. more: the end of the sentence."""
    what = one.sentence(one.odd.name, f"{one.right.device.hostname}'s {one.right.name}") + more
    fix, related = "\n".join(indented(one.fix)), ((one.right.device, one.related),)
    severity = Severity.ERROR if one.stops else severity
    return found(one.term.rule, one.odd.device, one.at, what, fix, related=related, severity=severity)


def failed(one: Failure[Any]) -> NetworkConcern:
    """Return a duty that fails."""
    related, severity = ((one.right.device, one.related),), Severity.ADVICE if one.is_mild else None
    fix = "\n".join(indented(one.fix))
    return found(one.duty.rule, one.odd.device, one.at, one.what, fix, related=related, severity=severity)
