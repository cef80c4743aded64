"""Many tasks of one command: the tasks that its file of results lacks go to a pool, and results come as they end.

`--jobs` and `--on` say which workers carry them out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Generic, TypeVar

from dmvpn.app.progress import Progress
from dmvpn.base.errors import UserError
from dmvpn.tools.pool.local import Lost, Pool
from dmvpn.tools.pool.results import Form, ResultFile

T = TypeVar("T")
R = TypeVar("R")


# ------------------------------------------------------------------------------------------------ workers


def chosen_pool(arguments: argparse.Namespace) -> Callable[[], Pool]:
    """Return what begins the pool that the options ask for. Both raise UserError."""
    files = [arguments.tls_ca, arguments.tls_cert, arguments.tls_key]
    if arguments.on is None:
        if any(files):
            raise UserError("--tls-ca, --tls-cert and --tls-key go with --on tls://...")
        from dmvpn.tools.pool.local import LocalPool

        jobs = 1 if arguments.jobs is None else arguments.jobs
        if jobs < 1:
            raise UserError("--jobs must be a positive number")
        return lambda: LocalPool(jobs)
    if arguments.jobs is not None:
        raise UserError("--jobs is about processes of this machine, and --on about those of a cluster: choose one")
    from dmvpn.tools.pool.addresses import Tls, checked

    if any(files) and not all(files):
        raise UserError("--tls-ca, --tls-cert and --tls-key go together")
    address = checked(arguments.on)
    try:
        from dmvpn.tools.pool.on_dask import DaskPool
    except ModuleNotFoundError as error:
        raise UserError(f"--on needs Dask, and {error.name} is not installed: pip install 'dmvpn[pool]'") from error
    return lambda: DaskPool(address, Tls(*files) if all(files) else None)


# ------------------------------------------------------------------------------------------------ tasks


def opened(arguments: argparse.Namespace, form: Form[T, R]) -> AbstractContextManager[ResultFile[T, R] | None]:
    """Open the file of `--results`, before there is work for it; None without the option. Raises UserError."""
    path: Path | None = arguments.results
    return nullcontext() if path is None else ResultFile(path, form)


class Many(Generic[T, R]):
    """The tasks of one command, what became of them, and how long the rest takes. lost: tasks whose workers died.

    noun: of the tasks, in the plural. note: prints a line about a task or the file.
    """

    def __init__(self, tasks: Sequence[T], form: Form[T, R], noun: str, note: Callable[[str], None]) -> None:
        self.tasks = tasks
        self.lost: list[T] = []
        self._form = form
        self._noun = noun
        self._note = note
        self._left = list(tasks)
        self._ended = 0
        self._began = 0.0

    def results(
        self,
        file: ResultFile[T, R] | None,
        arguments: argparse.Namespace,
        begin: Callable[[], Pool],
        submit: Callable[[Pool, Sequence[T]], Iterator[R | Lost[T]]],
        words: Callable[[], str] = str,
    ) -> Generator[R]:
        """Yield all results: those of the file (see `opened`), then the others as they come. Raises UserError.

        begin: begins the pool. submit: gives it tasks. words: what to add to the progress.
        """
        if file is not None:
            known: dict[T, R] = {self._form.task_of(result): result for result in file.read_results(self.tasks)}
            self._left = [task for task in self.tasks if task not in known]
            if known:
                self._note(f"{file.path} has {len(known)} of these {self._noun}")
            yield from known.values()
        if not self._left:
            return
        self._began = time.monotonic()
        with begin() as pool, Progress.of(arguments) as progress:
            progress.tell(self._progress(words()))
            for came in submit(pool, self._left):
                progress.wipe()
                if isinstance(came, Lost):
                    self._lose(came.task, is_tried_again=came.is_tried_again)
                else:
                    if file is not None:
                        file.add(came)  # before it is used
                    self._ended += 1
                    yield came
                progress.tell(self._progress(words()))

    def _lose(self, task: T, *, is_tried_again: bool) -> None:
        if not is_tried_again:
            self.lost.append(task)
            self._ended += 1
        then = "it is tried once more" if is_tried_again else "it is lost"
        self._note(f"{self._form.said(task)}: its process died: {then}")

    def _progress(self, words: str) -> str:
        """Return how far it is, its rate and the time that is left."""
        ended = len(self.tasks) - len(self._left) + self._ended
        said = f"{ended} of {len(self.tasks)} {self._noun}{words}"
        spent = time.monotonic() - self._began
        if not self._ended or spent <= 0:
            return said
        left = spent / self._ended * (len(self._left) - self._ended)
        return f"{said}, {60 * self._ended / spent:.3g} a minute, {_duration(left)} left"


def _duration(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
