"""Why a route does not pass from a router to its neighbor, or from a VRF to another: asked of all routing protocols."""

from __future__ import annotations

from typing import Final

from dmvpn.base.barriers import Barrier, Gap, Side
from dmvpn.features.bgp import passing as of_bgp
from dmvpn.features.eigrp import passing as of_eigrp
from dmvpn.features.ospf import passing as of_ospf
from dmvpn.features.rib import passing as of_rib
from dmvpn.features.rip import passing as of_rip
from dmvpn.router.router import Router

_ASKED: Final = {
    "eigrp": of_eigrp.barrier,
    "rip": of_rip.barrier,
    "ospf": of_ospf.barrier,
    "bgp": of_bgp.barrier,
}


def barrier(sender: Router, receiver: Router, gap: Gap) -> Barrier | None:
    """Return why a route does not pass; None: it does, or no protocol connects the two."""
    here, there = _side(sender, gap.sender.vrf), _side(receiver, gap.receiver.vrf)
    if here is None or there is None:
        return None
    both = [name for name in _ASKED if name in here.machines and name in there.machines]
    answers = (_ASKED[name](here, there, gap) for name in both)
    found = next((one for one in answers if one is not None), None)
    unused = (of_rib.barrier(there, gap.prefix, name) for name in both)
    return found or next((one for one in unused if one is not None), None)


def _side(router: Router, vrf: str) -> Side | None:
    """Return the machines of a table, None: there is no such VRF."""
    if not vrf:
        return Side(router.machines, router.ports)
    found = router.vrfs.get(vrf)
    return Side(found.machines, found.ports) if found is not None else None
