"""Why a port does not filter."""

import enum

from dmvpn.base.reasons import ReasonCode


@enum.unique
class FilterReason(ReasonCode):
    """Kept with the refused order."""

    REFUSED = "the host refused to filter", "<error>"
    UNFILTERED = "the port is not filtered", "<error>"
