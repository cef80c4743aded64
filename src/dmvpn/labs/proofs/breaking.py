"""Faults from a seed, and a network some minutes after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.labs.proofs.case import Case, well_rows
from dmvpn.labs.proofs.networks import network_of, title, traits
from dmvpn.tools.diff.measuring import worse
from dmvpn.tools.troubles import TROUBLES
from dmvpn.tools.troubles.faults import draw
from dmvpn.tools.troubles.orders import Run, Type, are_lines, carry_out
from dmvpn.tools.troubles.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.diff.measuring import Rows
    from dmvpn.tools.troubles.faults import Fault

#: Virtual seconds until timers have acted.
LATER: Final = 180.0
#: Draws until one is in lines: most are.
_TRIES: Final = 100


def fault_of(name: str, stage: Stage) -> Fault:
    """Return the fault of a draw."""
    return draw(TROUBLES, stage, SeededEntropy(f"{name}/fault"))


def line_fault_of(name: str, stage: Stage) -> Fault:
    """Return the first fault of a draw that is in configurations alone. Raises UserError if none comes."""
    entropy = SeededEntropy(f"{name}/fault")
    for _ in range(_TRIES):
        found = draw(TROUBLES, stage, entropy)
        if are_lines(found.orders):
            return found
    raise UserError(f"{name}: no fault in lines came")


def near_of(chosen: Fault) -> tuple[str, ...]:
    """Return the routers that have a part in a fault."""
    return tuple(dict.fromkeys(name for name in chosen.stage.parts.values() if name in chosen.stage.actors))


def ill(scenario: Scenario, *faults: Fault, near: Sequence[str] = ()) -> tuple[Case, Rows]:
    """Return a network some minutes after these faults, and its rows before them. Raises UserError."""
    case = Case(scenario, 1, near)
    well = well_rows(case)
    for chosen in faults:
        carry_out(case.bench, chosen.orders)
    case.wait(LATER)
    return case, well


def orders_in_words(chosen: Fault) -> str:
    return " | ".join(
        f"{one.router}: {' / '.join(one.lines)}" if isinstance(one, Type) else str(one)
        for one in chosen.orders
        if not isinstance(one, Run)
    )


@dataclass(frozen=True, slots=True)
class Broken:
    """A network some minutes after a fault. network: its title. well: the rows before. bad: the rows that it harms."""

    chosen: Fault
    network: str
    traits: tuple[str, ...]
    case: Case
    well: Rows
    bad: tuple[str, ...]


def broken(name: str, most: int) -> Broken:
    """Return the network of a draw with its fault. Raises UserError."""
    scenario = network_of(name, most)
    stage = Stage.of(scenario)
    chosen = fault_of(name, stage)
    case, well = ill(scenario, chosen, near=near_of(chosen))
    return Broken(chosen, title(scenario), traits(stage), case, well, worse(case.rows(), well))
