"""Events of EIGRP's own commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.events import Event
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from ipaddress import IPv4Address


@dataclass(frozen=True, slots=True)
class ClearNeighbors(Event):
    """`clear ip eigrp neighbors`: reset adjacencies. None: all.

    soft: the adjacencies stay, and the table is sent again.
    """

    autonomous_system: int | None = None
    interface: str | None = None
    address: IPv4Address | None = None
    soft: bool = False
    vrf: str = ""


@dataclass(frozen=True, slots=True)
class ClearEvents(Event):
    """`clear ip eigrp events`. None: of all processes."""

    autonomous_system: int | None = None
    vrf: str = ""
