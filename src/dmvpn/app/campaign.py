"""`dmvpn simulate --campaign ...`: many runs, by processes of this machine or a cluster, and what they come to."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.app.drawing import check_writable
from dmvpn.app.judge import film_command, print_failure, verdict_line
from dmvpn.app.many import Many, opened
from dmvpn.app.pool import chosen_pool
from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.judge.campaigns import Result, Task, orders, run_text, version
from dmvpn.tools.campaign import FORM, Summary, as_svg, share
from dmvpn.tools.pool.local import Lost

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from dmvpn.tools.pool.local import Pool

#: Router-hours of the longest campaign for each hour of a run.
_MOST: Final = 10_000_000


def judge_many(arguments: argparse.Namespace) -> int:
    """Judge all networks in a campaign: print seeds, each run that failed, and a summary. Returns 1 if one failed."""
    began = time.monotonic()
    if arguments.scenario is not None:
        raise UserError("--campaign goes over all built-in scenarios; leave the scenario out")
    if arguments.campaign <= 0:
        raise UserError("--campaign is a positive number")
    hours = 1.0 if arguments.hours is None else arguments.hours
    if hours <= 0:
        raise UserError("--hours of a campaign is a positive number")
    if arguments.campaign / hours > _MOST:
        raise UserError(
            f"--campaign N with --hours H: N is at most {_MOST:,} times H, for a list of the runs in memory"
        )
    if arguments.histogram is not None:
        check_writable(arguments.histogram)
    begin = chosen_pool(arguments)
    with opened(arguments, FORM) as file:
        tasks = _tasks(arguments.campaign, hours, arguments.seed)
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


def _tasks(router_hours: float, hours: float, seed: int) -> list[Task]:
    """Return the tasks of the campaign that `orders` plans."""
    ours = version()
    return [
        Task(network=order.scenario, variant=order.variants, seed=order.seed, hours=hours, version=ours)
        for order in orders(router_hours, hours, seed)
    ]


def _submit(pool: Pool, tasks: Sequence[Task]) -> Iterator[Result | Lost[Task]]:
    """Let a pool carry out tasks as lines."""
    for came in pool.submit(run_text, [task.to_json() for task in tasks]):
        if isinstance(came, Lost):
            yield Lost(Task.from_json(came.task), came.is_tried_again)
        else:
            yield Result.from_json(came)


@dataclass(slots=True)
class _Campaign:
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
