"""The doctor's measure: faults and healthy variants from a seed, what they harm, and what the doctor says of them.

Run `python -m support.diagnoses --seed 7 --faults 300 --healthy 300` in the folder tests. Every miss is printed with
the name that makes it again: `--only 7/12`. A case is a network (built in, or drawn) and a fault in it.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final, TypeVar

from dmvpn.base.errors import UserError
from dmvpn.labs.proofs.draws import Measure
from dmvpn.labs.proofs.networks import FEW, HEALED, MANY, drawn, network_of, title
from dmvpn.labs.proofs.verdicts import (
    DoctorVerdict,
    broken_case,
    fault_of,
    healthy,
    judge,
    judged,
    near_of,
    orders_in_words,
    tried,
)
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.diff.measuring import worse
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.troubles import TROUBLES
from dmvpn.tools.troubles.branch import BRANCH
from dmvpn.tools.troubles.faults import Fault, copied, exchanged, fault, place_name, places, removed
from dmvpn.tools.troubles.further import FURTHER, UNLISTED
from dmvpn.tools.troubles.packet_lists import LISTS
from dmvpn.tools.troubles.plans import Plan
from dmvpn.tools.troubles.protection import AUTHENTICATION
from dmvpn.tools.troubles.stage import Stage
from dmvpn.tools.troubles.vrfs import VRFS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dmvpn.labs.proofs.networks import Case
    from dmvpn.tools.doctor.verdicts import Finding

T = TypeVar("T")

#: Draws of a second fault that has nothing to do with the first one.
_TRIES: Final = 20
#: How often a user who follows the doctor asks it.
_VISITS: Final = 3
#: A cloud of a hub and two spokes from which tests derive theirs.
PLAIN: Final = Plan(
    phase=3,
    hubs=1,
    spokes=2,
    routing="eigrp",
    protection="",
    mtu=1400,
    key=7,
    authentication=True,
    server_lines=False,
    stubs=False,
)


def known_fault(stage: Stage, name: str) -> Fault:
    """Return the fault of this name, as `Fault.id` has it: "psk@R31,R41,R11". Raises UserError."""
    trouble_id, _, place = name.partition("@")
    standing = next((one for one in places(stage) if place_name(one) == place), None)
    if standing is None:
        raise UserError(f"nobody plays {place} in {stage.scenario.name}")
    lines = (one for kind in (removed, copied, exchanged) for one in kind(standing))
    known = next(
        (
            one
            for one in (*TROUBLES, *FURTHER, *AUTHENTICATION, *UNLISTED, *VRFS, *LISTS, *BRANCH, *lines)
            if one.id == trouble_id
        ),
        None,
    )
    found = fault(known, standing) if known is not None else None
    if found is None:
        raise UserError(f"{name} does not fit {stage.scenario.name}")
    return found


def ill_of(scenario: Scenario, *names: str) -> Case:
    """Return a network some minutes after the faults of these names. Raises UserError."""
    stage = Stage.of(scenario)
    return broken_case(scenario, *(known_fault(stage, name) for name in names))[0]


def judged_of(name: str, scenario: Scenario, known: str) -> DoctorVerdict:
    """Return a network with the fault of this name, from the beginning to the verdict. Raises UserError."""
    return judged(name, scenario, known_fault(Stage.of(scenario), known))


def network(what: Plan | str) -> Scenario:
    """Return a network that is built in, or one of a plan."""
    return Scenario.load(what) if isinstance(what, str) else drawn(what)


def follow(case: Case, findings: Sequence[Finding]) -> list[Finding]:
    """Enter the lines of the first findings, and of those that are left after them, and return these. Raises UserError.

    Lines of several sections are a finding each. Lines that the reader must complete are left out.
    """
    followed: list[Finding] = []
    for turn in range(_VISITS):
        if turn:
            case.wait(HEALED)
            findings = visit(case.examined).findings
        chosen = [one for one in findings if not one.advice][:2]
        complete = [one for one in chosen if one.is_complete]
        for one in complete:
            case.bench.configure(one.router, list(one.fix))
        followed += complete
        if not complete:
            break
    return followed


# ------------------------------------------------------------------------------------------------ two at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """Two faults at once. ranks: of each among the findings, 0: not named. first: the first finding is one of them."""

    name: str
    network: str
    what: str
    ranks: tuple[int, int]
    found: tuple[str, ...]

    @property
    def first(self) -> bool:
        """Is the first finding one of the two?"""
        return 1 in self.ranks

    def __str__(self) -> str:
        return f"{self.name} {self.network}: {self.what}: ranks {self.ranks}: {'; '.join(self.found[:4])}"


def judge_two(name: str, most: int = MANY) -> Both | None:
    """Two faults that harm, each by itself, at two routers: what is said of them. None: one of them harms nobody."""
    scenario = network_of(name, most)
    stage = Stage.of(scenario)
    one = fault_of(f"{name}/one", stage)
    for number in range(_TRIES):
        other = fault_of(f"{name}/other/{number}", stage)
        if not _touched(one) & _touched(other):
            break
    else:
        return None
    near = (*near_of(one), *near_of(other))
    if any(not _harms(scenario, chosen, near) for chosen in (one, other)):
        return None
    case, _ = broken_case(scenario, one, other, near=near)
    case.rows()
    diagnosis = visit(case.examined)
    if not diagnosis.healthy:  # as `dmvpn doctor` does
        diagnosis = tried(case, diagnosis)
    findings = [finding for finding in diagnosis.findings if not finding.advice]
    first, second = (
        next((n for n, finding in enumerate(findings, 1) if chosen.is_named(finding.cause, finding.router)), 0)
        for chosen in (one, other)
    )
    said = tuple(f"{finding.cause.value}, {finding.router}: {finding.what}" for finding in findings)
    what = f"{one.id}: {orders_in_words(one)} and {other.id}: {orders_in_words(other)}"
    return Both(name=name, network=title(scenario), what=what, ranks=(first, second), found=said)


def _touched(chosen: Fault) -> set[str]:
    """Return the routers that anything is done to."""
    places = {str(getattr(order, "router", getattr(order, "gateway", ""))) for order in chosen.orders}
    links = {getattr(order, "link", "").partition(":")[0] for order in chosen.orders}
    return (places | links) - {""}


def _harms(scenario: Scenario, chosen: Fault, near: tuple[str, ...]) -> bool:
    case, well = broken_case(scenario, chosen, near=near)
    return bool(worse(case.rows(), well))


# ------------------------------------------------------------------------------------------------ the measure


def in_processes(judge: Callable[[str, int], T], draws: str, count: int, most: int, jobs: int) -> Iterator[T]:
    """Yield what so many draws of a seed come to. jobs: processes; 1: this one."""
    names = [f"{draws}/{number}" for number in range(count)]
    if jobs == 1:
        yield from (judge(name, most) for name in names)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(judge, names, [most] * count)


def options(*further: str) -> argparse.ArgumentParser:
    """Return the options that all measures have, and flags."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", default="1")
    parser.add_argument("--faults", type=int, default=10)
    parser.add_argument("--most", type=int, default=FEW)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", action="append", default=[])
    for flag in further:
        parser.add_argument(flag, action="store_true")
    return parser


def measure(seed: int | str, faults: int, well: int, most: int = MANY, *, jobs: int = 1) -> Measure:
    """So many of each."""
    broken = in_processes(judge, str(seed), faults, most, jobs)
    fine = in_processes(healthy, f"{seed}/well", well, most, jobs)
    return Measure([told(one) for one in broken], [told(one) for one in fine])


def measure_two(seed: str, pairs: int, most: int = MANY, *, jobs: int = 1) -> list[Both]:
    """Return so many pairs of faults, those left out of which one harms nobody."""
    return [one for one in in_processes(judge_two, f"{seed}/two", pairs, most, jobs) if one is not None]


def told(one: DoctorVerdict) -> DoctorVerdict:
    """Print a miss."""
    if one.missed:
        print(one, flush=True)
    return one


def main() -> None:
    """Print it."""
    parser = options()
    parser.add_argument("--healthy", type=int, default=10)
    parser.add_argument("--two", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.only:
        for name in arguments.only:
            print(healthy(name, arguments.most) if "/well/" in name else judge(name, arguments.most))
        return
    if arguments.two:
        pairs = measure_two(arguments.seed, arguments.two, arguments.most, jobs=arguments.jobs)
        print("\n".join(str(one) for one in pairs if 0 in one.ranks or not one.first))
        first, both = (sum(found) for found in ((one.first for one in pairs), (0 not in one.ranks for one in pairs)))
        print(f"{len(pairs)} pairs: one of them first {first}, both named {both}")
        return
    found = measure(arguments.seed, arguments.faults, arguments.healthy, arguments.most, jobs=arguments.jobs)
    print("\n".join(found.lines()))


if __name__ == "__main__":
    main()
