"""The typed configuration of VRFs."""

from __future__ import annotations

from dmvpn.base.values import dataclass


@dataclass(frozen=True, slots=True)
class VrfConfig:
    """The VRFs that have IPv4, sorted by name."""

    names: tuple[str, ...] = ()
