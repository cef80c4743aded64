"""The doctor's measure of the mechanisms that are drawn apart (`FURTHER`): each case is a network and one of these.

Run `python -m support.further --seed 7 --faults 60` in the folder tests. With `--proofs`, of certificates, keys and
clocks (`AUTHENTICATION`), in clouds that have these.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import SeededEntropy, below
from dmvpn.base.errors import UserError
from dmvpn.labs.proofs.draws import Measure
from dmvpn.labs.proofs.networks import FEW, drawn, network_of
from dmvpn.labs.proofs.verdicts import DoctorVerdict, broken_case, judged
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.troubles.faults import Fault, fault, places
from dmvpn.tools.troubles.further import FURTHER, VERY_SLOW
from dmvpn.tools.troubles.plans import CERTIFICATES, plan_of
from dmvpn.tools.troubles.protection import AUTHENTICATION
from dmvpn.tools.troubles.stage import Stage
from support.diagnoses import options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.troubles.model import Trouble

#: Draws of what fits a network.
_TRIES: Final = 400


def further_of(name: str, stage: Stage, some: Sequence[Trouble] = FURTHER) -> Fault:
    """Return the fault of a draw. Raises UserError where nothing fits."""
    entropy = SeededEntropy(f"{name}/further")
    standing = tuple(places(stage))
    for _ in range(_TRIES):
        place = standing[below(entropy, len(standing))]
        found = fault(some[below(entropy, len(some))], place)
        if found is not None:
            return found
    raise UserError(f"nothing of this can go wrong in {stage.scenario.name}")


def judge(name: str, most: int = FEW) -> DoctorVerdict:
    """Return a network with a fault, from the beginning to the verdict."""
    scenario = network_of(name, most)
    return judged(name, scenario, further_of(name, Stage.of(scenario)))


def sealed_network(name: str, most: int = FEW) -> Scenario:
    """Return a cloud whose routers prove themselves: by certificates, if it is protected, and to their neighbors."""
    plan = plan_of(SeededEntropy(f"{name}/network"), most)
    routing = plan.routing if plan.routing != "static" else "eigrp"
    return drawn(replace(plan, routing=routing, protection=CERTIFICATES if plan.protection else "", sealed=True))


def judge_proof(name: str, most: int = FEW) -> DoctorVerdict:
    """Return a cloud with a fault of `AUTHENTICATION`, from the beginning to the verdict."""
    scenario = sealed_network(name, most)
    return judged(name, scenario, further_of(name, Stage.of(scenario), AUTHENTICATION))


def said_of_slow(name: str, most: int = FEW) -> tuple[str, ...]:
    """Return what is called broken in a network one of whose wires is very slow."""
    scenario = network_of(name, most)
    standing = list(places(Stage.of(scenario)))
    entropy = SeededEntropy(f"{name}/slow")
    draws = (fault(VERY_SLOW, standing[below(entropy, len(standing))]) for _ in range(_TRIES))
    slow = next(found for found in draws if found is not None)
    case, _ = broken_case(scenario, slow)
    return tuple(f"{one.cause.value}, {one.router}" for one in visit(case.examined).findings if not one.advice)


def print_all(judge: Callable[[str], DoctorVerdict], arguments: argparse.Namespace) -> None:
    """Print what each draw comes to, and the table."""
    found = Measure()
    for name in arguments.only or [f"{arguments.seed}/{number}" for number in range(arguments.faults)]:
        found.faults.append(judge(name))
        print(found.faults[-1], flush=True)
    print("\n".join(found.lines()))


def main() -> None:
    """Print all of them, and the table."""
    arguments = options("--proofs").parse_args()
    print_all(judge_proof if arguments.proofs else judge, arguments)


if __name__ == "__main__":
    main()
