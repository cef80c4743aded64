"""`dmvpn simulate --faults ...`: break a network at random, and say whether it bore it.

`--campaign ...`: many runs, by processes of this machine or a cluster, and what they come to.
"""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import field
from pathlib import Path
from typing import Final

from dmvpn.app.drawing import check_writable, spare, write_page
from dmvpn.app.many import Many, chosen_pool, opened
from dmvpn.app.progress import Progress
from dmvpn.base.errors import UserError
from dmvpn.base.values import Mutable
from dmvpn.judge.campaign import RunVerdict, run
from dmvpn.judge.campaigns import Order, OrderOutcome, Result, Task, carry_out, load, orders, run_text, version
from dmvpn.tools.campaign import FORM, Summary, as_svg, share
from dmvpn.tools.pool.local import Lost, Pool

#: The word behind `--faults` that asks for those of the seed.
RANDOM = "random"

#: Router-hours of the longest campaign for each hour of a run.
_MOST: Final = 10_000_000


# ------------------------------------------------------------------------------------------------ one run


def judge_one(arguments: argparse.Namespace) -> int:
    """Judge one network under faults.

    The last line says the verdict and the fingerprint. Returns 1 if something must not be so.
    """
    order = _order(arguments)
    if arguments.film is not None:
        film_file: Path = arguments.film
        if arguments.faults != RANDOM and film_file.exists() and film_file.samefile(arguments.faults):
            raise UserError(f"{film_file} is the list of faults, which this would overwrite: name another file")
        spare(film_file)
    with Progress.of(arguments) as progress:
        progress.tell(f"{order.seconds / 3600:g} virtual hours of faults on {order.name}")
        outcome = carry_out(order, shorten=order.faults is None)
        film = None
        if arguments.film is not None:
            progress.tell("once more, for the film")
            from dmvpn.labs.judged_films import judged_film
            from dmvpn.web.exported import as_page

            order, why = outcome.order, outcome.verdict
            if outcome.short is not None:
                order = outcome.short
                why = run(order.plan())
            ends = why.violations[0].time if why.violations else order.seconds
            film = as_page(judged_film(order, ends))
    print_failure(outcome)
    if film is not None:
        print(write_page(film, arguments.film))
    print(verdict_line(outcome.order, outcome.verdict))
    return 0 if outcome.verdict.ok else 1


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


# ------------------------------------------------------------------------------------------------ a campaign


def judge_many(arguments: argparse.Namespace) -> int:
    """Judge all networks in a campaign: print seeds, each run that failed, and a summary. Returns 1 if one failed."""
    began = time.monotonic()
    if arguments.scenario is not None:
        raise UserError("--campaign goes over all built-in scenarios; leave the scenario out")
    if arguments.campaign <= 0:
        raise UserError("--campaign must be a positive number")
    hours = 1.0 if arguments.hours is None else arguments.hours
    if hours <= 0:
        raise UserError("--hours of a campaign must be a positive number")
    if arguments.campaign / hours > _MOST:
        raise UserError(
            f"--campaign N with --hours H: N is at most {_MOST:,} times H, for a list of the runs in memory"
        )
    if arguments.histogram is not None:
        check_writable(arguments.histogram)
    begin = chosen_pool(arguments)
    with opened(arguments, FORM) as file:
        ours = version()
        tasks = [
            Task(network=order.scenario, variant=order.variants, seed=order.seed, hours=hours, version=ours)
            for order in orders(arguments.campaign, hours, arguments.seed)
        ]
        print(f"{len(tasks)} runs of {hours:g} h, seeds {tasks[0].seed} to {tasks[-1].seed}")
        print(f"networks: {', '.join(dict.fromkeys(task.name for task in tasks))}", flush=True)
        many = Many(tasks, FORM, "runs", note)
        campaign = _Campaign(many)
        with closing(many.results(file, arguments, begin, _submit, campaign.words)) as results:
            for result in results:
                campaign.count(result)
    campaign.conclude(time.monotonic() - began)
    if arguments.histogram is not None:
        title = f"Outages in {campaign.summary.whole.router_hours:.0f} router-hours"
        arguments.histogram.write_text(as_svg(campaign.summary, title), "utf-8")
    return 1 if campaign.failed or many.lost else 0


def note(text: str) -> None:
    """Print a line, at once."""
    print(text, flush=True)


def _submit(pool: Pool, tasks: Sequence[Task]) -> Iterator[Result | Lost[Task]]:
    """Let a pool carry out tasks as lines."""
    for came in pool.submit(run_text, [task.to_json() for task in tasks]):
        if isinstance(came, Lost):
            yield Lost(Task.from_json(came.task), came.is_tried_again)
        else:
            yield Result.from_json(came)


class _Campaign(Mutable):
    """A campaign under way. failed: tasks with a violation."""

    many: Many[Task, Result]
    summary: Summary = field(default_factory=Summary)
    failed: list[Task] = field(default_factory=list)

    def words(self) -> str:
        """Return what to add to the progress."""
        return f", {len(self.failed)} failed"

    def count(self, result: Result) -> None:
        """Add a result; print it if it failed."""
        self.summary.add(result)
        if not result.verdict.ok:
            self.failed.append(result.task)
            print_failure(result.outcome)
            print(f"to see it: {film_command(result.task.order)}")
            print(verdict_line(result.task.order, result.verdict), flush=True)

    def conclude(self, spent: float) -> None:
        """Print the tables, the hash of all runs, and the verdict in the last line. spent: seconds."""
        summary, whole = self.summary, self.summary.whole
        if whole.runs:
            print("", *summary.table(), "", sep="\n")
            print(f"hash of all runs: {summary.digest}")
        packets = f"{whole.sent} packets, {share(whole.demanded, whole.sent)} judged"
        did = (
            f"{whole.router_hours:.0f} router-hours, {whole.faults} faults, {whole.runs} runs, {packets}, {spent:.0f} s"
        )
        print(f"campaign: {did}: {self._verdict()}")

    def _verdict(self) -> str:
        """Return "ok", or which runs failed and which are lost."""
        said = []
        for word, some in (("FAILED", self.failed), ("LOST", self.many.lost)):
            if some:
                runs = ", ".join(f"{task.name} --seed {task.seed}" for task in some)
                said.append(f"{word}: {len(some)} of {len(self.many.tasks)} runs ({runs})")
        return "; ".join(said) or "ok"
