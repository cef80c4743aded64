"""Events of this feature: what people order. All else that happens to NHRP is in `base.events` and `base.notices`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.base.events import Event

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress, Prefix


@dataclass(frozen=True, slots=True)
class ClearCache(Event):
    """`clear ip nhrp [A.B.C.D]`: forget what was learned, all of it or one target. What is configured stays.

    version: of IP.
    """

    target: Prefix | None = None
    version: int = 4


@dataclass(frozen=True, slots=True)
class ClearCounters(Event):
    """`clear ip nhrp [A.B.C.D] counters [interface X]`: the numbers of `show ip nhrp traffic` and `nhs detail`.

    server: those about this next hop server alone. version: of IP.
    """

    version: int = 4
    interface: str | None = None
    server: IPAddress | None = None


@dataclass(frozen=True, slots=True)
class ClearStatistics(Event):
    """`clear ip nhrp stats [X]`: the numbers of `show nhrp stats`, which are of both versions of IP."""

    interface: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearSessions(Event):
    """`clear dmvpn session ...`: forget peers and begin again with them. static: with servers too: register again."""

    interface: str | None = None
    nbma: IPAddress | None = None
    tunnel: IPAddress | None = None
    static: bool = False


@dataclass(frozen=True, slots=True)
class Withdraw(Event):
    """The router is going to be stopped in good order: servers and those who resolved us are to forget us."""
