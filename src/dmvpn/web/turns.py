"""Turns: whatever waits for a lab or a disk does so in a thread, and threads are bounded (`bounds`).

So a lab that does not answer holds up no other lab, and a user whose labs do not answer holds up no other user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from anyio import CapacityLimiter, to_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from dmvpn.shells.lab.places import LabFolder
    from dmvpn.web.bounds import Bounds
    from dmvpn.web.entrance import Caller
    from dmvpn.web.fleet import Fleet

T = TypeVar("T")

#: In the place of a lab's name, for work that asks several labs.
ALL: Final = "*"


class Turns:
    """See the module's docstring."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._threads = CapacityLimiter(
            sum(bounds.table[name].most for name in ("threads", "reads", "ends", "scrapes"))
        )

    async def take(self, lab: str, caller: Caller, work: Callable[[], T]) -> T:
        """Do work that waits for a lab. lab: its name. Raises Problem, and what `work` does."""
        async with self._bounds.turn("turns", caller, lab), self._bounds.turn("threads", caller):
            return await self._run(work)

    async def read(self, caller: Caller, work: Callable[[], T], name: str = "reads") -> T:
        """Do work that has a bound of its own: what waits for the disk alone. Raises Problem, and what `work` does."""
        async with self._bounds.turn(name, caller):
            return await self._run(work)

    async def lab_for_orders(self, request: Request, fleet: Fleet, *, starting: bool = False) -> LabFolder:
        """Return the lab that a request names, as `fleet` has it. Raises Problem."""
        name = request.path_params["lab"]
        return await self.read(request.scope["caller"], lambda: fleet.lab_for_orders(name, starting=starting))

    async def _run(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, limiter=self._threads)
