"""Lines of BGP's debugs, for `dmvpn explain`."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import debug_group, words

_UPDATES = debug_group(
    "debug ip bgp updates",
    *words("""
    BGP(0): <neighbor> rcvd UPDATE w/ attr: <attributes> :: An UPDATE came from the neighbor; the prefixes with these
        attributes follow, one on a line.
    BGP(0): <neighbor> rcvd <prefix> :: The neighbor advertises this prefix.
    BGP(0): <neighbor> rcv UPDATE about <prefix> -- withdrawn :: The neighbor withdraws this prefix.
    BGP(0): (base) <neighbor> send UPDATE (format) <prefix>, <attributes> :: We advertise this prefix.
    BGP(0): (base) <neighbor> send unreachable (format) <prefix> :: We withdraw this prefix.
    BGP(0): updgrp <number> - <neighbor> updates replicated to <number> others :: The other members of the neighbor's
        update group are sent the same UPDATEs.
    """),
    next="show ip bgp neighbors",
    clause="RFC 4271 §4.3",
)

_SESSIONS = debug_group(
    "debug ip bgp",
    *words("""
    BGP: <neighbor> went from <state> to <state> :: The session with the neighbor moved. [RFC 4271 §8]
    BGP: <neighbor> <send|rcv> OPEN, <what> :: An OPEN left or came. [RFC 4271 §4.2]
    BGP: <neighbor> <send|rcv> KEEPALIVE :: A KEEPALIVE left or came. [RFC 4271 §4.4]
    BGP: <neighbor> <send|rcv> NOTIFICATION <code> (<words>) :: The session ends. [RFC 4271 §4.5]
    BGP: <neighbor> <send|rcv> REFRESH_REQ for afi/safi: <family> :: All routes are asked for again. [RFC 2918]
    """),
    next="show ip bgp neighbors",
)

GROUPS: Final = (_UPDATES, _SESSIONS)
