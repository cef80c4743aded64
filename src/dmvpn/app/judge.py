"""`dmvpn simulate --faults ...` and `--campaign ...`: break networks at random, and say whether they bore it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.app.progress import Progress
from dmvpn.base.errors import UserError
from dmvpn.judge.campaigns import Order, campaign, carry_out, load, orders

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from dmvpn.judge.campaign import Verdict
    from dmvpn.judge.campaigns import Outcome

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
    progress = Progress.of(arguments)
    failed: list[Outcome] = []
    router_hours, faults, sent, demanded, longest = 0.0, 0, 0, 0, dict[str, float]()
    for outcome in _watched(chosen, arguments.jobs, progress, failed):
        router_hours += outcome.verdict.router_hours
        faults += len(outcome.verdict.faults)
        sent += outcome.verdict.sent
        demanded += outcome.verdict.demanded
        for why, seconds in outcome.verdict.longest.items():
            longest[why] = max(longest.get(why, 0.0), seconds)
        if not outcome.verdict.ok:
            failed.append(outcome)
            progress.wipe()
            _print_failure(outcome)
            print(_line(outcome.order, outcome.verdict), flush=True)
    if longest:
        print("longest losses: " + ", ".join(f"{why} {longest[why]:.1f} s" for why in sorted(longest)))
    seeds = ", ".join(f"{outcome.order.name} --seed {outcome.order.seed}" for outcome in failed)
    verdict = f"FAILED: {len(failed)} of {len(chosen)} runs ({seeds})" if failed else "ok"
    spent = time.monotonic() - began
    share = f"{sent} packets, {_share(demanded, sent)} judged"
    did = f"{router_hours:.0f} router-hours, {faults} faults, {len(chosen)} runs, {share}, {spent:.0f} s"
    print(f"campaign: {did}: {verdict}")
    return 1 if failed else 0


def _watched(chosen: list[Order], jobs: int, progress: Progress, failed: list[Outcome]) -> Iterator[Outcome]:
    """Yield the outcomes of a campaign, and a line about how far it is."""
    with progress:
        progress.tell(f"0 of {len(chosen)} runs")
        for number, outcome in enumerate(campaign(chosen, jobs), 1):
            yield outcome
            progress.tell(f"{number} of {len(chosen)} runs, {len(failed)} failed")


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


def _print_failure(outcome: Outcome) -> None:
    for violation in outcome.verdict.violations:
        print(f"{outcome.order.name} seed {outcome.order.seed}: {violation}")
    if outcome.short is not None:
        print(outcome.short.to_json())


def _line(order: Order, verdict: Verdict) -> str:
    what = f"{order.name} seed {order.seed}: {len(verdict.faults)} faults, {verdict.router_hours:.2f} router-hours"
    said = "ok" if verdict.ok else f"FAILED ({verdict.violations[0].rule})"
    packets = f"{verdict.sent} packets, {_share(verdict.demanded, verdict.sent)} judged"
    return f"{what}, {packets}: {said}, hash {verdict.digest}"


def _share(part: int, whole: int) -> str:
    """Return a share in percent, never rounded up."""
    return f"{100 * part // whole if whole else 0} %"
