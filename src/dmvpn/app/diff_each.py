"""`dmvpn diff --each FOLDER`: many candidates against one network, and a table of verdicts."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.app.many import Many, opened
from dmvpn.app.pool import chosen_pool
from dmvpn.app.sides import load
from dmvpn.base.errors import UserError
from dmvpn.tools.diff.each import FORM, CandidateRow, CandidateTask, candidate_task, rows_as_text, try_candidate

if TYPE_CHECKING:
    import argparse

    from dmvpn.shells.scenario import Scenario


def run_each(arguments: argparse.Namespace) -> int:
    """Compare each candidate; print the table. Returns 0: none gets worse, 1: one does, 2: one could not be tried.

    Raises UserError.
    """
    begin = chosen_pool(arguments)
    rows: list[CandidateRow] = []
    with opened(arguments, FORM) as file:
        before = load(arguments.before)
        tasks: list[CandidateTask] = []
        for folder in _candidates(Path(arguments.each)):
            try:
                after = load(str(folder))
            except UserError as error:
                rows.append(CandidateRow(name=folder.name, why=str(error), untried=True))
                continue
            tasks.append(_task(folder.name, before, after, arguments))
        many = Many(tasks, FORM, "candidates", _note)
        with closing(
            many.results(file, arguments, begin, lambda pool, left: pool.submit(try_candidate, left))
        ) as results:
            rows += (result.row for result in results)
    rows += (CandidateRow(name=task.name, why="its process died, twice", untried=True) for task in many.lost)
    rows.sort(key=lambda row: row.name)
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


def _candidates(folder: Path) -> list[Path]:
    """Return the folders of the candidates. Raises UserError."""
    try:
        found = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}") from error
    if not found:
        raise UserError(f"{folder}: no folder in it; --each wants a folder with one folder for each candidate")
    return sorted(found)


def _task(name: str, before: Scenario, after: Scenario, arguments: argparse.Namespace) -> CandidateTask:
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
