"""Clouds for the mechanisms of `VRFS`: with a front door, an inside VRF, or both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.tools.troubles.setup import Vrfs
from support.diagnoses import PLAIN, network

if TYPE_CHECKING:
    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.troubles.plans import Plan

_BOTH: Final = Vrfs(front=True, inside=True)
#: Clouds by name: together they have every protocol, both versions of IKE, and every place of a VRF.
CLOUDS: Final[dict[str, Plan | str]] = {
    "eigrp-ikev2": replace(PLAIN, protection="ikev2", vrfs=_BOTH),
    "classic": replace(PLAIN, routing="eigrp-classic", vrfs=_BOTH),
    "ospf-ikev1": replace(PLAIN, routing="ospf", protection="ikev1", vrfs=_BOTH),
    "rip": replace(PLAIN, phase=2, routing="rip", vrfs=_BOTH),
    "ibgp": replace(PLAIN, routing="ibgp", vrfs=replace(_BOTH, redistributes=True)),
    "ebgp-ikev2": replace(PLAIN, routing="ebgp", protection="ikev2", vrfs=_BOTH),
    "static": replace(PLAIN, phase=2, routing="static", vrfs=_BOTH),
    "front": replace(PLAIN, protection="ikev2", vrfs=Vrfs(front=True)),
    "own-names": replace(PLAIN, routing="ospf", vrfs=Vrfs(inside=True, own_names=True)),
    "front-door": "front-door",
    "two-customers": "two-customers",
}


def cloud(name: str) -> Scenario:
    """Return the cloud of this name."""
    return network(CLOUDS[name])
