"""Users of `dmvpn web`, as its guard knows them, and what they may ask."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from dmvpn.web.bounds import Bounds
from dmvpn.web.entrance import Entrance
from dmvpn.web.fleet import Fleet
from dmvpn.web.permission import Caller, Role
from dmvpn.web.resources import routes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

    from dmvpn.web.guard import Guard

#: Bodies of requests, by the ends of their paths.
BODIES = {
    "clock": {"seconds": 1},
    "wires": {"link": "R31:GigabitEthernet0/0"},
    "walk": {"source": "R31", "destination": "R11"},
    "ping": {"target": "10.1.1.1"},
    "traceroute": {"target": "10.1.1.1"},
    "configuration": {"lines": ["hostname X"]},
    "run": {"command": "clear ip nhrp"},
    "terminals": {"rows": 24, "columns": 80},
    "{lab}": {"files": {"R1.cfg": "hostname R1"}},
}


def user(name: str, labs: str = "") -> Caller:
    """A user who may do all. labs: of a token for some labs."""
    return Caller(name=name, role=Role.CONFIGURE, place="192.0.2.1", key=name.encode(), labs=labs)


def student(name: str) -> Caller:
    """The user of a token for labs of one student."""
    return user(name, f"{name}-*")


def every_request(**names: str) -> Iterator[tuple[str, str, str]]:
    """Yield method, path and body of a request for each resource; names: of a lab, router and host in paths.

    What ends a lab or a session comes last.
    """
    parts = {**names, "words:path": "clock", "name": "page.js"}
    served = routes(Fleet(), Entrance(Role.VIEW), Bounds())
    found = {(route.path, method) for route in served for method in (route.methods or set()) - {"HEAD"}}
    for template, method in sorted(found, key=lambda one: (one[1] == "DELETE", one)):
        body = json.dumps(BODIES.get(template.rpartition("/")[2], {})) if method in ("POST", "PUT") else ""
        yield method, re.sub(r"{([^}]*)}", lambda place: parts.get(place[1], "x"), template), body


async def asked(
    guard: Guard,
    method: str,
    path: str,
    token: str,
    body: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    sent: list[MutableMapping[str, object]] | None = None,
) -> int:
    """Send one request to a server that is a function. Returns the status of its answer; 0: it gave none.

    sent: gets the messages of the answer.
    """
    given = {"host": "localhost", **({"authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    parts = iter(({"type": "http.request", "body": body.encode(), "more_body": False},))
    statuses = [0]

    async def receive() -> dict[str, object]:
        return next(parts, {"type": "http.disconnect"})

    async def send(message: MutableMapping[str, object]) -> None:
        if sent is not None:
            sent.append(message)
        if message["type"] == "http.response.start":
            statuses.append(int(str(message["status"])))

    await guard(scope, receive, send)
    return statuses[-1]
