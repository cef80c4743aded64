"""Why EIGRP takes no packets of a neighbor, or sends none on an interface."""

from __future__ import annotations

import enum

from dmvpn.base.reasons import ReasonCode


@enum.unique
class EigrpReason(ReasonCode):
    """Kept as `Neighbor.refusal` and `EigrpInterface.blocked`."""

    MODE = "authentication mode <mode> is not available", "nothing is sent in clear instead", "RFC 7868 §6.7.2"
    NO_KEY_CHAIN = "authentication without a key chain", "authentication key-chain is missing"
    NO_KEY = 'key chain "<name>" has no key', "no key-string in it"
    WRONG_DIGEST = "the digest is wrong", "", "RFC 7868 §6.7.2"
    NO_DIGEST = "no digest", "", "RFC 7868 §6.7.2"
    OFF_HERE = "authentication is off here", "", "RFC 7868 §6.7.2"
