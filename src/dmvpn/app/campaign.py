"""`dmvpn simulate --campaign ...`: many runs, by processes of this machine or a cluster, and what they come to."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.app.judge import film_command, print_failure, verdict_line
from dmvpn.app.pool import chosen_pool
from dmvpn.app.progress import Progress
from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.judge.campaigns import orders
from dmvpn.judge.work import Result, Task, run_text, version
from dmvpn.tools.campaign import ResultFile, Summary, as_svg
from dmvpn.tools.campaign.summary import share
from dmvpn.tools.pool.contract import Lost

if TYPE_CHECKING:
    import argparse


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
    begin = chosen_pool(arguments)
    tasks = _tasks(arguments.campaign, hours, arguments.seed)
    with ExitStack() as stack:
        file = stack.enter_context(ResultFile(arguments.results)) if arguments.results else None
        campaign = _Campaign(tasks, file)
        print(f"{len(tasks)} runs of {hours:g} h, seeds {tasks[0].seed} to {tasks[-1].seed}")
        print(f"networks: {', '.join(dict.fromkeys(task.name for task in tasks))}")
        campaign.read()
        if campaign.left:
            pool = stack.enter_context(begin())
            progress = stack.enter_context(Progress.of(arguments))
            progress.tell(campaign.progress())
            for came in pool.submit(run_text, [task.to_json() for task in campaign.left]):
                progress.wipe()
                campaign.take(came)
                progress.tell(campaign.progress())
    campaign.conclude(time.monotonic() - began)
    if arguments.histogram is not None:
        title = f"Outages in {campaign.summary.whole.router_hours:.0f} router-hours"
        arguments.histogram.write_text(as_svg(campaign.summary, title), "utf-8")
    return 1 if campaign.failed or campaign.lost else 0


def _tasks(router_hours: float, hours: float, seed: int) -> list[Task]:
    """Return the tasks of the campaign that `orders` plans."""
    ours = version()
    return [
        Task(network=order.scenario, variant=order.variants, seed=order.seed, hours=hours, version=ours)
        for order in orders(router_hours, hours, seed)
    ]


@dataclass(slots=True)
class _Campaign:
    """A campaign under way.

    left: tasks that its file lacks. failed: tasks with a violation. lost: tasks whose workers died.
    began: when the first of these tasks could begin, a time of the clock. ended: how many of them have ended.
    """

    tasks: list[Task]
    file: ResultFile | None
    left: list[Task] = field(default_factory=list)
    summary: Summary = field(default_factory=Summary)
    failed: list[Task] = field(default_factory=list)
    lost: list[Task] = field(default_factory=list)
    began: float = 0.0
    ended: int = 0

    def read(self) -> None:
        """Take the results that the file has."""
        done = set()
        for result in self.file.read(self.tasks) if self.file else ():
            done.add(result.task)
            self._count(result)
        self.left = [task for task in self.tasks if task not in done]
        if self.file and done:
            print(f"{self.file.path} has {len(done)} of these runs", flush=True)
        self.began = time.monotonic()

    def take(self, came: str | Lost[str]) -> None:
        """Keep what came from a worker; print it if it failed."""
        if isinstance(came, Lost):
            self._lose(Task.from_json(came.task), is_tried_again=came.is_tried_again)
            return
        result = Result.from_json(came)
        if self.file:
            self.file.add(result)
        self.ended += 1
        self._count(result)

    def _count(self, result: Result) -> None:
        self.summary.add(result)
        if not result.verdict.ok:
            self.failed.append(result.task)
            print_failure(result.outcome)
            print(f"to see it: {film_command(result.task.order)}")
            print(verdict_line(result.task.order, result.verdict), flush=True)

    def _lose(self, task: Task, *, is_tried_again: bool) -> None:
        if not is_tried_again:
            self.lost.append(task)
            self.ended += 1
        then = "it is tried once more" if is_tried_again else "it is lost"
        print(f"{task.name} seed {task.seed}: the process of this run died: {then}", flush=True)

    def progress(self) -> str:
        """Return how far it is, its rate and the time that is left."""
        ended = len(self.tasks) - len(self.left) + self.ended
        said = f"{ended} of {len(self.tasks)} runs, {len(self.failed)} failed"
        spent = time.monotonic() - self.began
        if not self.ended or spent <= 0:
            return said
        left = spent / self.ended * (len(self.left) - self.ended)
        return f"{said}, {60 * self.ended / spent:.3g} a minute, {_duration(left)} left"

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
        for word, some in (("FAILED", self.failed), ("LOST", self.lost)):
            if some:
                runs = ", ".join(f"{task.name} --seed {task.seed}" for task in some)
                said.append(f"{word}: {len(some)} of {len(self.tasks)} runs ({runs})")
        return "; ".join(said) or "ok"


def _duration(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
