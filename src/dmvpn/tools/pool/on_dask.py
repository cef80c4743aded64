"""A cluster of Dask, which exists already: its scheduler has an address, its workers have this program.

The scheduler gives each worker a task and, if the worker dies, gives the task to another one. After some deaths
(`distributed.scheduler.allowed-failures`) it gives the task up; then the task is tried once more, because it may have
been with workers that died of something else.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Final, Self, TypeVar, cast

from distributed import Client, Future, KilledWorker, Security, Status, as_completed, get_worker

from dmvpn.base.errors import UserError, named
from dmvpn.tools.pool.addresses import Tls, is_closed
from dmvpn.tools.pool.local import Lost

T = TypeVar("T")
R = TypeVar("R")

#: Seconds to wait for the scheduler, and for the first worker.
PATIENCE: Final = 10
_FIRST_WORKER: Final = 30
#: Tasks that the scheduler has at a time: enough for some hundred workers, and few enough for its memory.
_MOST: Final = 1000
#: A worker may have several threads; these tasks are Python alone, and gain nothing by running side by side.
_ALONE: Final = threading.Lock()
#: States of a task that its scheduler still knows; "lost": its result died with its worker.
_ALIVE: Final = ("pending", "finished", "error", "lost")


class DaskPool:
    """The workers of a cluster."""

    def __init__(self, address: str, tls: Tls | None) -> None:
        """Connect to the scheduler at a checked address. Raises UserError."""
        for name in ("distributed", "distributed.client"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what it says is an error below
        self._address = address
        self._client = _connected(address, _security(address, tls))
        try:
            self._check()
        except BaseException:
            self._client.close()
            raise

    def _check(self) -> None:
        """Wait for a worker, and refuse a cluster that any machine can use."""
        try:
            self._client.wait_for_workers(1, timeout=_FIRST_WORKER)
        except TimeoutError as error:
            start = f"dask worker {self._address} --nthreads 1"
            raise UserError(f"{self._address}: no worker came within {_FIRST_WORKER} s. Start one: {start}") from error
        known = self._client.scheduler_info(n_workers=-1)
        for end in (known["address"], *known["workers"]):
            if not is_closed(end):
                raise UserError(f"{end} of this cluster is open to other machines without TLS: see --host of dask")

    @property
    def size(self) -> str:
        """The number of workers, in words."""
        count = len(self._client.scheduler_info(n_workers=-1)["workers"])
        return f"{count} worker{'' if count == 1 else 's'} at {self._address}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def submit(self, work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R | Lost[T]]:
        """Let workers carry tasks out; results as they come."""
        firsts, coming = iter(tasks), as_completed(loop=self._client.loop)
        under_way: dict[Future, tuple[T, bool]] = {}

        def give(some: list[T], *, is_first: bool) -> None:
            futures = self._client.map(alone, [work] * len(some), some, pure=False)
            under_way.update((future, (task, is_first)) for future, task in zip(futures, some, strict=True))
            coming.update(futures)

        while True:
            more = [task for _, task in zip(range(_MOST - len(under_way)), firsts, strict=False)]
            if more:
                give(more, is_first=True)
            if not under_way:
                return
            ended = list(coming.next_batch())
            results = self._gathered([future for future in ended if future.status == "finished"])
            for future in ended:
                task, is_first = under_way.pop(future)
                if future in results:
                    yield cast("R", results[future])
                elif self._is_lost(future):
                    if is_first:
                        give([task], is_first=False)
                    yield Lost(task, is_first)
                else:  # its worker died with the result
                    give([task], is_first=is_first)

    def _gathered(self, futures: list[Future]) -> dict[Future, object]:
        """Return the results of tasks that have ended; a result can die with the worker that has it.

        The scheduler then has the task done again, and gives it up if that kills more workers.
        """
        if not futures:
            return {}
        try:
            return dict(zip(futures, self._client.gather(futures), strict=True))
        except (CancelledError, KeyError, KilledWorker, OSError):
            if len(futures) == 1:
                return {}
        return {future: result for one in futures for future, result in self._gathered([one]).items()}

    def _is_lost(self, future: Future) -> bool:
        """Return whether a task was given up. Raises what the task raised, or UserError without a scheduler."""
        if self._client.status != "running" or future.status not in _ALIVE:
            raise UserError(f"{self._address}: the scheduler is gone; what came is kept, and another try goes on")
        if future.status != "error":
            return False
        error = future.exception()
        if isinstance(error, KilledWorker):
            return True
        if isinstance(error, ModuleNotFoundError):
            raise UserError(f"a worker of {self._address} lacks a package: {error}; install dmvpn[pool]") from error
        raise error or AssertionError("an error without an exception")


def alone(work: Callable[[T], R], task: T) -> R:
    """Carry a task out, on a worker, with no other of ours at its side."""
    with _ALONE, _without_profile():
        return work(task)


@contextmanager
def _without_profile() -> Iterator[None]:
    """Stop the worker's statistical profile meanwhile: every 10 ms it walks the stack, which is deep in a run.

    It costs an eighth of the time. The worker may have tasks of other users, so it goes on behind ours.
    """
    worker = get_worker()
    profile = worker.periodic_callbacks.get("profile")
    if profile is None:  # Dask's configuration turns it off
        yield
        return

    def resume() -> None:
        if worker.status not in (
            Status.closing,
            Status.closed,
            Status.failed,
        ):  # a worker that closes has stopped it for good
            profile.start()

    worker.loop.add_callback(profile.stop)
    try:
        yield
    finally:
        worker.loop.add_callback(resume)


def _security(address: str, tls: Tls | None) -> Security | None:
    """Return what TLS needs. Raises UserError."""
    if not address.startswith("tls:"):
        if tls is not None:
            raise UserError(f"{address}: --tls-ca, --tls-cert and --tls-key go with tls://")
        return None
    if tls is None:
        made = Security(require_encryption=True)  # its files are in Dask's own configuration, or nowhere
        if not (made.tls_ca_file and made.tls_client_cert):
            raise UserError(f"{address}: give --tls-ca, --tls-cert and --tls-key, or set them in Dask's configuration")
        return made
    for path in (tls.authority, tls.certificate, tls.key):
        if not path.is_file():
            raise UserError(f"{path}: no such file")
    return Security(
        tls_ca_file=str(tls.authority),
        tls_client_cert=str(tls.certificate),
        tls_client_key=str(tls.key),
        require_encryption=True,
    )


def _connected(address: str, security: Security | None) -> Client:
    try:
        return Client(address, security=security, timeout=PATIENCE, set_as_default=False, name="dmvpn")
    except (OSError, ValueError) as error:
        raise UserError(f"{address}: no scheduler answers: {named(error)}") from error
