"""What the prompt answers to static routes, explained for `dmvpn explain`. Imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words

_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of static routes :: the prompt next: show running-config
    %Inconsistent address and mask :: The address has bits set behind the mask.
    %Invalid next hop address :: The address of a group, of no station or of a router's own loopback is no neighbor.
    %Invalid next hop: Null0 has no neighbors :: Null0 drops packets; an address behind it means nothing.
    % Interface has to be specified for a link-local nexthop :: A next hop that begins with FE80 may be on any link: the
        line has to name the interface. [RFC 4007 §6]
    % For VPN routes, must specify a next hop IP address if not a point-to-point interface :: A static route of a VRF
        out of an Ethernet has to name the neighbor there, too.
    """)
_LABELS = words(WordKind.LABEL)("""
    ## labels of static routes :: show ip static route, show ipv6 static bfd next: show ip route static
    Codes | Codes in :: What the letters mean.
    Manual static :: M: a line of the configuration.
    active :: [A]: packets follow it.
    non-active :: [N]: another route is better, or its next hop cannot be reached.
    IPv6 Static routes Table | installed in RIB | distance | tag :: The static routes of
        IPv6; *: packets follow it.
    Reachable | Unreachable :: [R], [U]: whether BFD reaches the next hop, on which the routes below count.
    Static local RIB for :: The static routes, whether they are used or not.
    via :: The interface, the next hop, or both, as configured.

    ## static routes that follow tracked objects :: show ip route track-table next: show track
    state is | up | down :: Whether the object is up: while it is down, there is no such route.
    track | ip route | vrf | name :: The number of the object.
    """)

GROUPS: Final = groups(vars())
