"""Harm: what packets between all LANs of a simulated network have, and what of that is worse than it was.

`dmvpn diff` measures it, and says what is worse: a pair whose packets do not arrive, take a longer way, are smaller or
get lost. `Harm` says when: now, later (after a rekey, a restart, the death of a hub), or never.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from dmvpn.judge.anatomy import Anatomy
from dmvpn.tools.diff import LanPair, Subject, choose_pairs
from dmvpn.tools.diff.measuring import converge
from dmvpn.tools.diff.probing import lans_of
from dmvpn.tools.diff.rows import Rows, worse
from support.bench import WorldBench
from support.doctors import WorldPatient
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.shells.scenario import Scenario

#: Pairs that are judged.
MOST_PAIRS: Final = 30
#: Virtual seconds until a network has recovered: after a remedy, a restart, the death of a hub; and after a rekey.
HEALED, REKEYED = 130.0, 60.0
#: Virtual seconds for which a packet a second is counted, where nothing is worse at a glance.
WATCHED: Final = 240


class Harm(enum.Enum):
    """When users have something of it."""

    NOW = "now"
    LATENT = "latent"
    SLIGHT = "slight"
    NONE = "none"


class Case:
    """A network that runs, with the measure on its LANs. near: routers whose pairs are judged, whatever others are."""

    def __init__(self, scenario: Scenario, seed: int, near: Sequence[str] = ()) -> None:
        self.world = World.of(scenario, seed=seed)
        anatomy = Anatomy.of(self.world.sim, scenario)
        self.subject = Subject(scenario, self.world.sim, anatomy, lans_of(self.world.sim, scenario, anatomy))
        self.bench = WorldBench(self.world)
        self.patient = WorldPatient(self.world)
        self.near = tuple(near)
        here = [name for name, lan in self.subject.lans.items() if lan.site in near]
        close = [LanPair(one, other) for one in here for other in here if one != other]
        self.pairs: Sequence[LanPair] = tuple(dict.fromkeys((*choose_pairs(self.subject.lans, 1, MOST_PAIRS), *close)))

    def rows(self) -> Rows:
        """Return all pairs talk; what becomes of it."""
        return Rows.of(self.subject, self.pairs)

    def loses(self) -> bool:
        """Does any pair lose a packet now and then?"""
        probing = self.subject.probing
        probing.forget()
        for _ in range(WATCHED):
            probing.stream(self.pairs, 1.0)
        probing.settle()
        return any(len(probing.arrivals(pair)) < len(probing.sent(pair)) for pair in self.pairs)

    def rekey(self) -> None:
        """All SAs end, as they do at their time."""
        alive = [name for name, node in self.world.sim.routers.items() if node.alive]
        self.bench.ask([(name, "clear crypto session") for name in alive])

    def forget(self) -> None:
        """Shortcuts end, as they do at their time: until then they carry on where nothing else leads."""
        hubs = _hubs(self)
        alive = [name for name in self.subject.anatomy.sites if self.world.sim.routers[name].alive]
        self.bench.ask([(name, "clear ip nhrp") for name in alive if name not in hubs])

    def restart(self) -> None:
        """Every router of the overlay restarts, with what it runs."""
        for name in self.subject.anatomy.sites:
            node = self.world.sim.routers[name]
            if node.alive:
                text = "\n".join([*node.router.running.render(), "end"]) + "\n"
                self.world.sim.kill(name)
                self.world.sim.boot(name, text)


def well_rows(case: Case) -> Rows:
    """Return the rows of a network that has come up."""
    converge(case.subject, case.pairs)
    case.world.run_for(20.0)
    case.rows()
    return case.rows()


def latent(case: Case, well: Rows) -> Harm:
    """Does it harm after a rekey, a restart, the death of a hub? Not what any network loses then."""
    case.rekey()
    case.world.run_for(REKEYED)
    if worse(case.rows(), well):
        return Harm.LATENT
    case.restart()
    case.world.run_for(HEALED)
    if worse(case.rows(), well):
        return Harm.LATENT
    return Harm.LATENT if _without_hubs(case, well) else Harm.NONE


def _hubs(case: Case) -> list[str]:
    """Return those that the scenario calls so, though one of them may be another one's client."""
    named = [name for name in case.subject.anatomy.sites if case.subject.scenario.role(name) == "hub"]
    return named or list(case.subject.anatomy.hubs)


def _without_hubs(case: Case, well: Rows) -> bool:
    hubs = _hubs(case)
    for hub in hubs if len(hubs) > 1 else ():
        node = case.world.sim.routers[hub]
        if not node.alive:
            continue
        text = "\n".join([*node.router.running.render(), "end"]) + "\n"
        healthy = _deaths(case)[hub]
        case.world.sim.kill(hub)
        case.forget()
        case.world.run_for(HEALED)
        if worse(case.rows(), healthy):
            return True
        case.world.sim.boot(hub, text)
        case.world.run_for(HEALED)
    return False


_KNOWN_DEATHS: dict[str, dict[str, Rows]] = {}


def _deaths(broken: Case) -> dict[str, Rows]:
    """Return what a well network has while each of its hubs is dead."""
    scenario = broken.subject.scenario
    key = "\n".join([*scenario.configurations.values(), *broken.near])
    if key not in _KNOWN_DEATHS:
        case = Case(scenario, 1, broken.near)
        well_rows(case)
        found: dict[str, Rows] = {}
        for hub in _hubs(case):
            case.world.sim.kill(hub)
            case.forget()
            case.world.run_for(HEALED)
            found[hub] = case.rows()
            case.world.sim.boot(hub, scenario.configurations[hub])
            case.world.run_for(HEALED)
        _KNOWN_DEATHS[key] = found
    return _KNOWN_DEATHS[key]
