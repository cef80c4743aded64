"""Networks from a seed: built in, or drawn as a table of sites or line by line; and the harm of a fault in a network.

The certificates of a cloud that is drawn with them (`plans.TRUSTPOINTS`) are files beside its configurations.

The harm is what gets worse for packets between its LANs. `dmvpn diff` measures the same: a pair gets worse if its
packets do not arrive, take a longer way, are smaller or get lost. `Harm` says when: now, later (after a rekey, a
restart, the death of a hub), or never.
"""

from __future__ import annotations

import enum
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

from dmvpn.base.barriers import Barrier, Gap
from dmvpn.base.entropy import SeededEntropy, below
from dmvpn.base.errors import UserError
from dmvpn.judge.anatomy import Anatomy, ClearWatch
from dmvpn.labs.copied import CopiedLab
from dmvpn.network.lines import after
from dmvpn.shells.exercises import built_in_names
from dmvpn.shells.facts import LabFacts
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.shells.simulator.simulator import EPOCH
from dmvpn.tools.authority import Authority, RequestedCertificate
from dmvpn.tools.diff.behavior import LanPair
from dmvpn.tools.diff.measuring import Rows, Subject, choose_pairs, converge, worse
from dmvpn.tools.diff.probing import lans_of
from dmvpn.tools.render import render_sites
from dmvpn.tools.render.plan import Keys
from dmvpn.tools.troubles.plans import TRUSTPOINTS, UNIT, Plan, files_of, plan_of, table_of
from dmvpn.tools.troubles.stage import Stage

#: Pairs that are measured.
MOST_PAIRS: Final = 30
#: Virtual seconds until a network has recovered: after a remedy, a restart, the death of a hub; and after a rekey.
HEALED, REKEYED = 130.0, 60.0
#: Further virtual seconds until entries of NHRP for addresses without a way have expired: they live for 180.
FORGOTTEN: Final = 60.0
#: Virtual seconds for which a packet a second is counted, where nothing is worse at a glance.
WATCHED: Final = 240

_NOW: Final = datetime.fromtimestamp(EPOCH, UTC)
_USED, _EXPIRED, _ELSEWHERE, _MISNAMED = TRUSTPOINTS

#: Networks in which a spoke cannot register: they are never well.
_NOT_WELL: Final = ("notes-gre", "two-spokes-one-nat")
#: Networks that came later: among the others, they would change the network of each draw that tests and pages name.
_LATER: Final = ("branch-vlans", "hub-behind-nat", "ipv6-only", "nat-published")
_DRAWN: Final = "drawn"
#: Lines on tunnels that change nothing for packets, with a number of the router.
HARMLESS: Final = {
    "holding times": "ip nhrp holdtime {}",
    "network-ids": "ip nhrp network-id {}",
    "descriptions": "description line {}",
}
#: Routers of the largest network, without those of the provider: of the quick measure, and of the whole one.
FEW, MANY = 8, 42


# ------------------------------------------------------------------------------------------------ a network that runs


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
        probing.reset_counts()
        for _ in range(WATCHED):
            probing.stream(self.pairs, 1.0)
        probing.settle()
        return any(len(probing.arrivals(pair)) < len(probing.sent(pair)) for pair in self.pairs)

    def rekey(self) -> None:
        """End all SAs, as they end at their time."""
        alive = [name for name, node in self.simulator.routers.items() if node.alive]
        self.bench.ask([(name, "clear crypto session") for name in alive])

    def end_shortcuts(self) -> None:
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
    hubs = _hubs(case)
    for hub in hubs if len(hubs) > 1 else ():
        node = case.simulator.routers[hub]
        if not node.alive:
            continue
        text = _running(case.simulator, hub)
        healthy = _deaths(scenario, case.near)[hub]
        case.simulator.kill(hub)
        case.end_shortcuts()
        case.wait(HEALED)
        if worse(case.rows(), healthy):
            return Harm.LATENT
        case.simulator.boot(hub, text)
        case.wait(HEALED)
    return Harm.NONE


def _hubs(case: Case) -> list[str]:
    """Return the hubs of the scenario, though one of them may be a client of another."""
    named = [name for name in case.subject.anatomy.sites if case.subject.scenario.role(name) == "hub"]
    return named or list(case.subject.anatomy.hubs)


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
            case.end_shortcuts()
            case.wait(HEALED)
            found[hub] = case.rows()
            case.simulator.boot(hub, scenario.configurations[hub])
            case.wait(HEALED)
        _KNOWN_DEATHS[key] = found
    return _KNOWN_DEATHS[key]


# ------------------------------------------------------------------------------------------------ certificates


def certify(folder: Path, names: Iterable[str]) -> None:
    """Write what each trustpoint of these routers has: a good certificate, and others that no peer may accept."""
    made = Authority.make(folder / _USED, "Drawn CA", elliptic=True, now=_NOW)
    for name in (_EXPIRED, _MISNAMED):
        shutil.copytree(folder / _USED, folder / name)
    known = {
        _USED: made,
        _EXPIRED: replace(made, folder=folder / _EXPIRED, now=_NOW - timedelta(days=400)),
        _ELSEWHERE: Authority.make(folder / _ELSEWHERE, "Another CA", elliptic=True, now=_NOW),
        _MISNAMED: replace(made, folder=folder / _MISNAMED),
    }
    for name in names:
        for trustpoint, authority in known.items():
            unit = "elsewhere" if trustpoint == _MISNAMED else UNIT
            authority.issue(RequestedCertificate(name=name, dn=f"cn={name},ou={unit}", days=300))


# ------------------------------------------------------------------------------------------------ a network of a seed


def network_of(name: str, most: int) -> Scenario:
    """Return the network of a draw, by its name. most: routers, without those of the provider."""
    entropy = SeededEntropy(f"{name}/network")
    known = [each for each in built_in_names() if each not in (*_NOT_WELL, *_LATER)]
    match below(entropy, 3):
        case 0:
            return Scenario.load(known[below(entropy, len(known))])
        case 1:
            return _rendered(table_of(entropy, most))
        case _:
            return drawn(plan_of(entropy, most))


def drawn(plan: Plan) -> Scenario:
    """Return the network of a plan."""
    return _loaded(tuple(files_of(plan).items()))


@cache
def _rendered(table: str) -> Scenario:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sites.yaml"
        path.write_text(table)
        keys = Keys(pre_shared_key="Very-Secret-1", nhrp_authentication="apart")
        rendered = render_sites(path, keys=keys, lab=True, out=Path(folder) / "out")
    return _loaded(tuple(rendered.files.items()))


@cache
def _loaded(files: tuple[tuple[str, str], ...]) -> Scenario:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / _DRAWN).mkdir()
        for name, text in files:
            (Path(folder) / _DRAWN / name).write_text(text)
        certified = [name for name, text in files if f"crypto pki trustpoint {TRUSTPOINTS[0]}" in text]
        if certified:
            certify(Path(folder) / _DRAWN / "pki", [name.removesuffix(".cfg") for name in certified])
        return Scenario.load(str(Path(folder) / _DRAWN), strict=True)


def with_harmless(scenario: Scenario, what: str) -> Scenario:
    """Return a network with a line of `HARMLESS` on each tunnel that runs NHRP."""
    texts = dict(scenario.configurations)
    for number, (name, actor) in enumerate(Stage.of(scenario).actors.items()):
        if actor.nhrp.network_id is not None:
            line = HARMLESS[what].format(100 + 7 * number)
            with suppress(UserError):
                texts[name] = after(texts[name], (f"interface {actor.tunnel}", line))
    return Scenario(scenario.name, scenario.lab, texts, scenario.certificates)


def title(scenario: Scenario) -> str:
    """Return the name of a network, or the description of a drawn network."""
    return scenario.lab.title if scenario.name == _DRAWN else scenario.name


def traits(stage: Stage) -> tuple[str, ...]:
    """Return the traits of a network: its phase, NAT, IPsec, several hubs, and its routing protocols."""
    hub, spoke = stage.actors[stage.hubs[0]], stage.actors[stage.spokes[0]]
    phase = 1 if not spoke.multipoint else 3 if hub.nhrp.redirect else 2
    words = spoke.words
    spoken = [name.upper() for name in ("eigrp", "ospf", "bgp", "rip") if name in words]
    has = {
        "several hubs": len(stage.hubs) > 1,
        "NAT": bool(stage.scenario.lab.gateways) or stage.scenario.name.startswith("nat-"),
        "IPsec": hub.settings is not None and bool(hub.settings.protection),
    }
    return (f"phase {phase}", *(name for name, yes in has.items() if yes), *(spoken or ["static"]))
