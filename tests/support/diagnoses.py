"""The doctor's measure: faults and healthy variants from a seed, what they harm, and what the doctor says of them.

Run `python -m support.diagnoses --seed 7 --faults 300 --healthy 300` in the folder tests. Every miss is printed with
the name that makes it again: `--only 7/12`. A case is a network (built in, or drawn) and a fault in it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import SeededEntropy, below
from dmvpn.base.errors import UserError
from dmvpn.labs.copied import CopiedLab
from dmvpn.network.lines import after
from dmvpn.shells.scenario import Scenario, built_in_names
from dmvpn.tools.diff.rows import Rows, worse
from dmvpn.tools.doctor import visit
from dmvpn.tools.remedies import attempt, reduced
from dmvpn.tools.render import render_sites
from dmvpn.tools.render.keys import Keys
from dmvpn.tools.troubles import (
    AUTHENTICATION,
    FURTHER,
    SLOW,
    TROUBLES,
    UNLISTED,
    VRFS,
    Fault,
    Plan,
    Run,
    Stage,
    Type,
    carry_out,
    draw,
    fault,
    files_of,
    place_name,
    places,
    plan_of,
    table_of,
)
from dmvpn.tools.troubles.lines import copied, exchanged, removed
from dmvpn.tools.troubles.plans import TRUSTPOINTS
from support.certified import certify
from support.doctors import as_it_runs
from support.harm import HEALED, Case, Harm, latent, well_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dmvpn.tools.doctor import Diagnosis, Finding

#: Networks that no spoke registers in, or where one of the spokes cannot: nothing is "well" there.
_NOT_WELL: Final = ("notes-gre", "two-spokes-one-nat")
_DRAWN: Final = "drawn"
#: Draws of a second fault that has nothing to do with the first one.
_TRIES: Final = 20
#: Routers at most, those of the provider not counted, of a network of the quick measure, and of the whole one.
FEW, MANY = 8, 42
#: Virtual seconds until timers have acted.
LATER: Final = 180.0
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One case and its verdict. rank: of the first right finding, 0: none. wrong: the first finding, as certain."""

    name: str
    network: str
    what: str
    harm: Harm
    mechanism: str = ""
    traits: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    rank: int = 0
    wrong: str = ""
    nothing: bool = False
    found: tuple[str, ...] = ()
    accused: bool = False
    seconds: float = 0.0

    @property
    def missed(self) -> bool:
        """Is it worth a look?"""
        return self.accused if self.harm is Harm.NONE else self.harm is Harm.NOW and self.rank != 1

    def __str__(self) -> str:
        verdict = "accused" if self.accused else f"rank {self.rank}" if self.rank else "not named"
        said = "; ".join(self.found[:3]) or "nothing is broken"
        wrong = " WRONG" if self.wrong else ""
        return f"{self.name} [{self.harm.value}] {self.network}: {self.what}: {verdict}{wrong}: {said}"


def network_of(name: str, most: int) -> Scenario:
    """A network by the name of its draw: one that is built in, or one that is drawn, as a table or line by line."""
    entropy = SeededEntropy(f"{name}/network")
    known = [one for one in built_in_names() if one not in _NOT_WELL]
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


def title(scenario: Scenario) -> str:
    """Return what a network is called: its name, or what was drawn."""
    return scenario.lab.title if scenario.name == _DRAWN else scenario.name


def fault_of(name: str, stage: Stage) -> Fault:
    """Return the fault of a draw."""
    return draw(TROUBLES, stage, SeededEntropy(f"{name}/fault"))


def near_of(chosen: Fault) -> tuple[str, ...]:
    """Return the routers that play in it."""
    return tuple(dict.fromkeys(name for name in chosen.stage.parts.values() if name in chosen.stage.actors))


@dataclass(frozen=True, slots=True)
class Broken:
    """A network some minutes after a fault. network: its title. well: the rows before. bad: those that it harms."""

    chosen: Fault
    network: str
    traits: tuple[str, ...]
    case: Case
    well: Rows
    bad: tuple[str, ...]


def broken(name: str, most: int) -> Broken:
    """Return the network of this name with its fault."""
    scenario = network_of(name, most)
    stage = Stage.of(scenario)
    chosen = fault_of(name, stage)
    case, well = ill(scenario, chosen, near=near_of(chosen))
    return Broken(chosen, title(scenario), traits(stage), case, well, worse(case.rows(), well))


def judge(name: str, most: int = MANY) -> Judged:
    """Return a network with a fault, from the beginning to the verdict."""
    scenario = network_of(name, most)
    return judged(name, scenario, fault_of(name, Stage.of(scenario)))


def traits(stage: Stage) -> tuple[str, ...]:
    """Return what kind of network it is: phase, protocols, what is between its routers."""
    hub, spoke = stage.actors[stage.hubs[0]], stage.actors[stage.spokes[0]]
    phase = 1 if not spoke.multipoint else 3 if hub.nhrp.redirect else 2
    words = spoke.words
    spoken = [name.upper() for name in ("eigrp", "ospf", "bgp", "rip") if name in words]
    has = {
        "several hubs": len(stage.hubs) > 1,
        "NAT": bool(stage.scenario.lab.gateways) or "nat-overload" in stage.scenario.name,
        "IPsec": hub.settings is not None and bool(hub.settings.protection),
    }
    return (f"phase {phase}", *(name for name, yes in has.items() if yes), *(spoken or ["static"]))


def known_fault(stage: Stage, name: str) -> Fault:
    """Return the fault of this name, as `Fault.id` has it: "psk@R31,R41,R11". Raises UserError."""
    trouble_id, _, place = name.partition("@")
    standing = next((one for one in places(stage) if place_name(one) == place), None)
    if standing is None:
        raise UserError(f"nobody plays {place} in {stage.scenario.name}")
    lines = (one for kind in (removed, copied, exchanged) for one in kind(standing))
    known = next(
        (one for one in (*TROUBLES, *FURTHER, *AUTHENTICATION, *UNLISTED, *VRFS, *lines) if one.id == trouble_id), None
    )
    found = fault(known, standing) if known is not None else None
    if found is None:
        raise UserError(f"{name} does not fit {stage.scenario.name}")
    return found


def ill(scenario: Scenario, *faults: Fault, near: Sequence[str] = ()) -> tuple[Case, Rows]:
    """Return a network some minutes after these faults, and its rows before them. Raises UserError."""
    case = Case(scenario, 1, near)
    well = well_rows(case)
    for chosen in faults:
        carry_out(case.bench, chosen.orders)
    case.world.run_for(LATER)
    return case, well


def ill_of(scenario: Scenario, *names: str) -> Case:
    """Return a network some minutes after the faults of these names. Raises UserError."""
    stage = Stage.of(scenario)
    return ill(scenario, *(known_fault(stage, name) for name in names))[0]


def judged_of(name: str, scenario: Scenario, known: str) -> Judged:
    """Return a network with the fault of this name, from the beginning to the verdict. Raises UserError."""
    return judged(name, scenario, known_fault(Stage.of(scenario), known))


def said_at_once(case: Case) -> Diagnosis:
    """Return what the doctor says of what it sees and asks."""
    return visit(case.patient)


def judged(name: str, scenario: Scenario, chosen: Fault, said: Callable[[Case], Diagnosis] = said_at_once) -> Judged:
    """Return a network with this fault, from the beginning to the verdict. said: how the doctor is asked."""
    begin = time.perf_counter()
    try:
        case, well = ill(scenario, chosen, near=near_of(chosen))
    except UserError as error:
        raise UserError(f"{name}: {chosen.id}: {error}") from error
    now = case.rows()
    bad = worse(now, well)
    findings = [one for one in said(case).findings if not one.advice]
    harm = Harm.NOW if bad else Harm.SLIGHT if case.loses() else latent(case, well)
    rank = 0
    if harm in (Harm.NOW, Harm.SLIGHT):
        for number, one in enumerate(findings[:3], 1):
            if chosen.is_named(one.cause, one.router) or restores(scenario, chosen, one):
                rank = number
                break
    first = findings[0] if findings else None
    wrong = ""
    if harm is Harm.NOW and first is not None and rank != 1 and first.certain:
        wrong = "" if helps(scenario, chosen, first, bad) else first.what
    return Judged(
        name=name,
        network=title(scenario),
        mechanism=chosen.trouble.id.partition("/")[0],
        traits=traits(Stage.of(scenario)),
        what=f"{chosen.id}: {_orders(chosen)}",
        harm=harm,
        bad=bad,
        rank=rank,
        wrong=wrong,
        nothing=not findings,
        found=tuple(f"{one.cause.value}, {one.router}: {one.what} {list(one.fix)}" for one in findings),
        accused=harm is Harm.NONE and any(not one.mild for one in findings),
        seconds=time.perf_counter() - begin,
    )


def _orders(chosen: Fault) -> str:
    return " | ".join(
        f"{one.router}: {' / '.join(one.lines)}" if isinstance(one, Type) else str(one)
        for one in chosen.orders
        if not isinstance(one, Run)
    )


# ------------------------------------------------------------------------------------------------ remedies

#: Lines that keep strangers out, and that turn something off: who changes these has fixed nothing.
_GUARDS: Final = ("no tunnel protection", "no ip nhrp authentication", "no authentication", "shutdown", "no crypto")
_MOST_LINES: Final = 5
_HEADS: Final = ("interface ", "router ", "address-family ", "af-interface ", "topology ", "crypto ", "peer ", "key ")


def is_fair(lines: Sequence[str]) -> bool:
    """Is it a remedy that keeps strangers out, leaves everything on, and is short?"""
    changes = [line for line in lines if not line.startswith(_HEADS)]
    return 0 < len(changes) <= _MOST_LINES and not any(line.startswith(_GUARDS) for line in changes)


def applied(scenario: Scenario, chosen: Fault, remedy: Finding) -> tuple[Rows, Rows] | None:
    """The rows of the well network, and of the broken one with the remedy; None: it is none that could be tried."""
    if not is_fair(remedy.fix):
        return None
    case, well = ill(scenario, chosen, near=near_of(chosen))
    try:
        case.bench.configure(remedy.router, list(remedy.fix))
    except (UserError, AssertionError, KeyError):
        return None
    case.world.run_for(HEALED)
    case.rows()
    return well, case.rows()


def restores(scenario: Scenario, chosen: Fault, remedy: Finding) -> bool:
    """Is every row as it was?"""
    found = applied(scenario, chosen, remedy)
    return found is not None and not worse(found[1], found[0])


def helps(scenario: Scenario, chosen: Fault, remedy: Finding, bad: tuple[str, ...]) -> bool:
    """Is any row better, and none worse?"""
    found = applied(scenario, chosen, remedy)
    if found is None:
        return False
    left = worse(found[1], found[0])
    return len(left) < len(bad) and set(left) <= set(bad)


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
    case, _ = ill(scenario, one, other, near=near)
    case.rows()
    diagnosis = visit(case.patient)
    if not diagnosis.healthy:  # as `dmvpn doctor` does
        small = reduced(as_it_runs(case.world), case.patient.facts(), diagnosis)
        diagnosis = attempt(diagnosis, CopiedLab(small))
    findings = [finding for finding in diagnosis.findings if not finding.advice]
    first, second = (
        next((n for n, finding in enumerate(findings, 1) if chosen.is_named(finding.cause, finding.router)), 0)
        for chosen in (one, other)
    )
    said = tuple(f"{finding.cause.value}, {finding.router}: {finding.what}" for finding in findings)
    what = f"{one.id}: {_orders(one)} and {other.id}: {_orders(other)}"
    return Both(name=name, network=title(scenario), what=what, ranks=(first, second), found=said)


def _touched(chosen: Fault) -> set[str]:
    """Return the routers that anything is done to."""
    places = {str(getattr(order, "router", getattr(order, "gateway", ""))) for order in chosen.orders}
    links = {getattr(order, "link", "").partition(":")[0] for order in chosen.orders}
    return (places | links) - {""}


def _harms(scenario: Scenario, chosen: Fault, near: tuple[str, ...]) -> bool:
    case, well = ill(scenario, chosen, near=near)
    return bool(worse(case.rows(), well))


# ------------------------------------------------------------------------------------------------ healthy


def healthy(name: str, most: int = MANY) -> Judged:
    """Return a network that is well, in one of the ways in which one may be."""
    begin = time.perf_counter()
    scenario = network_of(name, most)
    entropy = SeededEntropy(f"{name}/healthy")
    stage = Stage.of(scenario)
    what, stage = _variant(stage, entropy)
    case = Case(stage.scenario, 1)
    well_rows(case)
    if what == "slow":
        standing = list(places(stage))
        slow = fault(SLOW, standing[below(entropy, len(standing))])
        carry_out(case.bench, slow.orders if slow is not None else ())
    elif what == "restarted":
        case.restart()
    elif what == "rekeyed":
        case.rekey()
    case.world.run_for(LATER)
    if what != "idle":
        case.rows()
    findings = [one for one in visit(case.patient).findings if not one.advice and not one.mild]
    return Judged(
        name=name,
        network=title(scenario),
        what=what,
        harm=Harm.NONE,
        accused=bool(findings),
        found=tuple(f"{one.cause.value}, {one.router}: {one.what}" for one in findings),
        seconds=time.perf_counter() - begin,
    )


def _variant(stage: Stage, entropy: SeededEntropy) -> tuple[str, Stage]:
    """Nothing is wrong with another name, holding time, network-id, bandwidth, description, or with a slow wire."""
    kinds = ("plain", "idle", "slow", "restarted", "rekeyed", "holding times", "network-ids", "descriptions")
    what = kinds[below(entropy, len(kinds))]
    lines = {
        "holding times": "ip nhrp holdtime {}",
        "network-ids": "ip nhrp network-id {}",
        "descriptions": "description line {}",
    }
    if what not in lines:
        return what, stage
    texts = dict(stage.scenario.configurations)
    for number, (name, actor) in enumerate(stage.actors.items()):
        tunnel = f"interface {actor.tunnel}"
        if actor.nhrp.network_id is not None:
            line = lines[what].format(100 + 7 * number)
            texts[name] = _with(texts[name], tunnel, line)
    scenario = Scenario(stage.scenario.name, stage.scenario.lab, texts)
    return what, Stage.of(scenario)


def _with(text: str, section: str, line: str) -> str:
    """Return the configuration with a line more in a section."""
    try:
        return after(text, (section, line))
    except UserError:
        return text


# ------------------------------------------------------------------------------------------------ the measure


@dataclass(slots=True)
class Measure:
    """What came of all of it."""

    faults: list[Judged] = field(default_factory=list)
    healthy: list[Judged] = field(default_factory=list)

    @property
    def now(self) -> list[Judged]:
        """Those that harm now."""
        return [one for one in self.faults if one.harm is Harm.NOW]

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        now = self.now or [Judged(name="", network="", what="", harm=Harm.NOW)]
        total = len(now)
        harmless = [one for one in self.faults if one.harm is Harm.NONE]

        def share(name: str, count: int, of: int) -> str:
            return f"{name:<28}{count:>5} of {of:<5}{count / max(1, of):>7.1%}"

        latent = sum(one.harm is Harm.LATENT for one in self.faults)
        slight = [one for one in self.faults if one.harm is Harm.SLIGHT]
        when = f"{len(self.now)} harm now, {len(slight)} a little, {latent} later"
        yield f"{len(self.faults)} faults: {when}, the rest nobody"
        yield share("first", sum(one.rank == 1 for one in now), total)
        yield share("among three", sum(one.rank > 0 for one in now), total)
        yield share("wrong as certain", sum(bool(one.wrong) for one in now), total)
        yield share("nothing is broken", sum(one.nothing for one in now), total)
        yield share("a little loss, and first", sum(one.rank == 1 for one in slight), len(slight))
        yield share("healthy accused", sum(one.accused for one in self.healthy), len(self.healthy))
        yield share("harmless called broken", sum(one.accused for one in harmless), len(harmless))


def measure(seed: int | str, faults: int, well: int, most: int = MANY, *, jobs: int = 1) -> Measure:
    """So many of each."""
    broken = [(f"{seed}/{number}", most) for number in range(faults)]
    fine = [(f"{seed}/well/{number}", most) for number in range(well)]
    if jobs == 1:
        return Measure([told(judge(*one)) for one in broken], [told(healthy(*one)) for one in fine])
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        some = pool.map(judge, *zip(*broken, strict=True)) if broken else ()
        others = pool.map(healthy, *zip(*fine, strict=True)) if fine else ()
        return Measure(list(map(told, some)), list(map(told, others)))


def measure_two(seed: str, pairs: int, most: int = MANY, *, jobs: int = 1) -> list[Both]:
    """Return so many pairs of faults, those left out of which one harms nobody."""
    names = [f"{seed}/two/{number}" for number in range(pairs)]
    if jobs == 1:
        found = [judge_two(name, most) for name in names]
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            found = list(pool.map(judge_two, names, [most] * pairs))
    return [one for one in found if one is not None]


def told(one: Judged) -> Judged:
    """Print a miss."""
    if one.missed:
        print(one, flush=True)
    return one


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", default="1")
    parser.add_argument("--faults", type=int, default=10)
    parser.add_argument("--healthy", type=int, default=10)
    parser.add_argument("--most", type=int, default=FEW)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--two", type=int, default=0)
    parser.add_argument("--only", action="append", default=[])
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
    seconds = {one.name: one.seconds for one in (*found.faults, *found.healthy)}
    slowest = max(seconds, key=lambda name: seconds[name])
    print(f"slowest: {slowest}, {seconds[slowest]:.1f} s; all: {sum(seconds.values()):.0f} s")


if __name__ == "__main__":
    main()
