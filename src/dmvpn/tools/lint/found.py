"""What a rule about several routers finds: a concern, whose it is, and which other lines belong to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.findings import Concern, Rule, Severity
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.network.device import Device


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
