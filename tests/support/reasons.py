"""Reasons of no feature, for tests that care for the machine that keeps one and not for what it says."""

from __future__ import annotations

from dmvpn.base.reasons import Reason, ReasonCode


class MadeUp(ReasonCode):
    """Whatever a test wants to hear again."""

    BECAUSE = "<what>", "<evidence>"


def because(what: str, evidence: str = "", *, since: float = 0.0) -> Reason:
    """Return a reason in these words."""
    return Reason(MadeUp.BECAUSE, (what, evidence), since)
