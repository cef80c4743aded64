"""`dmvpn diff --each FOLDER`: many candidates against one network, and a table of verdicts."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

from dmvpn.app.many import Many, chosen_pool, opened
from dmvpn.app.words import load_network
from dmvpn.base.errors import UserError
from dmvpn.tools.diff.comparison import (
    FORM,
    CandidateResult,
    CandidateRow,
    CandidateTask,
    candidate_task,
    rows_as_text,
    try_candidate,
)
from dmvpn.tools.pool.local import Lost, Pool


def run_each(arguments: argparse.Namespace) -> int:
    """Compare each candidate; print the table. Returns 0: none gets worse, 1: one does, 2: one could not be tried.

    Raises UserError.
    """
    begin = chosen_pool(arguments)
    rows: list[CandidateRow] = []
    with opened(arguments, FORM) as file:
        plan = _Plan(arguments)
        many = Many(list(plan.tasks(rows)), FORM, "candidates", _note)

        def submit(pool: Pool, left: Sequence[CandidateTask]) -> Iterator[CandidateResult | Lost[CandidateTask]]:
            return pool.submit(try_candidate, map(plan.whole, left))

        with closing(many.results(file, arguments, begin, submit)) as results:
            rows += (result.row for result in results)
    rows += (CandidateRow(name=task.name, why="its process died, twice", untried=True) for task in many.lost)
    rows.sort(key=lambda row: row.name)
    rows = [replace(row, name=_readable(row.name), why=_readable(row.why)) for row in rows]
    if arguments.json:
        print(json.dumps([{"verdict": row.verdict, **asdict(row)} for row in rows], indent=2))
    else:
        print(*rows_as_text(rows), sep="\n")
    if any(row.untried for row in rows):
        return 2
    return int(any(row.worse for row in rows))


def _note(text: str) -> None:
    """Print a line beside the table, which may go to a program."""
    print(text, file=sys.stderr, flush=True)


def _readable(text: str) -> str:
    """Return a text that may have names of files in it, whose octets need not be UTF-8, so that it can be printed."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _candidates(folder: Path) -> list[Path]:
    """Return the folders of the candidates. Raises UserError."""
    try:
        found = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}") from error
    if not found:
        raise UserError(f"{folder}: no folder in it; --each needs a folder with one folder for each candidate")
    return sorted(found)


class _Plan:
    """The comparisons of the command. Thousands of networks are no burden: each is read again when its turn comes."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Read the network before. Raises UserError."""
        self._arguments = arguments
        self._before = load_network(arguments.before)
        self._folders = {folder.name: folder for folder in _candidates(Path(arguments.each))}

    def tasks(self, unreadable: list[CandidateRow]) -> Iterator[CandidateTask]:
        """Yield the tasks, without their networks; add a row for each candidate that cannot be read."""
        for name in self._folders:
            try:
                yield replace(self._task(name), octets=b"")
            except UserError as error:
                unreadable.append(CandidateRow(name=name, why=str(error), untried=True))

    def whole(self, task: CandidateTask) -> CandidateTask:
        """Return a task with its networks. Raises UserError if a file has changed since the command began."""
        whole = self._task(task.name)
        if whole != task:
            raise UserError(f"{self._folders[task.name]}: changed while this command ran; what came so far is kept")
        return whole

    def _task(self, name: str) -> CandidateTask:
        arguments, before, after = self._arguments, self._before, load_network(str(self._folders[name]))
        if arguments.spokes is not None:
            from dmvpn.shells.simulator.multiply import multiply

            before, after = multiply((before, after), arguments.spokes)
        return candidate_task(
            name,
            before,
            after,
            seed=arguments.seed,
            order=None if arguments.order == "none" else arguments.order,
            max_outage=arguments.max_outage,
        )
