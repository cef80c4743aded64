"""How far IKE is with pairs of addresses that have no SAs, and why the last try came to nothing.

What is known of a wanted pair is kept until it has SAs. Of pairs that nobody here wants (a peer began, and failed) only
the latest are kept: anybody may begin.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.protection import Protected, ProtectionPhase

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.reasons import Reason

    Pair = tuple[IPAddress, IPAddress, int]  # local, remote, its UDP port, 0: any peer at the address

#: Pairs that nobody wants and that are remembered nevertheless.
LARGEST_UNWANTED: Final = 256
_NOTHING: Final = Protected(phase=ProtectionPhase.INTF)


class Negotiations:
    """By pair of addresses. A wanted pair counts as being negotiated, even before IKE says anything of it."""

    def __init__(self) -> None:
        self._wanted: dict[Pair, Protected] = {}
        self._unwanted: dict[Pair, Protected] = {}

    def state(self, pair: Pair) -> Protected:
        """Return how far a pair is."""
        return self._wanted.get(pair) or self._unwanted.get(pair) or _NOTHING

    def want(self, pair: Pair, wanted: bool, now: float) -> None:
        """Note whether the pair is wanted."""
        if not wanted:
            self._wanted.pop(pair, None)
            return
        known = self._unwanted.pop(pair, None)
        if known is None or known.phase == ProtectionPhase.INTF:
            known = _begun(now, known.reason if known is not None else None)
        self._wanted.setdefault(pair, known)

    def hear(self, pair: Pair, phase: ProtectionPhase, reason: Reason | None, now: float) -> None:
        """Take in how far IKE is. A reason is kept until another one comes, or SAs do: a new try is not a success."""
        before = self.state(pair)
        if pair in self._wanted and phase == ProtectionPhase.INTF:
            phase = ProtectionPhase.IKE  # it will be tried again
        state = Protected(
            phase=phase,
            reason=_since(before.reason, reason, now),
            since=before.since if before.phase == phase else now,
        )
        if pair in self._wanted:
            self._wanted[pair] = state
            return
        self._unwanted.pop(pair, None)
        if state.phase != ProtectionPhase.INTF or state.reason is not None:
            self._unwanted[pair] = state
        if len(self._unwanted) > LARGEST_UNWANTED:
            del self._unwanted[next(iter(self._unwanted))]

    def secured(self, pair: Pair, now: float) -> None:
        """Forget what was wrong with a pair that has SAs now."""
        self._unwanted.pop(pair, None)
        if pair in self._wanted:
            self._wanted[pair] = _begun(now)


def _begun(now: float, reason: Reason | None = None) -> Protected:
    return Protected(phase=ProtectionPhase.IKE, reason=reason, since=now)


def _since(before: Reason | None, reason: Reason | None, now: float) -> Reason | None:
    """Return the reason to keep: the latest one, with the time at which it came up first."""
    if reason is None:
        return before
    if before is not None and before.says_the_same(reason):
        return before
    return replace(reason, since=now)
