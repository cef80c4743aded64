"""Turns: what asks a lab waits in a thread, and a lab has a bounded number of these threads.

So a lab that does not answer holds up no other one. Who gets no turn in time, because those before it got no answer, is
refused.
"""

from __future__ import annotations

import asyncio
from dataclasses import field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

from anyio import CapacityLimiter, to_thread

from dmvpn.base.values import dataclass
from dmvpn.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: Threads of a lab, and of all labs.
AT_A_TIME, THREADS = 16, 200
#: In the place of a lab's name, for work that asks all labs.
ALL: Final = "*"
#: Seconds for which a request waits for its turn.
PATIENCE: Final = 20.0


@dataclass(slots=True)
class _Lab:
    """The turns of one lab. users: requests that have or await one."""

    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_A_TIME))
    users: int = 0


class Turns:
    """See the module's docstring."""

    def __init__(self) -> None:
        self._labs: dict[str, _Lab] = {}
        self._threads = CapacityLimiter(THREADS)

    async def take(self, lab: str, work: Callable[[], T]) -> T:
        """Do work that waits for a lab. lab: its name, if there is such a lab. Raises Problem, and what `work` does."""
        turns = self._labs.setdefault(lab, _Lab())
        turns.users += 1
        try:
            try:
                async with asyncio.timeout(PATIENCE):
                    await turns.free.acquire()
            except TimeoutError:
                detail = "the lab is busy with earlier requests"
                raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "5"}) from None
            try:
                return await to_thread.run_sync(work, limiter=self._threads)
            finally:
                turns.free.release()
        finally:
            turns.users -= 1
            if not turns.users:
                del self._labs[lab]
