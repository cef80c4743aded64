"""A simulated network, and the harm of a fault: what gets worse for packets between its LANs.

`dmvpn diff` measures the same: a pair gets worse if its packets do not arrive, take a longer way, are smaller or get
lost. `Harm` says when: now, later (after a rekey, a restart, the death of a hub), or never.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from dmvpn.judge.anatomy import Anatomy, ClearWatch
from dmvpn.labs.copied import CopiedLab
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.tools.diff.behavior import LanPair
from dmvpn.tools.diff.measuring import Rows, Subject, choose_pairs, converge, worse
from dmvpn.tools.diff.probing import lans_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.base.barriers import Barrier, Gap
    from dmvpn.shells.facts import LabFacts

#: Pairs that are measured.
MOST_PAIRS: Final = 30
#: Virtual seconds until a network has recovered: after a remedy, a restart, the death of a hub; and after a rekey.
HEALED, REKEYED = 130.0, 60.0
#: Further virtual seconds until entries of NHRP for addresses without a way have expired: they live for 180.
FORGOTTEN: Final = 60.0
#: Virtual seconds for which a packet a second is counted, where nothing is worse at a glance.
WATCHED: Final = 240


class Harm(enum.Enum):
    """When users notice a fault. LATENT: later. SLIGHT: they lose few packets."""

    NOW = "now"
    LATENT = "latent"
    SLIGHT = "slight"
    NONE = "none"


class LeakError(Exception):
    """A packet of a protected tunnel left its router in clear."""


class WatchedLab(CopiedLab):
    """A network whose packets are watched: none of a protected tunnel may leave a router in clear."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        """Build it. Its methods raise LeakError at such a packet."""
        self._clear = ClearWatch(scenario.configurations)
        simulator = Simulator.of(scenario, seed, overhear=self._overhear, remembers=True)
        anatomy = Anatomy.of(simulator, scenario)
        super().__init__(scenario, subject=Subject(scenario, simulator, anatomy, lans_of(simulator, scenario, anatomy)))

    def configure(self, router: str, lines: Sequence[str]) -> None:
        """Enter lines; after lines that remove protection, packets may leave in clear. Raises UserError."""
        if any("no tunnel protection" in line for line in lines):
            self.simulator.overhear = None
        super().configure(router, lines)

    def _overhear(self, sender: str, port: str, packet: bytes) -> None:
        complaint = self._clear.complaint(sender, port, packet)
        if complaint is not None:
            raise LeakError(complaint)


class BlindLab:
    """A network as the doctor examines it: the facts hide cut and bad wires."""

    def __init__(self, lab: CopiedLab) -> None:
        self._lab = lab

    def facts(self) -> LabFacts:
        """Return the facts as of now."""
        facts = self._lab.facts()
        links = tuple(link.model_copy(update={"cut": False, "bad": ()}) for link in facts.links)
        return facts.model_copy(update={"links": links})

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """Return what commands print; "" for a dead router."""
        return self._lab.ask(questions)

    def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        self._lab.wait(seconds)

    def why(self, gap: Gap) -> Barrier | None:
        """Return why a route does not pass from a router to its neighbor."""
        return self._lab.why(gap)


def as_it_runs(scenario: Scenario, simulator: Simulator) -> Scenario:
    """Return the network with what its routers run; a dead one has what it would start with."""
    running = {name: _running(simulator, name) for name, node in simulator.routers.items() if node.alive}
    return Scenario(scenario.name, scenario.lab, {**scenario.configurations, **running}, scenario.certificates)


def _running(simulator: Simulator, router: str) -> str:
    return "\n".join([*simulator.routers[router].router.running.render(), "end"]) + "\n"


class Case:
    """A network that runs, with the measure on its LANs. near: routers whose pairs are measured in any case.

    bench: breaks it and changes it. examined: for the doctor to examine.
    """

    def __init__(self, scenario: Scenario, seed: int, near: Sequence[str] = ()) -> None:
        self.bench = WatchedLab(scenario, seed)
        self.examined = BlindLab(self.bench)
        self.subject = self.bench.subject
        self.near = tuple(near)
        here = [name for name, lan in self.subject.lans.items() if lan.site in near]
        close = [LanPair(one, other) for one in here for other in here if one != other]
        self.pairs: Sequence[LanPair] = tuple(dict.fromkeys((*choose_pairs(self.subject.lans, 1, MOST_PAIRS), *close)))

    @property
    def simulator(self) -> Simulator:
        """The network."""
        return self.bench.simulator

    def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.bench.wait(seconds)

    def as_it_runs(self) -> Scenario:
        """Return the network with what its routers run."""
        return as_it_runs(self.subject.scenario, self.simulator)

    def rows(self) -> Rows:
        """Let all pairs talk, and return the rows."""
        return Rows.of(self.subject, self.pairs)

    def loses(self) -> bool:
        """Return whether any pair loses a packet within some minutes."""
        probing = self.subject.probing
        probing.forget()
        for _ in range(WATCHED):
            probing.stream(self.pairs, 1.0)
        probing.settle()
        return any(len(probing.arrivals(pair)) < len(probing.sent(pair)) for pair in self.pairs)

    def rekey(self) -> None:
        """End all SAs, as they end at their time."""
        alive = [name for name, node in self.simulator.routers.items() if node.alive]
        self.bench.ask([(name, "clear crypto session") for name in alive])

    def forget(self) -> None:
        """End shortcuts, as they end at their time: until then they lead where nothing else does."""
        hubs = _hubs(self)
        alive = [name for name in self.subject.anatomy.sites if self.simulator.routers[name].alive]
        self.bench.ask([(name, "clear ip nhrp") for name in alive if name not in hubs])

    def restart(self) -> None:
        """Restart every router of the overlay with its running configuration."""
        for name in self.subject.anatomy.sites:
            node = self.simulator.routers[name]
            if node.alive:
                text = _running(self.simulator, name)
                self.simulator.kill(name)
                self.simulator.boot(name, text)


def well_rows(case: Case) -> Rows:
    """Return the rows of a network that has come up."""
    converge(case.subject, case.pairs)
    case.wait(20.0)
    case.rows()
    return case.rows()


def latent(case: Case, well: Rows, scenario: Scenario) -> Harm:
    """Return whether a fault harms after a rekey, a restart or the death of a hub, more than these alone.

    well: the rows of the network without the fault. scenario: that network.
    """
    case.rekey()
    case.wait(REKEYED)
    if worse(case.rows(), well):
        return Harm.LATENT
    case.restart()
    case.wait(HEALED)
    if worse(case.rows(), well):
        return Harm.LATENT
    return Harm.LATENT if _without_hubs(case, scenario) else Harm.NONE


def _hubs(case: Case) -> list[str]:
    """Return the hubs of the scenario, though one of them may be a client of another."""
    named = [name for name in case.subject.anatomy.sites if case.subject.scenario.role(name) == "hub"]
    return named or list(case.subject.anatomy.hubs)


def _without_hubs(case: Case, well: Scenario) -> bool:
    hubs = _hubs(case)
    for hub in hubs if len(hubs) > 1 else ():
        node = case.simulator.routers[hub]
        if not node.alive:
            continue
        text = _running(case.simulator, hub)
        healthy = _deaths(well, case.near)[hub]
        case.simulator.kill(hub)
        case.forget()
        case.wait(HEALED)
        if worse(case.rows(), healthy):
            return True
        case.simulator.boot(hub, text)
        case.wait(HEALED)
    return False


_KNOWN_DEATHS: dict[str, dict[str, Rows]] = {}


def _deaths(scenario: Scenario, near: Sequence[str]) -> dict[str, Rows]:
    """Return the rows of the well network while each of its hubs is dead."""
    key = "\n".join([*scenario.configurations.values(), *near])
    if key not in _KNOWN_DEATHS:
        case = Case(scenario, 1, near)
        well_rows(case)
        found: dict[str, Rows] = {}
        for hub in _hubs(case):
            case.simulator.kill(hub)
            case.forget()
            case.wait(HEALED)
            found[hub] = case.rows()
            case.simulator.boot(hub, scenario.configurations[hub])
            case.wait(HEALED)
        _KNOWN_DEATHS[key] = found
    return _KNOWN_DEATHS[key]
