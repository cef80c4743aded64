"""Why RIP exchanges nothing on an interface."""

import enum

from dmvpn.base.reasons import ReasonCode


@enum.unique
class RipReason(ReasonCode):
    """Reasons stored for each silent interface."""

    VERSION = "this build speaks RIP version 2 only", "`version 2` is missing"
    OWN_VERSION = "version 1 alone is to be sent here", "this build speaks version 2 only"
    NO_KEY_CHAIN = "authentication without a key chain", "nothing is exchanged unprotected"
    NO_KEY = 'key chain "<name>" has no key', "nothing is exchanged unprotected"
    NO_VALID_KEY = 'no key of key chain "<name>" is valid now', "nothing is sent unprotected"
