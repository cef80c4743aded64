"""What VRFs print, explained for `dmvpn explain`. Imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import log, log_group, reason, reason_group
from dmvpn.features.vrf import messages
from dmvpn.features.vrf.reasons import VrfReason

_DETAIL: Final = "show vrf detail"

_LOGS = log_group(
    "VRFs",
    log(messages.NotSeparated, "When the host refuses the order.", next=_DETAIL),
)
_REASONS = reason_group(
    "VRFs",
    (_DETAIL,),
    reason(
        VrfReason.REFUSED,
        "The host cannot keep tables of routes apart, or must not; its own words follow. The order is given again, "
        "later and later.",
    ),
    next="show logging",
)

GROUPS: Final = (_LOGS, _REASONS)
