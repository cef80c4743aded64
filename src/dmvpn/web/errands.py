"""Errands: what changes a router, done for a caller, a bounded number at a time (`turns`).

The first errand of a user is reported to the router as a login, so `login on-success log` logs it.
"""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

from dmvpn.base.errors import UserError
from dmvpn.face.client import REFUSED, RefusedError, report
from dmvpn.face.messages import Report
from dmvpn.web.fleet import silent
from dmvpn.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import Request

    from dmvpn.web.entrance import Caller
    from dmvpn.web.fleet import Fleet
    from dmvpn.web.turns import Turns

T = TypeVar("T")

#: Logins that were reported: router, user and address.
_REMEMBERED: Final = 1024


class Errands:
    """See the module's docstring."""

    def __init__(self, fleet: Fleet, turns: Turns) -> None:
        self._fleet = fleet
        self._turns = turns
        self._known: dict[tuple[Path, str, str], None] = {}
        self._noting = threading.Lock()

    async def run(self, request: Request, order: Callable[[Path], T]) -> T:
        """Carry an order out at the router that a request names. Raises Problem; RefusedError if it refuses."""
        names, caller = request.path_params, request.scope["caller"]
        lab, router, port = names["lab"], names["router"], request.scope["server"][1]
        return await self._turns.take(lab, caller, lambda: self._run(lab, router, caller, port, order))

    async def introduce(self, request: Request) -> Path:
        """Report the caller to the router that a request names. Returns its management socket. Raises Problem."""
        return await self.run(request, lambda path: path)

    def _run(self, lab: str, router: str, caller: Caller, port: int, order: Callable[[Path], T]) -> T:
        path = self._fleet.socket(lab, router)
        try:
            self._introduce(path, caller, port)
            return order(path)
        except RefusedError as error:
            if error.status == REFUSED:
                raise
            detail = f"{path.stem} cannot take this now: {error}"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "5"}) from error
        except UserError as error:
            raise silent(path, error) from error

    def _introduce(self, path: Path, caller: Caller, port: int) -> None:
        who = (path, caller.name, caller.place)
        if who in self._known:
            return
        report(path, Report(caller.name, caller.place, port, accepted=True))
        with self._noting:
            self._known[who] = None
            if len(self._known) > _REMEMBERED:
                del self._known[next(iter(self._known))]
