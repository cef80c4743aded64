"""Lines of BGP's debugs, for `dmvpn explain`."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, words

GROUPS: Final = words(WordKind.DEBUG)("""
    ## lines of debug ip bgp updates :: debug ip bgp updates, show logging [RFC 4271 §4.3] next: show ip bgp neighbors
    BGP(0): <neighbor> rcvd UPDATE w/ attr: <attributes> :: An UPDATE came from the neighbor; the prefixes with these
        attributes follow, one on a line.
    BGP(0): <neighbor> rcvd <prefix> :: The neighbor advertises this prefix.
    BGP(0): <neighbor> rcv UPDATE about <prefix> -- withdrawn :: The neighbor withdraws this prefix.
    BGP(0): (base) <neighbor> send UPDATE (format) <prefix>, <attributes> :: We advertise this prefix.
    BGP(0): (base) <neighbor> send unreachable (format) <prefix> :: We withdraw this prefix.
    BGP(0): updgrp <number> - <neighbor> updates replicated to <number> others :: The other members of the neighbor's
        update group are sent the same UPDATEs.

    ## lines of debug ip bgp :: debug ip bgp, show logging next: show ip bgp neighbors
    BGP: <neighbor> went from <state> to <state> :: The session with the neighbor moved. [RFC 4271 §8]
    BGP: <neighbor> <send|rcv> OPEN, <what> :: An OPEN left or came. [RFC 4271 §4.2]
    BGP: <neighbor> <send|rcv> KEEPALIVE :: A KEEPALIVE left or came. [RFC 4271 §4.4]
    BGP: <neighbor> <send|rcv> NOTIFICATION <code> (<words>) :: The session ends. [RFC 4271 §4.5]
    BGP: <neighbor> <send|rcv> REFRESH_REQ for afi/safi: <family> :: All routes are asked for again. [RFC 2918]
    """)
