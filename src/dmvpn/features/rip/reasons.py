"""Why RIP exchanges nothing on an interface."""

from __future__ import annotations

import enum

from dmvpn.base.reasons import ReasonCode


@enum.unique
class RipReason(ReasonCode):
    """Kept for each interface that is silent."""

    VERSION = "this build speaks RIP version 2 only", "`version 2` is missing"
    AUTHENTICATION = "RIP authentication is configured and this build has none", "nothing is exchanged unprotected"
