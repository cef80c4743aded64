"""What people do to BGP."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.base.events import Event

if TYPE_CHECKING:
    from ipaddress import IPv4Address


class Softness(enum.Enum):
    """How much of a session `clear ip bgp` ends."""

    HARD = "hard"
    SOFT = "soft"
    SOFT_IN = "soft in"
    SOFT_OUT = "soft out"


@dataclass(frozen=True, slots=True)
class ClearBgp(Event):
    """`clear ip bgp`. neighbor: this one, None: all of them (or those of `autonomous_system`, if that is not 0)."""

    neighbor: IPv4Address | None = None
    autonomous_system: int = 0
    softness: Softness = Softness.HARD
