"""A visit of the doctor: facts, probes, facts again, and the diagnosis. Only this file makes time pass.

facts -> probes (pings) -> facts: healthy? -> that is it
                                  else     -> some seconds, so that all counters are read -> facts -> diagnosis
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.errors import UserError
from dmvpn.shells.facts import LabFacts
from dmvpn.tools.doctor.examine import examine
from dmvpn.tools.doctor.probe_planning import follow_up_probes, in_vrfs, initial_probes, single_router_probes
from dmvpn.tools.doctor.probes import carry_out
from dmvpn.tools.doctor.scene import Scene
from dmvpn.tools.doctor.single_router import suspect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dmvpn.base.barriers import Barrier, Gap
    from dmvpn.base.facts import Address
    from dmvpn.tools.doctor.probes import Probe, ProbeResult
    from dmvpn.tools.doctor.verdicts import Diagnosis

#: Seconds until every router has polled its counters again.
BETWEEN_COUNTS: Final = 6.0


class Patient(Protocol):
    """A network that can be observed and queried."""

    def facts(self) -> LabFacts:
        """Return the current facts."""
        ...

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """Return the output of commands at routers' prompts; "" where one does not answer."""
        ...

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        ...

    def why(self, gap: Gap) -> Barrier | None:
        """Return why a route does not pass from a router to its neighbor; None: it does, or it is not known."""
        ...


def visit(
    patient: Patient,
    router: str | None = None,
    address: Address | None = None,
    *,
    one_end: bool = False,
    probing: bool = True,
) -> Diagnosis:
    """Examine the whole lab, a router, or its path to an address; one_end: as if only the router were in view.

    probing: pings may be sent. Raises UserError for an unknown router.
    """
    before = patient.facts()
    if router is not None and router not in before.routers:
        raise UserError(f"there is no router {router} in this lab; it has {', '.join(before.routers)}")
    if router is not None and (one_end or len(before.routers) == 1):
        return _from_one_end(patient, before, router, address, probing=probing)
    scene = Scene(before)
    planned = initial_probes(scene, router, address) if probing else ()
    answers = carry_out(in_vrfs(scene, planned), patient.ask)
    first = examine(Scene(patient.facts(), before, answers, patient.why), router, address)
    if not probing or all(one.advice for one in first.findings):
        return first
    more = carry_out(in_vrfs(scene, follow_up_probes(scene, first.findings)), patient.ask)
    answers = {**answers, **more}
    patient.wait(BETWEEN_COUNTS)
    return examine(Scene(patient.facts(), before, answers, patient.why), router, address)


def _from_one_end(patient: Patient, lab: LabFacts, router: str, address: Address | None, *, probing: bool) -> Diagnosis:
    before = alone(lab, router)
    answers: Mapping[Probe, ProbeResult] = {}
    if probing and before.routers[router] is not None:
        scene = Scene(before)
        answers = carry_out(in_vrfs(scene, single_router_probes(scene, router, address)), patient.ask)
    first = suspect(Scene(alone(patient.facts(), router), before, answers), router, address)
    if first.healthy or not probing:
        return first
    patient.wait(BETWEEN_COUNTS)
    return suspect(Scene(alone(patient.facts(), router), before, answers), router, address)


def alone(lab: LabFacts, router: str) -> LabFacts:
    """Return a lab as seen from one router."""
    return LabFacts(routers={router: lab.routers[router]}, gateways={}, links=())
