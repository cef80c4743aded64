"""Troubles: faults that learners have to find, and that tests of the doctor inject.

    acts            the changes to a network, as templates
    stage           the roles of the routers in a network
    trouble         one fault with its story
    pieces          sentences, commands and lines that several of them have
    underlay, tunnels, nhrp, routing, protection, isakmp    the catalog
    wires, spoke_pairs, prefixes, protocols         more of it: bad wires, pairs of spokes, networks, OSPF, BGP and RIP
    lines           changes of any line
    orders          a trouble in one network, as orders to a `Bench`; rewrites: lines that no template can say
    faults          a trouble at each place of a network
    networks        networks from a seed
    plans           more of them; routing_setup: the lines of their routing protocols
    further         mechanisms that are drawn separately: `FURTHER`
    authentication  mechanisms of certificates, keys, clocks and timers: `AUTHENTICATION`
    vrfs            mechanisms of VRFs, in clouds that have these (`vrf_setup`): `VRFS`
    packet_lists    mechanisms of packet filters, in clouds that have these (`list_setup`): `LISTS`
    unlisted        mechanisms without a rule of the doctor: `UNLISTED`

The causes that a diagnosis names are in `base/causes.py`, which the doctor shares.

`TROUBLES` are all of them, in the order in which a diagnosis would meet them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.tools.troubles.protection import ISAKMP, PROTECTION
from dmvpn.tools.troubles.routing import PREFIXES, PROTOCOLS_TROUBLES, ROUTING
from dmvpn.tools.troubles.spoke_pairs import SPOKE_PAIRS
from dmvpn.tools.troubles.tunnels import NHRP, TUNNELS
from dmvpn.tools.troubles.underlay import UNDERLAY, WIRES

if TYPE_CHECKING:
    from dmvpn.tools.troubles.model import Trouble

TROUBLES: Final = (
    *UNDERLAY,
    *TUNNELS,
    *PROTECTION,
    *ISAKMP,
    *NHRP,
    *ROUTING,
    *WIRES,
    *SPOKE_PAIRS,
    *PREFIXES,
    *PROTOCOLS_TROUBLES,
)


def trouble(name: str) -> Trouble:
    """Return the trouble with this id. Raises UserError."""
    for known in TROUBLES:
        if known.id == name:
            return known
    raise UserError(f"no trouble {name!r}; 'dmvpn lab break --list' has them all")
