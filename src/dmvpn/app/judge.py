"""`dmvpn simulate --faults ...`: break a network at random, and say whether it bore it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.app.drawing import spare, write_page
from dmvpn.app.progress import Progress
from dmvpn.base.errors import UserError
from dmvpn.judge.campaign import run
from dmvpn.judge.campaigns import Order, carry_out, load
from dmvpn.tools.campaign import share

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
    if arguments.film is not None:
        _check_film(arguments)
    with Progress.of(arguments) as progress:
        progress.tell(f"{order.seconds / 3600:g} virtual hours of faults on {order.name}")
        outcome = carry_out(order, shorten=order.faults is None)
        film = None
        if arguments.film is not None:
            progress.tell("once more, for the film")
            film = _film(outcome)
    print_failure(outcome)
    if film is not None:
        print(write_page(film, arguments.film))
    print(verdict_line(outcome.order, outcome.verdict))
    return 0 if outcome.verdict.ok else 1


def _check_film(arguments: argparse.Namespace) -> None:
    """Refuse a place for the film where it cannot be, or would overwrite something. Raises UserError, OSError."""
    film: Path = arguments.film
    if arguments.faults != RANDOM and film.exists() and film.samefile(arguments.faults):
        raise UserError(f"{film} is the list of faults, which this would overwrite: name another file")
    spare(film)


def _film(outcome: OrderOutcome) -> str:
    """Return the page that plays the shortest run that failed, or the end of a good run. Raises UserError."""
    from dmvpn.labs.judged_films import judged_film
    from dmvpn.web.exported import as_page

    order, why = outcome.order, outcome.verdict
    if outcome.short is not None:
        order = outcome.short
        why = run(order.plan())
    ends = why.violations[0].time if why.violations else order.seconds
    return as_page(judged_film(order, ends))


def film_command(order: Order) -> str:
    """Return the command that writes the film of a run with the faults of its seed."""
    variants = [word for variant in order.variants for word in ("--variant", variant)]
    words = [order.scenario, *variants, "--seed", str(order.seed), "--hours", f"{order.seconds / 3600:.12g}"]
    return shlex.join(["dmvpn", "simulate", *words, "--faults", RANDOM, "--film", "failure.html"])


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


def print_failure(outcome: OrderOutcome) -> None:
    """Print what must not be so, and the shortest list of faults that shows it."""
    for violation in outcome.verdict.violations:
        print(f"{outcome.order.name} seed {outcome.order.seed}: {violation}")
    if outcome.short is not None:
        print(outcome.short.to_json())


def verdict_line(order: Order, verdict: RunVerdict) -> str:
    """Return the last line about a run: its verdict and its fingerprint."""
    what = f"{order.name} seed {order.seed}: {len(verdict.faults)} faults, {verdict.router_hours:.2f} router-hours"
    said = "ok" if verdict.ok else f"FAILED ({verdict.violations[0].rule})"
    packets = f"{verdict.sent} packets, {share(verdict.demanded, verdict.sent)} judged"
    return f"{what}, {packets}: {said}, hash {verdict.digest}"
