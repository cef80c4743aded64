"""Troubles: faults that learners have to find, and that tests of the doctor inject.

    model           one fault with its story, and its acts: the changes to a network, as templates
    stage           the roles of the routers in a network
    underlay, tunnels, protection, routing    the catalog
    orders          a trouble in one network, as orders to a `Bench`
    faults          a trouble at each place of a network; changes of any line
    plans           networks from a seed; setup: their routing, packet filters and VRFs
    further         mechanisms that are drawn separately: `FURTHER`, and `UNLISTED`, without a rule of the doctor
    vrfs            mechanisms of VRFs, in clouds that have these (`setup`): `VRFS`
    packet_lists    mechanisms of packet filters, in clouds that have these (`setup`): `LISTS`

The causes that a diagnosis names are in `base/findings.py`, which the doctor shares.

`TROUBLES` are all of them, in the order in which a diagnosis would meet them.
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.errors import UserError
from dmvpn.tools.troubles.model import Trouble
from dmvpn.tools.troubles.protection import ISAKMP, PROTECTION
from dmvpn.tools.troubles.routing import PREFIXES, PROTOCOLS_TROUBLES, ROUTING
from dmvpn.tools.troubles.tunnels import NHRP, TUNNELS
from dmvpn.tools.troubles.underlay import SPOKE_PAIRS, UNDERLAY, WIRES

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
