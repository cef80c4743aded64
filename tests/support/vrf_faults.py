"""The doctor's measure of VRFs: every mechanism of `VRFS` in clouds that have a front door, an inside VRF, or both.

Run `python -m support.vrf_faults` in the folder tests: it prints each case, and the table.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.labs.copied import CopiedLab
from dmvpn.labs.proofs.judging import Judged, judged
from dmvpn.labs.proofs.measure import Measure
from dmvpn.labs.proofs.networks import drawn
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor import visit
from dmvpn.tools.remedies import Search, attempt, searched
from dmvpn.tools.remedies.unforeseen import is_unexplained
from dmvpn.tools.troubles import VRFS, Fault, Plan, Stage, Vrfs, fault
from support.diagnoses import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.labs.proofs.case import Case
    from dmvpn.tools.doctor import Diagnosis

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
    what = CLOUDS[name]
    return Scenario.load(what) if isinstance(what, str) else drawn(what)


def cases() -> Iterator[tuple[str, Fault]]:
    """Yield every mechanism in every cloud that it fits."""
    for name in CLOUDS:
        stage = Stage.of(cloud(name))
        for known in VRFS:
            found = fault(known, stage)
            if found is not None:
                yield name, found


def with_trials(case: Case) -> Diagnosis:
    """Return what the doctor says with its lines tried in a copy, and with a search where nothing explains it."""
    running = case.as_it_runs()
    diagnosis = attempt(visit(case.patient), CopiedLab(running))
    return searched(diagnosis, Search(running, CopiedLab)) if is_unexplained(diagnosis) else diagnosis


def judge(name: str, chosen: Fault) -> Judged:
    """Return a cloud with a fault, from the beginning to the verdict."""
    return judged(name, cloud(name), chosen, with_trials)


def main() -> None:
    """Print all of them, and the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", action="append", default=[], help="a mechanism, or a cloud")
    arguments = parser.parse_args()
    found = Measure()
    for name, chosen in cases():
        if not arguments.only or {name, chosen.trouble.id} & set(arguments.only):
            found.faults.append(judge(name, chosen))
            print(found.faults[-1], flush=True)
    print("\n".join(found.lines()))


if __name__ == "__main__":
    main()
