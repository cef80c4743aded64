"""Why EIGRP accepts no packets of a neighbor, or sends none on an interface."""

from __future__ import annotations

import enum

from dmvpn.base.reasons import ReasonCode


@enum.unique
class EigrpReason(ReasonCode):
    """Stored as `Neighbor.refusal` and `EigrpInterface.blocked`."""

    HIDDEN = "the password of hmac-sha-256 cannot be read", "write it in clear (type 0)", "RFC 7868 §6.7.2"
    NO_KEY_CHAIN = "authentication without a key chain", "authentication key-chain is missing"
    NO_KEY = 'key chain "<name>" has no key', "no key-string in it"
    NO_VALID_KEY = 'no key of key chain "<name>" is valid now', "send-lifetime is over, or has not begun"
    WRONG_DIGEST = "the digest is wrong", "", "RFC 7868 §6.7.2"
    NO_DIGEST = "no digest", "", "RFC 7868 §6.7.2"
    OFF_HERE = "authentication is off here", "", "RFC 7868 §6.7.2"
