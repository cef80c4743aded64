"""Errands: what changes a router, done for a caller in a thread, a bounded number at a time.

The first errand of a user is reported to the router as a login, so `login on-success log` logs it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

from starlette.concurrency import run_in_threadpool

from dmvpn.base.errors import UserError
from dmvpn.face.client import REFUSED, RefusedError, report
from dmvpn.face.protocol import Report
from dmvpn.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import Request

    from dmvpn.web.entrance import Caller
    from dmvpn.web.fleet import Fleet

T = TypeVar("T")

#: Errands at a time: each occupies a thread, and shows need threads, too.
_AT_A_TIME: Final = 16
#: Logins that were reported: router, user and address.
_REMEMBERED: Final = 1024


class Errands:
    """See the module's docstring."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._running = 0
        self._known: dict[tuple[Path, str, str], None] = {}

    async def run(self, request: Request, order: Callable[[Path], T]) -> T:
        """Carry an order out at the router that a request names. Raises Problem; RefusedError if it refuses."""
        names, caller = request.path_params, request.scope["caller"]
        path = await run_in_threadpool(self._fleet.socket, names["lab"], names["router"])
        port: int = request.scope["server"][1]
        if self._running >= _AT_A_TIME:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many commands run", {"Retry-After": "5"})
        self._running += 1
        try:
            return await run_in_threadpool(self._run, path, caller, port, order)
        finally:
            self._running -= 1

    def _run(self, path: Path, caller: Caller, port: int, order: Callable[[Path], T]) -> T:
        try:
            self._introduce(path, caller, port)
            return order(path)
        except RefusedError as error:
            if error.status == REFUSED:
                raise
            detail = f"{path.stem} cannot take this now: {error}"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "5"}) from error
        except UserError as error:
            raise Problem(HTTPStatus.BAD_GATEWAY, f"{path.stem}: {error}") from error

    def _introduce(self, path: Path, caller: Caller, port: int) -> None:
        who = (path, caller.name, caller.place)
        if who in self._known:
            return
        report(path, Report(caller.name, caller.place, port, accepted=True))
        self._known[who] = None
        if len(self._known) > _REMEMBERED:
            self._known.pop(next(iter(self._known)), None)
