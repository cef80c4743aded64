"""Events of this feature: what people order. All else that happens to NHRP is in `base.events` and `base.notices`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.base.events import Event

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress, Prefix


@dataclass(frozen=True, slots=True)
class ClearCache(Event):
    """`clear ip nhrp [A.B.C.D]`: forget what was learned, all of it or one target. What is configured stays."""

    target: Prefix | None = None


@dataclass(frozen=True, slots=True)
class ClearCounters(Event):
    """`clear ip nhrp counters`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearSessions(Event):
    """`clear dmvpn session ...`: forget peers and begin anew with them. static: with servers too: register again."""

    interface: str | None = None
    nbma: IPAddress | None = None
    tunnel: IPAddress | None = None
    static: bool = False


@dataclass(frozen=True, slots=True)
class Withdraw(Event):
    """The router is going to be stopped in good order: take our registrations back from the servers."""
