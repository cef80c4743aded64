"""Commands of the exec prompt: `clear`, `ping` and the like for the role operate, any for configure.

They run at level 15, as the user and from the address of the caller, on a vty line of the router. The first command of
a user is reported to the router as a login, so `login on-success log` logs it. A role below configure writes the first
word in full: no abbreviation can mean another command.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route

from dmvpn.base.errors import UserError
from dmvpn.face.client import report, run
from dmvpn.face.protocol import Execute, Report
from dmvpn.web.permission import needs
from dmvpn.web.problems import Problem
from dmvpn.web.roles import ORDERS, Role

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from dmvpn.web.entrance import Caller
    from dmvpn.web.fleet import Fleet

RUN: Final = "/api/v1/labs/{lab}/routers/{router}/run"
#: Seconds and octets of output of a command; characters of a line.
_SECONDS: Final = 60.0
_MOST: Final = 1 << 20
_LONGEST: Final = 1000
_LEVEL: Final = 15
#: Commands at a time: each occupies a thread, and shows need threads, too.
_AT_A_TIME: Final = 16
#: Logins that were reported: router, user and address.
_REMEMBERED: Final = 1024


class Commands:
    """The resource as a method."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._running = 0
        self._known: dict[tuple[Path, str, str], None] = {}

    @property
    def routes(self) -> list[Route]:
        """The resource."""
        return [Route(RUN, self.run, methods=["POST"])]

    @needs(Role.OPERATE)
    async def run(self, request: Request) -> Response:
        """Run one command. The answer has its output, and whether the router accepted the line."""
        line = await _line(request)
        names, caller = request.path_params, request.scope["caller"]
        request.scope["details"] = {"command": line}  # for the audit
        _check(line, caller)
        path = await run_in_threadpool(self._fleet.socket, names["lab"], names["router"])
        who = (path, caller.name, caller.place)
        is_known = who in self._known
        self._known[who] = None
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        port = 0 if is_known else request.scope["server"][1]
        if self._running >= _AT_A_TIME:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many commands run", {"Retry-After": "5"})
        self._running += 1
        try:
            return await run_in_threadpool(self._run, path, line, caller, port)
        finally:
            self._running -= 1

    @staticmethod
    def _run(path: Path, line: str, caller: Caller, port: int) -> Response:
        """Run a line. port: of a login to report first, 0: report none."""
        order = Execute((line,), caller.name, _LEVEL, vty=True, location=caller.place)
        try:
            if port:
                report(path, Report(caller.name, caller.place, port, accepted=True))
            status, output = run(path, order, seconds=_SECONDS, most=_MOST)
        except UserError as error:
            raise Problem(HTTPStatus.BAD_GATEWAY, f"{path.stem}: {error}") from error
        return JSONResponse({"accepted": status == 0, "output": output})


async def _line(request: Request) -> str:
    """Return the command in the body. Raises Problem."""
    try:
        given = json.loads(await request.body())
    except (ValueError, RecursionError):
        given = None
    line = given.get("command") if isinstance(given, dict) else None
    if not isinstance(line, str) or not line.strip() or not line.isprintable() or len(line) > _LONGEST or "|" in line:
        detail = 'the body is {"command": LINE}, one line of printable characters, without a filter'
        raise Problem(HTTPStatus.BAD_REQUEST, detail)
    return line.strip()


def _check(line: str, caller: Caller) -> None:
    """Refuse what the role of the caller may not do. Raises Problem."""
    if not caller.role.includes(Role.CONFIGURE) and line.split()[0].lower() not in ORDERS:
        detail = f"the role {caller.role.value} may use {', '.join(ORDERS)}, written in full"
        raise Problem(HTTPStatus.FORBIDDEN, detail)
