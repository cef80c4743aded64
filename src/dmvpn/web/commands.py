"""Commands of the exec prompt: `clear`, `ping` and the like for the role operate, any for configure.

They run at level 15, as the user and from the address of the caller, on a vty line of the router. A role below
configure writes the first word in full: no abbreviation can mean another command.
"""

from __future__ import annotations

from http import HTTPStatus
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse

from dmvpn.face.client import run
from dmvpn.face.messages import Execute
from dmvpn.ios import CliError
from dmvpn.ios.errors import without_keys
from dmvpn.web.bodies import body_of
from dmvpn.web.described import TEXT, YES_OR_NO, members, operation
from dmvpn.web.permission import resource
from dmvpn.web.problems import Problem
from dmvpn.web.roles import ORDERS, Role

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from dmvpn.web.entrance import Caller
    from dmvpn.web.errands import Errands

RUN: Final = "/api/v1/labs/{lab}/routers/{router}/run"
#: Seconds and octets of output of a command; characters of a line.
SECONDS: Final = 60.0
MOST: Final = 1 << 20
_LONGEST: Final = 1000
LEVEL: Final = 15
_RAN: Final = members({"accepted": YES_OR_NO, "output": TEXT})
_BODY: Final = '{"command": LINE}, one line of printable characters, without a filter'


class Commands:
    """The resource as a method."""

    def __init__(self, errands: Errands) -> None:
        self._errands = errands

    @resource(
        "POST",
        RUN,
        operation("Run a command of the exec prompt", _RAN, body=members({"command": TEXT})),
        role=Role.OPERATE,
    )
    async def run(self, request: Request) -> Response:
        """Run one command. The answer has its output, and whether the router accepted the line."""
        line, caller = await _line(request), request.scope["caller"]
        request.scope["details"] = {"command": noted(line)}  # for the audit
        _check(line, caller)
        order = order_of(line, caller)
        status, output = await self._errands.run(request, lambda path: run(path, order, seconds=SECONDS, most=MOST))
        return JSONResponse({"accepted": status == 0, "output": output})


def order_of(line: str, caller: Caller) -> Execute:
    """Return the order to carry a line out for a caller."""
    return Execute((line,), caller.name, LEVEL, vty=True, location=caller.place)


async def _line(request: Request) -> str:
    """Return the command in the body. Raises Problem."""
    given = await body_of(request, _BODY)
    line = given.get("command")
    if len(given) != 1 or not isinstance(line, str) or not _is_command(line):
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_BODY}")
    return line.strip()


def _is_command(line: str) -> bool:
    return bool(line.strip()) and line.isprintable() and len(line) <= _LONGEST and "|" not in line


def noted(line: str) -> str:
    """Return a command for the audit, with `*` for its password, or for its first wrong word, and for all behind that.

    A wrong word may be a mistyped password.
    """
    from dmvpn.face.language import exec_parser  # the whole language: a process that only shows does not need it
    from dmvpn.router.features import FEATURES

    found, known = exec_parser(FEATURES).match(line), line
    if isinstance(found, CliError) and found.column < len(line):
        known = line[: line.rfind(" ", 0, found.column) + 1]
    words = [*takewhile(lambda word: word.strip("*"), without_keys(known).split())]
    return " ".join(words if len(words) == len(line.split()) else (*words, "*"))


def _check(line: str, caller: Caller) -> None:
    """Refuse what the role of the caller may not do. Raises Problem."""
    if not caller.role.includes(Role.CONFIGURE) and line.split()[0].lower() not in ORDERS:
        detail = f"the role {caller.role.value} may use {', '.join(ORDERS)}, written in full"
        raise Problem(HTTPStatus.FORBIDDEN, detail)
