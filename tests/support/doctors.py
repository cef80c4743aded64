"""The doctor's proof: every trouble of the catalog in every network that it fits, what the doctor says, and the page.

Run `python -m support.doctors` in the folder tests to make `docs/reference/doctor.md` again: some minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from dmvpn.labs.proofs import networks as proofs
from dmvpn.router.passing import barrier
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor.verdicts import Diagnosis
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.troubles import TROUBLES
from dmvpn.tools.troubles.model import Role
from dmvpn.tools.troubles.orders import carry_out, fits, orders_for
from dmvpn.tools.troubles.protection import ISAKMP, PROTECTION
from dmvpn.tools.troubles.routing import PREFIXES, PROTOCOLS_TROUBLES
from dmvpn.tools.troubles.stage import Stage
from dmvpn.tools.troubles.underlay import SPOKE_PAIRS, WIRES
from support.bench import WorldBench
from support.conformance import ROOT
from support.texts import file_text
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Address, IPv6Address

    from dmvpn.base.barriers import Barrier, Gap
    from dmvpn.base.findings import Cause
    from dmvpn.shells.facts import LabFacts
    from dmvpn.tools.doctor.verdicts import Finding
    from dmvpn.tools.troubles.model import Trouble

PAGE = ROOT / "docs" / "reference" / "doctor.md"
#: Phase 3 in IKEv1, where faults of protection alone are tried.
IN_IKEV1 = "isakmp-phase3"
#: Phase 1, phase 3, phase 3 with IPsec, two hubs, spokes behind translators, IKEv1.
NETWORKS = ("notes-phase1", "notes-phase3", "intro-phase3", "dual-hub", "ipsec-both-behind-nat", IN_IKEV1)
#: Virtual seconds until timers have acted.
LATER = 180.0
#: A tunnel that comes and goes; a hub among two; SAs that come and go.
_ALWAYS = (
    ("recursion", "notes-phase3"),
    ("recursion", "dual-hub"),
    ("nhs-nbma", "dual-hub"),
    ("address-conflict", "ipsec-both-behind-nat"),
)
#: What the proof asks for: of at least so many faults so many named first, and among the first so many from one end.
FAULTS, NAMED, SUSPECTED, AMONG = 40, 38, 32, 3

#: What the page is about; what came since is measured by `support.diagnoses`.
_PROVED = [known for known in TROUBLES if known not in (*WIRES, *SPOKE_PAIRS, *PREFIXES, *PROTOCOLS_TROUBLES)]
_STAGES = {name: Stage.of(Scenario.load(name)) for name in NETWORKS}


class ExaminedWorld:
    """A simulated world that the doctor examines. blind: the lab keeps to itself what was done to its wires."""

    def __init__(self, world: World, *, blind: bool = True) -> None:
        self.world = world
        self.blind = blind

    def facts(self) -> LabFacts:
        """Return how it is now."""
        facts = self.world.sim.facts(self.world.scenario)
        if not self.blind:
            return facts
        links = tuple(link.model_copy(update={"cut": False, "bad": ()}) for link in facts.links)
        return facts.model_copy(update={"links": links})

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """Return what commands print."""
        return WorldBench(self.world).ask(questions)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.world.run_for(seconds)

    def why(self, gap: Gap) -> Barrier | None:
        """Return why a route does not pass from a router to its neighbor."""
        routers = self.world.sim.routers
        return barrier(routers[gap.sender.router].router, routers[gap.receiver.router].router, gap)


def as_it_runs(world: World) -> Scenario:
    """Return the network with what its routers run; what a dead one would start with."""
    return proofs.as_it_runs(world.scenario, world.sim)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the doctor says of one trouble in one network.

    router: of the first finding, "" if there is none.
    rank: among the hypotheses of the spoke, 0: it is not one. advice: nobody feels it, and it is said all the same.
    """

    network: str
    trouble: Trouble
    cause: Cause | None
    router: str
    rank: int
    advice: bool = False

    @property
    def named(self) -> bool:
        """The first finding is the cause, at a router where it can be fixed."""
        places = [_STAGES[self.network].parts[part] for part in self.trouble.parts]
        return self.cause in self.trouble.causes and self.router in places

    @property
    def suspected(self) -> bool:
        """From the one end it is among the first."""
        return 0 < self.rank <= AMONG

    @property
    def row(self) -> str:
        """A row of the page."""
        found = f"{self.cause.value}, {self.router}" if self.cause is not None else "nothing"
        verdict = (", as advice" if self.advice else "") if self.named else " **(missed)**"
        rank = str(self.rank or "not named") + ("" if self.suspected else " **(missed)**")
        return f"| `{self.trouble.id}` | {self.network} | {found}{verdict} | {rank} |"


def cases() -> list[tuple[Trouble, str]]:
    """Return every trouble with every network of the proof that it fits."""
    return [(known, name) for known in _PROVED for name in _fitting(known)]


def _fitting(known: Trouble) -> list[str]:
    """Return the networks of the proof in which a trouble is tried."""
    is_of_ike = known in (*PROTECTION, *ISAKMP)
    return [name for name in NETWORKS if (is_of_ike or name != IN_IKEV1) and fits(known, _STAGES[name])]


def one_each() -> list[tuple[Trouble, str]]:
    """Every trouble in one network, so that all networks have their turn; and those that differ between networks."""
    given = [(known, name) for known in _PROVED for one, name in _ALWAYS if known.id == one]
    for number, known in enumerate(_PROVED):
        fitting = _fitting(known)
        turn = (known, fitting[number % len(fitting)]) if fitting else None
        if turn is not None and turn not in given:
            given.append(turn)
    return given


def broken(known: Trouble, network: str) -> ExaminedWorld:
    """A network some minutes after it was broken."""
    world = World(network).converge()
    world.run_for(20)
    carry_out(WorldBench(world), orders_for(known, _STAGES[network]))
    world.run_for(LATER)
    return ExaminedWorld(world)


def outcome(known: Trouble, network: str) -> Outcome:
    """Break it, ask the doctor with the whole lab in view, then again from the spoke alone."""
    examined = broken(known, network)
    first = next(iter(visit(examined).findings), None)
    spoke, goal = complaint(network)
    causes = [one.cause for one in visit(examined, spoke, goal, one_end=True).hypotheses]
    rank = next((place for place, cause in enumerate(causes, 1) if cause in known.causes), 0)
    if first is None:
        return Outcome(network, known, None, "", rank)
    return Outcome(network, known, first.cause, first.router, rank, advice=first.advice)


def complaint(network: str) -> tuple[str, IPv4Address | IPv6Address]:
    """The router at which somebody complains, and the destination of the packets: a computer at the other spoke."""
    stage = _STAGES[network]
    return stage.parts[Role.SPOKE], ip_address(stage.actor(Role.OTHER).host)


def healthy(network: str) -> list[tuple[str, Diagnosis]]:
    """Return what the doctor says of a network that is well: of the whole, and from each end."""
    world = World(network).converge()
    world.run_for(30)
    examined = ExaminedWorld(world)
    stage = _STAGES[network]
    ends = [(name, visit(examined, name, one_end=True)) for name in (*stage.hubs, *stage.spokes)]
    return [("the whole", visit(examined)), *ends]


#: Around the part that `support.proof_page` writes.
PROOF = ("<!-- proof: begin -->", "<!-- proof: end -->")
HEAD = file_text("doctor_findings.md")
CATALOG = file_text("doctor_catalog.md")


def page(outcomes: list[Outcome]) -> str:
    """Return the whole page. What `support.proof_page` wrote stays."""
    text = PAGE.read_text()
    proof = text[text.index(PROOF[0]) : text.index(PROOF[1])] + PROOF[1]
    return "\n".join([HEAD, proof, "", CATALOG, *summary(outcomes), *(one.row for one in outcomes), ""])


def summary(outcomes: list[Outcome]) -> list[str]:
    """Numbers, and the head of the table. A fault counts if it is found in each network that it fits."""
    by_id: dict[str, list[Outcome]] = {}
    for one in outcomes:
        by_id.setdefault(one.trouble.id, []).append(one)
    named = sum(all(one.named for one in found) for found in by_id.values())
    suspected = sum(all(one.suspected for one in found) for found in by_id.values())
    return [
        f"Of {len(by_id)} faults, in {len(outcomes)} cases:",
        "",
        f"- {named} are found first in every network, with the whole lab in view;",
        f"- {suspected} are among the first {AMONG} hypotheses in every network, from one end.",
        "",
        "| fault | network | found | from one end |",
        "| --- | --- | --- | --- |",
    ]


def no_advice(world: World) -> list[Finding]:
    """Return what the doctor finds broken, with the whole lab in view."""
    return [one for one in visit(ExaminedWorld(world)).findings if not one.advice]


def main() -> None:
    """Write the page."""
    outcomes = [outcome(*case) for case in cases()]
    PAGE.write_text(page(outcomes))
    print("\n".join(summary(outcomes)[:4]))


if __name__ == "__main__":
    main()
