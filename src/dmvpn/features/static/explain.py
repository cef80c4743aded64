"""What the prompt answers to static routes, explained for `dmvpn explain`. Imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import answer_group, label_group, words

_ANSWERS = answer_group(
    "static routes",
    *words("""
    %Inconsistent address and mask :: The address has bits set behind the mask.
    %Invalid next hop: Null0 has no neighbors :: Null0 drops packets; an address behind it means nothing.
    % Interface has to be specified for a link-local nexthop :: A next hop that begins with FE80 may be on any link: the
        line has to name the interface. [RFC 4007 §6]
    % For VPN routes, must specify a next hop IP address if not a point-to-point interface :: A static route of a VRF
        out of an Ethernet has to name the neighbor there, too.
    """),
    next="show running-config",
)

_TABLE = label_group(
    "labels of static routes",
    ("show ip static route",),
    Word("Codes", "What the letters mean.", also=("Codes in",)),
    Word("Manual static", "M: a line of the configuration."),
    Word("active", "[A]: packets follow it."),
    Word("non-active", "[N]: another route is better, or its next hop cannot be reached."),
    Word("Static local RIB for", "The static routes, whether they are used or not."),
    Word("via", "The interface, the next hop, or both, as configured."),
    next="show ip route static",
)

_TRACKED = label_group(
    "static routes that follow tracked objects",
    ("show ip route track-table",),
    Word("state is", "Whether the object is up: while it is down, there is no such route.", also=("up", "down")),
    Word("track", "The number of the object.", also=("ip route", "vrf", "name"), next="show track"),
    next="show track",
)

GROUPS: Final = (_ANSWERS, _TABLE, _TRACKED)
