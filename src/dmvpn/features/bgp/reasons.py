"""Why there is no session with a neighbor."""

from dmvpn.base.reasons import ReasonCode


class BgpReason(ReasonCode):
    """Why we do not connect to a neighbor."""

    NO_ROUTE = "there is no route to the neighbor"
    NOT_CONNECTED = "an external neighbor must be on a connected network, or needs ebgp-multihop"
    NO_ADDRESS = "our end of the session has no address, or its line is down"
