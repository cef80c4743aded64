"""What the timers of IKE are for, and the deadlines of IKE SAs, which are under one of them."""

from __future__ import annotations

import enum
from typing import Final

#: Sessions whose time has come that are acted on in one event: a hub has thousands.
AT_ONCE: Final = 32


class TimerKind(enum.Enum):
    """What happens when a timer fires."""

    SAS = "act on IKE SAs: requests to repeat, lifetimes, silent peers, and their deadlines"
    ATTEMPT = "try again to get SAs that are wanted"
    ANSWERS = "have the plane count, because a peer does not answer"
    SILENCE = "have the plane count, because peers are watched that were not heard for long"


class Deadline(enum.Enum):
    """What is done about an IKE SA, besides what it does itself."""

    NAT_KEEPALIVE = "keep its translation alive, RFC 3948 §4"
    DUPLICATE = "delete it, if another one with the same peer stays"
    SURPLUS = "delete it: its identity has too many connections behind one address"
    BARREN = "delete it, if it has no child SA"
