"""The lines that open BGP's section, of the global table or of a VRF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.bgp.config import processes as bgp_lines

if TYPE_CHECKING:
    from dmvpn.router.facts import RouterFacts


def bgp_neighbors(facts: RouterFacts) -> tuple[str, ...]:
    """Return the lines that open BGP's section with the neighbors: in a VRF its address family."""
    within = (bgp_lines.VRF_FAMILY.of(vrf=facts.vrf),) if facts.vrf else ()
    return (bgp_lines.ROUTER.of(number=facts.bgp.local_as), *within)
