"""A cluster of Dask for a test: a scheduler and workers as processes, which can be killed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: Of `pytest.mark.skipif`: these tests need the extra.
needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="the extra `pool` (Dask) is not installed")


class Cluster:
    """The processes of a cluster. inside: the words before each command, as `ip netns exec NAME`.

    deaths: so many workers may die with a task before the scheduler gives it up; None: as Dask has it.
    """

    def __init__(
        self,
        folder: Path,
        listen: str,
        *,
        tls: Sequence[str] = (),
        inside: Sequence[str] = (),
        deaths: int | None = None,
    ) -> None:
        self._folder = folder
        self._tls = list(tls)
        self._variables = {} if deaths is None else {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(deaths)}
        self.workers: list[subprocess.Popen[str]] = []
        words = ["scheduler", "--host", listen, "--port", "0", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
        self.scheduler = self._start(words, inside, stderr=subprocess.PIPE)
        self.address = _said(self.scheduler, r"Scheduler at:\s+(\S+)")
        self._reader = threading.Thread(target=_drain, args=(self.scheduler,), daemon=True)
        self._reader.start()

    def _start(
        self, words: Sequence[str], inside: Sequence[str], *, stderr: int = subprocess.DEVNULL
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*inside, sys.executable, "-m", "dask", *words, *self._tls],
            cwd=self._folder,
            env=os.environ | self._variables | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            text=True,
        )

    def add(self, *more: str, inside: Sequence[str] = ()) -> subprocess.Popen[str]:
        """Start a worker: one process of its own, without a nanny."""
        words = ["worker", self.address, "--no-nanny", "--nthreads", "1", "--no-dashboard", *more]
        worker = self._start(words, inside)
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        """End all processes."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
        self._reader.join()


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """A cluster on loopback."""
    made = Cluster(folder, "127.0.0.1")
    try:
        for _ in range(workers):
            made.add("--host", "127.0.0.1")
        yield made
    finally:
        made.close()


def _said(process: subprocess.Popen[str], pattern: str) -> str:
    """Return what the process says of this form."""
    assert process.stderr is not None
    for line in process.stderr:
        found = re.search(pattern, line)
        if found:
            return found[1]
    raise AssertionError(f"the process ended with {process.wait()}")


def _drain(process: subprocess.Popen[str]) -> None:
    """Read on until the process ends, so that it never waits for a reader."""
    assert process.stderr is not None
    with process.stderr as lines:
        for _ in lines:
            pass
