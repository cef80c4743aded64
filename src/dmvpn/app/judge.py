"""`dmvpn simulate --faults ...` and `--campaign ...`: break networks at random, and say whether they bore it."""

from __future__ import annotations

import time
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.app.progress import Progress
from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.judge.campaigns import Lost, Order, campaign, carry_out, load, orders

if TYPE_CHECKING:
    import argparse

    from dmvpn.judge.campaign import RunVerdict
    from dmvpn.judge.campaigns import OrderOutcome

#: The word behind `--faults` that asks for those of the seed.
RANDOM = "random"


def judge_one(arguments: argparse.Namespace) -> int:
    """Judge one network under faults.

    The last line says the verdict and the fingerprint. Returns 1 if something must not be so.
    """
    order = _order(arguments)
    with Progress.of(arguments) as progress:
        progress.tell(f"{order.seconds / 3600:g} virtual hours of faults on {order.name}")
        outcome = carry_out(order, shorten=order.faults is None)
    _print_failure(outcome)
    print(_line(outcome.order, outcome.verdict))
    return 0 if outcome.verdict.ok else 1


def judge_many(arguments: argparse.Namespace) -> int:
    """Judge all networks in a campaign: print seeds, each run that failed, and a summary. Returns 1 if one failed."""
    began = time.monotonic()
    if arguments.scenario is not None:
        raise UserError("--campaign goes over all built-in scenarios; leave the scenario out")
    if arguments.campaign <= 0 or arguments.jobs < 1:
        raise UserError("--campaign and --jobs are positive numbers")
    hours = 1.0 if arguments.hours is None else arguments.hours
    chosen = orders(arguments.campaign, hours, arguments.seed)
    names = dict.fromkeys(order.name for order in chosen)
    print(f"{len(chosen)} runs of {hours:g} h, seeds {chosen[0].seed} to {chosen[-1].seed}")
    print(f"networks: {', '.join(names)}")
    tally = _Tally()
    with Progress.of(arguments) as progress:
        progress.tell(f"0 of {len(chosen)} runs")
        for outcome in campaign(chosen, arguments.jobs):
            progress.wipe()
            tally.take(outcome)
            progress.tell(f"{tally.runs} of {len(chosen)} runs, {len(tally.failed)} failed")
    if tally.longest:
        print("longest losses: " + ", ".join(f"{why} {tally.longest[why]:.1f} s" for why in sorted(tally.longest)))
    spent = time.monotonic() - began
    share = f"{tally.sent} packets, {_share(tally.demanded, tally.sent)} judged"
    did = f"{tally.router_hours:.0f} router-hours, {tally.faults} faults, {tally.runs} runs, {share}, {spent:.0f} s"
    print(f"campaign: {did}: {tally.verdict(len(chosen))}")
    return 1 if tally.failed or tally.lost else 0


@dataclass(slots=True)
class _Tally:
    """The results of a campaign. runs: how many ended. failed, lost: orders that failed, and whose processes died."""

    failed: list[Order] = field(default_factory=list)
    lost: list[Order] = field(default_factory=list)
    runs: int = 0
    router_hours: float = 0.0
    faults: int = 0
    sent: int = 0
    demanded: int = 0
    longest: dict[str, float] = field(default_factory=dict)

    def take(self, outcome: OrderOutcome | Lost) -> None:
        """Add a run; print it if it failed."""
        if isinstance(outcome, Lost):
            self._lose(outcome)
            return
        self.runs += 1
        verdict = outcome.verdict
        self.router_hours += verdict.router_hours
        self.faults += len(verdict.faults)
        self.sent += verdict.sent
        self.demanded += verdict.demanded
        for why, seconds in verdict.longest.items():
            self.longest[why] = max(self.longest.get(why, 0.0), seconds)
        if not verdict.ok:
            self.failed.append(outcome.order)
            _print_failure(outcome)
            print(_line(outcome.order, verdict), flush=True)

    def _lose(self, outcome: Lost) -> None:
        if not outcome.is_tried_again:
            self.lost.append(outcome.order)
        then = "it is tried once more" if outcome.is_tried_again else "it is lost"
        print(f"{outcome.order.name} seed {outcome.order.seed}: the process of this run died: {then}", flush=True)

    def verdict(self, chosen: int) -> str:
        """Return "ok", or which runs failed and which are lost."""
        said = [
            f"{word}: {len(orders)} of {chosen} runs ({', '.join(f'{one.name} --seed {one.seed}' for one in orders)})"
            for word, orders in (("FAILED", self.failed), ("LOST", self.lost))
            if orders
        ]
        return "; ".join(said) or "ok"


def _order(arguments: argparse.Namespace) -> Order:
    if arguments.scenario is None:
        raise UserError("simulate needs a scenario (or --campaign)")
    if arguments.faults != RANDOM:
        kept = load(Path(arguments.faults))
        if kept.scenario != arguments.scenario:
            raise UserError(f"{arguments.faults} is about {kept.scenario}, not {arguments.scenario}")
        return kept
    return Order(
        scenario=arguments.scenario,
        variants=tuple(arguments.variant),
        seed=arguments.seed,
        seconds=(1.0 if arguments.hours is None else arguments.hours) * 3600.0,
    )


def _print_failure(outcome: OrderOutcome) -> None:
    for violation in outcome.verdict.violations:
        print(f"{outcome.order.name} seed {outcome.order.seed}: {violation}")
    if outcome.short is not None:
        print(outcome.short.to_json())


def _line(order: Order, verdict: RunVerdict) -> str:
    what = f"{order.name} seed {order.seed}: {len(verdict.faults)} faults, {verdict.router_hours:.2f} router-hours"
    said = "ok" if verdict.ok else f"FAILED ({verdict.violations[0].rule})"
    packets = f"{verdict.sent} packets, {_share(verdict.demanded, verdict.sent)} judged"
    return f"{what}, {packets}: {said}, hash {verdict.digest}"


def _share(part: int, whole: int) -> str:
    """Return a share in percent, never rounded up."""
    return f"{100 * part // whole if whole else 0} %"
