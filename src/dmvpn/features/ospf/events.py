"""Events that OSPF's own commands make. Numbers of processes are unique on a router, whatever their VRFs."""

from __future__ import annotations

from typing import ClassVar

from dmvpn.base.events import Event
from dmvpn.base.values import dataclass


@dataclass(frozen=True, slots=True)
class ClearProcess(Event):
    """`clear ip ospf process`: neighbors are given up, and everything is learnt again. None: all processes."""

    vrf: ClassVar[None] = None  # for all tables
    number: int | None = None


@dataclass(frozen=True, slots=True)
class ForceCalculation(Event):
    """`clear ip ospf force-spf`: the routes are calculated again. None: of all processes."""

    vrf: ClassVar[None] = None  # for all tables
    number: int | None = None


@dataclass(frozen=True, slots=True)
class RefreshRedistribution(Event):
    """`clear ip ospf redistribution`: evaluate redistributed routes again. None: in all processes."""

    vrf: ClassVar[None] = None  # for all tables
    number: int | None = None


@dataclass(frozen=True, slots=True)
class ClearOspfCounters(Event):
    """`clear ip ospf counters` and the like. None: of all processes."""

    vrf: ClassVar[None] = None  # for all tables
    number: int | None = None
