"""The kinds of NHRP's timers, and the timers of each tunnel."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.context import Timer


class TimerKind(enum.Enum):
    """What happens when a timer fires."""

    REGISTER = "let an NHS client act, or choose other servers"
    EXPIRY = "let an entry go whose holding time is over"
    REFRESH = "ask again for an entry that is used"
    RETRY = "send a Resolution Request again that went unanswered"
    PURGE = "send a Purge Request again that went unanswered"
    PROBE = "let a path act"
    POLL = "look at the traffic counters"
    MULTICAST = "give the data plane the receivers of multicasts that came or went lately"
    NAME = "ask for a host name again"
    RETURN = "trust a server again that was silent and has answered for a while"
    REPLY = "send a reply by the hub for which the direct way did not come up"
    ORDER = "give orders again that the host refused"
    RECORD = "record further changes of entries"


@dataclass(slots=True)
class TunnelTimers:
    """The timers of one tunnel.

    fallback: leave a server in reserve. poll: `TimerKind.POLL`. multicast: `TimerKind.MULTICAST`.
    trust: `TimerKind.RETURN`.
    """

    fallback: Timer
    poll: Timer
    multicast: Timer
    trust: Timer
