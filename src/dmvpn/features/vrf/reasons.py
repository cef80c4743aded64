"""Why VRFs do not exist on the host."""

import enum

from dmvpn.base.reasons import ReasonCode


@enum.unique
class VrfReason(ReasonCode):
    """Kept with the refused order."""

    REFUSED = "the host refused the VRFs", "<error>"
