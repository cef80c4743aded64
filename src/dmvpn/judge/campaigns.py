"""Many runs: which networks, which seeds; and fault lists that are kept as files.

A campaign goes round all networks that can be judged (built-in scenarios with hosts, and their variants), each with a
seed of its own, until so many router-hours are planned. What it plans depends on nothing but its numbers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.judge.campaign import Plan, RunVerdict, run
from dmvpn.judge.faults import Fault, dumps, from_json
from dmvpn.judge.shrink import shrink
from dmvpn.judge.variants import fitting, vary
from dmvpn.shells.documents import read_text
from dmvpn.shells.exercises import built_in_names
from dmvpn.shells.scenario import Scenario

if TYPE_CHECKING:
    from pathlib import Path

#: Variants that are tried together, too: spokes that move, and entries that do not live long.
COMBINED = ("no-unique", "short")
#: A scenario in which somebody cannot be reached by design. Its own tests look at it.
NOT_JUDGED = frozenset({"two-spokes-one-nat"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A run as it is written down. scenario: a name or folder. faults: None: those of the seed. why: for people."""

    scenario: str
    variants: tuple[str, ...] = ()
    seed: int
    seconds: float
    faults: tuple[Fault, ...] | None = None
    why: str = ""

    @property
    def name(self) -> str:
        """Scenario and variants, as people say it."""
        return "+".join((self.scenario, *self.variants))

    def plan(self) -> Plan:
        """Return what is to be run. Raises UserError."""
        scenario = vary(Scenario.load(self.scenario), self.variants)
        return Plan(scenario=scenario, seed=self.seed, seconds=self.seconds, faults=self.faults)

    def to_json(self) -> str:
        """Return a text that `from_json` reads."""
        head = {"scenario": self.scenario, "variants": list(self.variants), "seed": self.seed, "seconds": self.seconds}
        text = json.dumps({"why": self.why, **head} if self.why else head, indent=2)
        return text if self.faults is None else f'{text[:-2]},\n  "faults": {dumps(self.faults)}\n}}'

    @classmethod
    def from_json(cls, text: str) -> Order:
        """Read one. Raises UserError."""
        try:
            raw = json.loads(text)
            return cls(
                scenario=str(raw["scenario"]),
                variants=tuple(str(name) for name in raw.get("variants", ())),
                seed=int(raw["seed"]),
                seconds=float(raw["seconds"]),
                faults=tuple(from_json(fault) for fault in raw["faults"]),
                why=str(raw.get("why", "")),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"not a list of faults: {error!r}") from error


@dataclass(frozen=True, slots=True)
class OrderOutcome:
    """What became of an order. short: the shortest order that fails likewise, if it failed and that was wanted."""

    order: Order
    verdict: RunVerdict
    short: Order | None = None


def load(path: Path) -> Order:
    """Read a kept fault list. Raises UserError."""
    text = read_text(path)
    try:
        return Order.from_json(text)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def carry_out(order: Order, *, shorten: bool = True) -> OrderOutcome:
    """Run one order; if it fails, look for the shortest list of faults that fails in the same way."""
    plan = order.plan()
    verdict = run(plan)
    if verdict.ok or not shorten or not verdict.faults:
        return OrderOutcome(order, verdict)
    found = shrink(plan, verdict)
    short = Order(
        scenario=order.scenario,
        variants=order.variants,
        seed=order.seed,
        seconds=found.plan.seconds,
        faults=found.plan.faults,
        why=str(found.verdict.violations[0]),
    )
    return OrderOutcome(order, verdict, short)


def networks() -> list[tuple[str, tuple[str, ...]]]:
    """Return every network that can be judged, scenario and variants: all as they are first, then variant by
    variant.
    """
    plain: list[tuple[str, tuple[str, ...]]] = []
    varied: list[tuple[str, tuple[str, ...]]] = []
    for name in built_in_names():
        scenario = Scenario.load(name)
        if scenario.lacks or name in NOT_JUDGED or not scenario.lab.hosts:
            continue
        plain.append((name, ()))
        variants = fitting(scenario)
        varied += [(name, (variant,)) for variant in variants]
        if set(COMBINED) <= set(variants):
            varied.append((name, COMBINED))
    return [*plain, *sorted(varied, key=lambda network: network[1])]


def orders(router_hours: float, hours: float, seed: int) -> list[Order]:
    """Return runs of `hours` each, with seeds from `seed` on, until they make up so many router-hours."""
    chosen: list[Order] = []
    names = networks()
    sizes = {name: _routers(Scenario.load(name)) for name, _ in names}
    planned = 0.0
    while planned < router_hours:
        name, variants = names[len(chosen) % len(names)]
        chosen.append(Order(scenario=name, variants=variants, seed=seed + len(chosen), seconds=hours * 3600.0))
        planned += hours * sizes[name]
    return chosen


def _routers(scenario: Scenario) -> int:
    return sum(scenario.role(name) != "provider" for name in scenario.configurations)
