"""Why the host does not have a route."""

import enum

from dmvpn.base.reasons import ReasonCode


@enum.unique
class RibReason(ReasonCode):
    """Kept with the refused order."""

    REFUSED = "the host refused the route", "<error>"
