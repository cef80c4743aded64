"""Why IKE came to no SAs with a peer."""

from __future__ import annotations

import enum

from dmvpn.base.reasons import ReasonCode


@enum.unique
class IkeReason(ReasonCode):
    """Kept with the peers that somebody wants SAs with."""

    FAILED = "<why>", "<refused>"
