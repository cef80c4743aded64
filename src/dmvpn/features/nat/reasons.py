"""Why NAT overload does not run."""

import enum

from dmvpn.base.reasons import ReasonCode


@enum.unique
class NatReason(ReasonCode):
    """Kept with the refused order."""

    REFUSED = "the host refused to translate", "<error>"
