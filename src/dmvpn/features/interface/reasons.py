"""Why an interface is down, or not as it is configured."""

import enum

from dmvpn.base.reasons import ReasonCode


@enum.unique
class InterfaceReason(ReasonCode):
    """Kept as `InterfaceState.reason`, and with refused orders."""

    REFUSED = "the host refused the interface's state", "<error>"
    ONLY_IPV4 = "this data plane carries IPv4 only"
    NO_IPV6 = "this host does not let the router carry IPv6", "<why>"
    SHUT = "administratively down"
    UNDECIDED = "the tunnel is not set up yet"
    MISSING = "this system has no such interface"
    NO_CARRIER = "no carrier"
    NO_LEASE = "no address yet", "a DHCP client of the host has to get it; this router has none"
    UNANSWERED = "no lease yet", "no DHCP server has leased one to this interface"
    OTHER_ADDRESS = "the host uses another address", "configured <address>/<length>, the host has <address>/<length>"
