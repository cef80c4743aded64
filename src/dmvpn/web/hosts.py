"""Hosts of a lab: `ping` and `traceroute` from them, as jobs (`jobs`).

POST /api/v1/labs/LAB/hosts/HOST/ping          -> what `dmvpn lab exec HOST ping ... --json` prints
POST /api/v1/labs/LAB/hosts/HOST/traceroute

The programs are those of Linux. A lab of real packets runs the programs of this machine, so their options are given
here, and never by the caller.
"""

from __future__ import annotations

from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from dmvpn.web import jobs
from dmvpn.web.bodies import body_of
from dmvpn.web.described import TEXT, members
from dmvpn.web.permission import resource
from dmvpn.web.problems import Problem
from dmvpn.web.roles import Role

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from dmvpn.web.fleet import Fleet
    from dmvpn.web.jobs import Jobs
    from dmvpn.web.turns import Turns

_HOST: Final = "/api/v1/labs/{lab}/hosts/{host}"
#: Five packets in a second, and a second for each answer; for traceroute names of routers would be asked of a server.
_PING: Final = ("ping", "-c", "5", "-i", "0.2", "-W", "1")
_TRACEROUTE: Final = ("traceroute", "-n", "-q", "1", "-w", "1", "-m", "15")
_BODY: Final = '{"target": ADDRESS}, of IPv4 or IPv6'
_TO: Final = members({"target": TEXT})


class Hosts:
    """The resources as methods."""

    def __init__(self, fleet: Fleet, begun: Jobs, turns: Turns) -> None:
        self._fleet = fleet
        self._jobs = begun
        self._turns = turns

    @resource("POST", f"{_HOST}/ping", jobs.begun("Send five pings from a host", _TO), role=Role.OPERATE)
    async def ping(self, request: Request) -> Response:
        """Ping an address from a host."""
        return await self._begin(request, _PING)

    @resource("POST", f"{_HOST}/traceroute", jobs.begun("Trace the way from a host", _TO), role=Role.OPERATE)
    async def traceroute(self, request: Request) -> Response:
        """Trace the way to an address from a host."""
        return await self._begin(request, _TRACEROUTE)

    async def _begin(self, request: Request, program: tuple[str, ...]) -> Response:
        target = await _target(request)
        lab, host = request.path_params["lab"], request.path_params["host"]
        if host not in await self._turns.take(lab, request.scope["caller"], lambda: self._fleet.hosts(lab)):
            raise Problem(HTTPStatus.NOT_FOUND, f"{lab} has no such host")
        return self._jobs.begin(request, lab, ("lab", "exec", f"{lab}/{host}", *program, target))


async def _target(request: Request) -> str:
    """Return the address in the body, as this program writes it. Raises Problem."""
    given = await body_of(request, _BODY)
    target = given.get("target")
    try:
        if len(given) == 1 and isinstance(target, str):
            address = ip_address(target)
            if not getattr(address, "scope_id", None):
                return str(address)
    except ValueError:
        pass
    raise Problem(HTTPStatus.BAD_REQUEST, f"the body is {_BODY}")
