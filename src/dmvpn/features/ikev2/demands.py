"""Which peers somebody wants SAs with, and how far that is.

wanted --> trying --> there
  ^          |          |
  +-- rests -+----------+   after a failure 1, 2, 4 ... 64 s, and some more by chance
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import fraction
from dmvpn.base.notices import NegotiationChanged
from dmvpn.base.reasons import Reason
from dmvpn.features.ikev2.reasons import IkeReason

if TYPE_CHECKING:
    from dmvpn.base.entropy import Entropy
    from dmvpn.base.notices import Notice
    from dmvpn.base.protection import ProtectionPhase
    from dmvpn.features.ikev2.connections import Ends

#: Seconds between two attempts at most, and how much chance adds to each such pause.
LONGEST_REST: Final = 64.0
_SPREAD: Final = 0.25
#: Who was there for so many seconds and is gone is tried again at once; who goes at once, after a rest.
STEADY: Final = 10.0
#: Seconds until what is gone is tried again: the other end often does the same.
_SOON: Final = 0.2


@dataclass(slots=True)
class Demand:
    """policies: names of the IPsec profiles that want it. attempt: own SPI of our IKE SA that is to bring it.

    port: by which a NAT leads to the peer's port 4500; several peers may be behind one address. 0: none is known, and
    whoever has the address will do. missed: attempts that came to nothing, one after the other; failures: these, and
    SAs that did not last. refused: why the peer came to nothing when it began; it may tell what the peer does not.
    """

    ends: Ends
    port: int = 0
    policies: dict[str, None] = field(default_factory=dict)
    attempt: bytes | None = None
    failures: int = 0
    missed: int = 0
    there_since: float | None = None
    refused: Reason | None = None
    reason: Reason | None = None
    _said: tuple[ProtectionPhase, str] | None = None

    def say(self, phase: ProtectionPhase) -> list[Notice]:
        """Tell IPsec how far it is, if that is news. What is there says so by its SAs."""
        news = (phase, str(self.reason or ""))
        if news == self._said:
            return []
        self._said = news
        return [NegotiationChanged(*self.ends, phase, self.reason, self.port)]

    def succeeded(self, now: float) -> None:
        """There are SAs, whoever began."""
        if self.there_since is None:
            self.there_since = now
        self.attempt = self.reason = self._said = None
        self.missed, self.refused = 0, None

    def lost(self, now: float, entropy: Entropy) -> float:
        """What was there is gone: when to try again."""
        since, self.there_since = self.there_since, None
        if since is None:  # an attempt was given up for the sake of another one
            return now + _SOON * fraction(entropy)
        if now - since >= STEADY:
            self.failures = 0
        if self.failures == 0:
            self.failures = 1
            return now + _SOON * fraction(entropy)
        return self._rest(now, entropy)

    def failed(self, why: Reason, now: float, entropy: Entropy) -> float:
        """An attempt came to nothing: when to try again."""
        self.attempt = self.there_since = None
        self.missed += 1
        told = self.refused
        failure = why if told is None else Reason(IkeReason.FAILED_AS_RESPONDER, (why, told))
        self.reason = replace(failure, since=now)
        return self._rest(now, entropy)

    def _rest(self, now: float, entropy: Entropy) -> float:
        rest: float = min(2.0**self.failures, LONGEST_REST)
        self.failures = min(self.failures + 1, 10)
        return now + rest * (1 + _SPREAD * fraction(entropy))
