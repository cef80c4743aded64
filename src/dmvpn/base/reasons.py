"""Why something is not as it should be: kept with every state, read by shows, logs and the doctor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One clause for people, and what it rests on.

    what: "no reply from the next hop server". evidence: "4 registration requests since 10:42:07, none answered".
    clause: "RFC 2332 §5.2.3", or "" where no standard speaks. since: seconds, monotonic.
    """

    what: str
    evidence: str = ""
    clause: str = ""
    since: float = 0.0

    def __str__(self) -> str:
        return f"{self.what} ({self.evidence})" if self.evidence else self.what
