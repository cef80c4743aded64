"""The lines that open the section of a routing process, of the global table or of a VRF.

Those of EIGRP and RIP are in their features' configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.bgp.config import processes as bgp_lines
from dmvpn.features.ospf.config import processes as ospf_lines

if TYPE_CHECKING:
    from dmvpn.features.ospf.facts import OspfFacts
    from dmvpn.router.facts import RouterFacts


def ospf_process(process: OspfFacts) -> str:
    """Return the line that opens an OSPF process."""
    within = {"vrf": process.vrf} if process.vrf else {}
    return ospf_lines.ROUTER.of(number=process.process, **within)


def bgp_neighbors(facts: RouterFacts) -> tuple[str, ...]:
    """Return the lines that open BGP's section with the neighbors: in a VRF its address family."""
    within = (bgp_lines.VRF_FAMILY.of(vrf=facts.vrf),) if facts.vrf else ()
    return (bgp_lines.ROUTER.of(number=facts.bgp.local_as), *within)
