"""What a rule about several routers finds: a concern, whose it is, and which other lines belong to it.

differences    what tables of terms find
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dmvpn.base.findings import Concern, Rule, Severity
from dmvpn.base.values import dataclass
from dmvpn.network.terms.table import disagreements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.network.device import Device
    from dmvpn.network.overlay import Network
    from dmvpn.network.terms.table import Table


@dataclass(frozen=True, slots=True)
class NetworkConcern:
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
) -> NetworkConcern:
    """Return a finding at a place of a device's configuration: `NetworkConcern` and `Place` in one call."""
    return NetworkConcern(device, Concern(rule=rule, at=at, what=what, fix=fix, severity=severity), related)


def differences(network: Network, table: Table[Any]) -> Iterator[NetworkConcern]:
    """Yield the terms of a table on which ends do not agree."""
    for one in disagreements(network.pairs, table):
        what = one.sentence(one.odd.name, f"{one.right.device.hostname}'s {one.right.name}")
        yield found(
            one.term.rule, one.odd.device, one.at, what, as_text(one.fix), related=((one.right.device, one.related),)
        )


def as_text(lines: tuple[str, ...]) -> str:
    """Return lines as text: the first one opens their section."""
    return "\n ".join(lines)
