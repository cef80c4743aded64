"""GRE keepalives of a point-to-point tunnel: packets that the far end sends back by merely decapsulating them.

One goes out every `period` seconds, whether the line is up or not; `retries` without an answer take the line
down, the first answer puts it up again. (IOS; there is no RFC.)
"""

from __future__ import annotations

from dmvpn.base.values import dataclass


@dataclass(slots=True)
class Keepalive:
    """The keepalives of one tunnel.

    unanswered: sent since the last answer.
    counter: sent since the beginning.
    failed: after so many unanswered ones the far end counts as gone.
    """

    period: int
    retries: int
    unanswered: int = 0
    counter: int = 0
    failed: bool = False

    def send(self) -> None:
        """Send one more; those before it that were not answered count as lost."""
        self.failed = self.failed or self.unanswered >= self.retries
        self.unanswered += 1
        self.counter += 1

    def answered(self) -> None:
        """Count a returned keepalive."""
        self.unanswered = 0
        self.failed = False
