"""Why the line protocol of a tunnel is down."""

import enum

from dmvpn.base.reasons import ReasonCode


@enum.unique
class TunnelReason(ReasonCode):
    """Kept as `TunnelState.reason`."""

    SHUT = "administratively down"
    VRF = "the tunnel VRF does not exist", "`tunnel vrf <name>` needs a `vrf definition` with an `address-family ipv4`"
    SOURCE_VRF = (
        "the tunnel source is in another VRF than the outer packets",
        "<interface> is in <table>, not in <table>",
    )
    MODE = "this build has GRE over IPv4 and no other kind of tunnel", "<line>"
    SOURCE_OF_ROUTE = "this build takes no tunnel source from a route", "<line>"
    NOT_IPV4 = "this build has tunnels over IPv4 alone", "<line>"
    NO_SOURCE = "no tunnel source"
    NO_INTERFACE = "no output interface", "<source>"
    SOURCE_DOWN = "tunnel source interface down", "<interface>"
    SOURCE_WITHOUT_ADDRESS = "tunnel source interface has no IPv4 address", "<interface>"
    NO_DESTINATION = "no IPv4 tunnel destination address"
    UNPROTECTED = "nothing protects the tunnel", "profile <name>; nothing is sent in clear"
    RIVAL = (
        "received packets cannot be distinguished from those of <tunnel>",
        "both have the same source <address> and <key>: give each its own `tunnel key`, and the same key on its far "
        "ends",
        "RFC 2890 §2.1",
    )
    RECURSION = "recursive routing", "the route to the destination leads through the tunnel itself"
    REFUSED = "the host refused the tunnel", "<error>"
    KEEPALIVE = "keepalive timer expired", "<number> unanswered"
    NO_ROUTE = "no route to destination", "<address>"
    NO_ROUTE_IN_VRF = "no route to destination in the tunnel VRF", "<address>, VRF <name>"
