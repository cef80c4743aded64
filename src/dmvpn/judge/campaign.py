"""One run of a network under faults, from the first packet to the verdict.

    Plan     what to do: scenario, variant, seed, faults, how long
    run      world -> converged -> faults and traffic, the judge looks -> all is fixed -> converged again -> RunVerdict

The same plan gives the same verdict, to the octet: `RunVerdict.digest` is made of every packet on a wire and of every
arrival, with its time.

A witness sees the world, and each fault as it begins and ends. It changes nothing. The judge decides by packets
alone and keeps no history; a witness keeps what it needs for a story of the run (`labs/judged_films.py`).
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.judge.anatomy import Anatomy, ClearWatch
from dmvpn.judge.bounds import at_begin, at_end
from dmvpn.judge.drawn_lists import FilterWatch, has_lists
from dmvpn.judge.faults import Fault, random_faults
from dmvpn.judge.injector import Injector
from dmvpn.judge.judge import GRACE, MOST_VIOLATIONS, Judge, Tables, Violation
from dmvpn.judge.traffic import HostFlow, SealedMarks, Traffic
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.network import Segment
from dmvpn.shells.simulator.simulator import Simulator

# ------------------------------------------------------------------------------------------------ a witness


class Witness:
    """A witness that notes nothing. remembers: routers keep a history for it."""

    remembers: ClassVar[bool] = False

    def begins(self, world: Simulator) -> None:
        """Note that a world was put together; its time is 0."""

    def converged(self, start: float) -> None:
        """Note that the network converged. start: when, seconds of the world; faults count from there."""

    def happened(self, fault: Fault, wire: Segment | None, *, begins: bool) -> None:
        """Note that a fault has just begun or ended. wire: under the tunnels of its router, if it is about a wire."""


# ------------------------------------------------------------------------------------------------ a run


#: Virtual seconds within which a network must converge at first, and seconds between two looks at the tables.
PATIENCE = 90.0
LOOK = 10.0
#: The rule that a network breaks which does not become whole (again).
NEVER_SETTLED = "convergence"
#: The rule that a router breaks which sends a packet of a protected tunnel in clear.
IN_CLEAR = "in clear"
#: Seconds of traffic at the end, when all is fixed and must work.
EPILOGUE = 10.0


class Plan(Value, kw_only=True):
    """One run. seconds: of faults, after convergence. faults: None: those of the seed."""

    scenario: Scenario
    seed: int
    seconds: float
    faults: tuple[Fault, ...] | None = None


class RunVerdict(Value, kw_only=True):
    """What a run came to. router_hours: of hubs and spokes, providers carry and do not count.

    demanded: packets whose loss nothing would have excused.
    longest: for each kind of fault how long after it a packet was lost and excused, seconds.
    """

    violations: tuple[Violation, ...]
    faults: tuple[Fault, ...]
    router_hours: float
    sent: int
    demanded: int
    lost: int
    longest: dict[str, float]
    digest: str

    @property
    def ok(self) -> bool:
        """Nothing happened that must not."""
        return not self.violations


def run(plan: Plan, witness: Witness | None = None) -> RunVerdict:
    """Carry a plan out. witness: sees the world and its faults; the verdict is the same without one."""
    return _Run(plan, Witness() if witness is None else witness).run()


class _Run:
    def __init__(self, plan: Plan, witness: Witness) -> None:
        self._plan = plan
        self._witness = witness
        self._clear = ClearWatch(plan.scenario.configurations)
        self._early: list[Violation] = []
        self._accuse: Callable[[str, str], None] = lambda rule, text: self._early.append(Violation(0.0, rule, text))
        overhear = self._overhear if self._clear.any else None
        self._world = Simulator.of(plan.scenario, plan.seed, overhear=overhear, remembers=witness.remembers)
        self._anatomy = Anatomy.of(self._world, plan.scenario)
        self._tables = Tables(self._world, self._anatomy)
        self._filters: FilterWatch | None = None
        self._hash = hashlib.sha256()

    def run(self) -> RunVerdict:
        """See `run` of the module."""
        plan, world = self._plan, self._world
        self._witness.begins(world)
        ready = world.run_while(lambda: bool(world.missing(plan.scenario)), PATIENCE, step=0.5)
        if self._early:
            return self._verdict(self._early[:MOST_VIOLATIONS], ())
        if not ready:
            lacks = "; ".join(world.missing(plan.scenario)[:3])
            return self._verdict([Violation(0.0, NEVER_SETTLED, f"not ready after {PATIENCE:g} s: {lacks}")], ())
        world.run_for(6.0)
        return self._judged(world.now)

    def _overhear(self, sender: str, port: str, packet: bytes) -> None:
        complaint = self._clear.complaint(sender, port, packet)
        if complaint is not None:
            self._accuse(IN_CLEAR, complaint)

    def _judged(self, start: float) -> RunVerdict:
        plan, world, anatomy = self._plan, self._world, self._anatomy
        self._witness.converged(start)
        injector = Injector(world, plan.scenario, anatomy, SeededEntropy(f"{plan.seed}/forgeries"))
        faults = plan.faults
        if faults is None:
            entropy = SeededEntropy(f"{plan.seed}/faults")
            faults = random_faults(anatomy, injector.abilities(), entropy, plan.seconds)
        traffic = Traffic(world, plan.scenario, anatomy, SeededEntropy(f"{plan.seed}/traffic"))
        judge = Judge(world, anatomy, traffic, start)
        self._tables.accuse = self._accuse = judge.accuse
        if has_lists(plan.scenario):
            entropy = SeededEntropy(f"{plan.seed}/filtered")
            self._filters = FilterWatch.of(world, plan.scenario, anatomy, entropy, judge.accuse)
        self._tap(injector, judge, traffic)
        judged = traffic.arrived

        def arrived(flow: HostFlow, sequence: int, ttl: int) -> None:
            self._hash.update(f"{flow.number} {sequence} {world.now!r}\n".encode())
            judged(flow, sequence, ttl)

        traffic.arrived = arrived
        traffic.begin()
        if self._filters is not None:
            self._filters.begin()
        for fault in faults:
            world.after(start + fault.at - world.now, partial(self._begin, judge, injector, fault))
            if fault.seconds:
                world.after(start + fault.end - world.now, partial(self._end, judge, injector, fault))
        try:
            self._live(start, judge, faults, traffic)
        except UserError:
            raise
        except Exception as error:  # a fault of ours in one router: it must name itself, and the seed with it
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}:{last.lineno}"
            judge.accuse("crash", f"{type(error).__name__}: {error} ({where})")
        return self._verdict(judge.violations, faults, traffic.sent, judge)

    def _tap(self, injector: Injector, judge: Judge, traffic: Traffic) -> None:
        """Stand at every wire: the judge sees the flows, the injector's partitions keep packets back."""
        wans = {segment.name for name in self._anatomy.sites if (segment := injector.wan(name)) is not None}
        flows, seen, passes = traffic.flows, judge.seen, injector.passes
        marks, world = SealedMarks(), self._world
        world.sealed = lambda message, sealed: marks.note(message, sealed, world.now)
        if not flows:
            raise UserError(f"{self._plan.scenario.name}: no two hosts behind different routers could talk")

        filters = self._filters

        def gate(sender: str, receiver: str, packet: bytes) -> bool:
            if filters is not None:
                filters.seen(receiver, packet)
            mark = marks.mark_of(packet)
            if mark is not None:
                seen(sender, receiver, mark)
            return True

        def gate_to_provider(sender: str, receiver: str, packet: bytes) -> bool:
            gate(sender, receiver, packet)
            return passes(sender, packet)

        for segment in self._world.segments:
            segment.gate = gate_to_provider if segment.name in wans else gate

    def _begin(self, judge: Judge, injector: Injector, fault: Fault) -> None:
        judge.begins(fault)
        injector.begin(fault)
        self._witness.happened(fault, injector.wire_of(fault), begins=True)

    def _end(self, judge: Judge, injector: Injector, fault: Fault) -> None:
        injector.end(fault)
        judge.ends(fault)
        self._witness.happened(fault, injector.wire_of(fault), begins=False)

    def _live(self, start: float, judge: Judge, faults: tuple[Fault, ...], traffic: Traffic) -> None:
        plan, world = self._plan, self._world
        over = start + max([plan.seconds, *(fault.end for fault in faults)])
        while world.now < over and not judge.violations:
            world.run_until(min(over, world.now + LOOK))
            judge.review()
            self._tables.look()
        if judge.violations:
            return
        traffic.talk()
        # When nothing may be missing any more because of a fault.
        settled = [
            max(fault.at + at_begin(fault, self._anatomy), fault.end + at_end(fault, self._anatomy, fault.seconds))
            for fault in faults
        ]
        self._settle(max([over, *(start + time for time in settled)]), judge)
        judge.review()
        self._tables.look()
        if self._filters is not None:
            self._filters.demand()
        traffic.end()
        world.run_for(GRACE + 0.1)
        judge.review()
        if self._filters is not None:
            self._filters.end()
            self._filters.review()

    def _settle(self, deadline: float, judge: Judge) -> None:
        """Settle when all is fixed: within the longest of the bounds everything must be there again, and work."""
        plan, world = self._plan, self._world
        while world.missing(plan.scenario):
            if world.now >= deadline:
                lacks = "; ".join(world.missing(plan.scenario)[:3])
                judge.accuse(NEVER_SETTLED, f"still not ready when all is fixed: {lacks}")
                return
            world.run_for(1.0)
        world.run_for(EPILOGUE)

    def _verdict(
        self, violations: list[Violation], faults: tuple[Fault, ...], sent: int = 0, judge: Judge | None = None
    ) -> RunVerdict:
        self._hash.update(self._world.digest.encode())
        return RunVerdict(
            violations=tuple(violations),
            faults=faults,
            router_hours=len(self._anatomy.sites) * self._world.now / 3600.0,
            sent=sent,
            demanded=judge.demanded if judge else 0,
            lost=judge.lost if judge else 0,
            longest=judge.longest if judge else {},
            digest=self._hash.hexdigest()[:16],
        )
