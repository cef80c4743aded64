"""The question of a user, put to a copy of the network: do packets from a router reach an address there?

If a copy of the configurations loses them as well, the configurations are to blame, and the packet's path says where.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.errors import UserError
from dmvpn.tools.doctor.scene import Scene
from dmvpn.tools.doctor.verdicts import Copied, Finding, Step
from dmvpn.tools.walk import WalkOutcome, walk

if TYPE_CHECKING:
    from dmvpn.shells.facts import LabFacts
    from dmvpn.tools.doctor.verdicts import Diagnosis
    from dmvpn.tools.walk import WalkedPath

#: Findings that say no more than that packets do not arrive.
_FELT: Final = (Cause.UNDECIDED, Cause.NO_ROUTE_THERE)


def asked(diagnosis: Diagnosis, lab: LabFacts) -> Diagnosis:
    """Return the diagnosis of a path, with the place where a copy loses its packets. lab: the facts of the copy."""
    path = _lost(lab, diagnosis.routers[0], diagnosis.address)
    if path is None:
        return diagnosis
    findings = (_finding(path), *(one for one in diagnosis.findings if one.advice or one.cause not in _FELT))
    return replace(diagnosis, findings=findings, copied=Copied.ALIKE)


def _lost(lab: LabFacts, router: str, address: str) -> WalkedPath | None:
    """Return the direction in which packets between the site of a router and an address do not arrive."""
    scene = Scene(lab)
    facts = scene.of(router)
    site = scene.site_of(router, facts) if facts is not None else None
    host = next((name for name, one in lab.hosts.items() if one.router == router), "")
    there = next((name for name, one in lab.hosts.items() if one.address.ip == ip_address(address)), address)
    if site is None:
        return None
    try:
        found = walk(lab, host or str(site[1]), there)
    except UserError:
        return None
    both = [path for path in (found.forth, found.back) if path is not None]
    return next((path for path in both if path.end.outcome in (WalkOutcome.DROPPED, WalkOutcome.LOOP)), None)


def _finding(path: WalkedPath) -> Finding:
    """Return why the packet does not arrive: lists and VRFs may be meant."""
    end, question = path.end, path.question
    may_be_meant = end.listed or bool(end.apart)
    return Finding(
        step=Step.FILTER if end.listed else Step.ROUTING,
        cause=Cause.PACKET_FILTER if end.listed else Cause.NO_ROUTE_THERE,
        router=end.where,
        what=f"{question.source} does not reach {question.destination}: {end.why or end.outcome.value}",
        evidence=(f"a copy of these configurations loses the packet at {end.where}, too",),
        decide=f"are {question.source} and {question.destination} to be kept apart?" if may_be_meant else "",
        order=f"a VRF of {end.where} imports a route-target that VRF {end.apart} exports" if end.apart else "",
        mild=may_be_meant,
        apart=may_be_meant,
    )
