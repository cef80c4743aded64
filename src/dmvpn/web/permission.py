"""Resources, the role that each one needs, and the refusal of callers with a smaller role or a token for other labs.

A resource is a method of a class, with one line in front of it (`@resource`): its path, what the document of all
resources says, and its role. Without a role, a resource that only reads needs view, any other one configure. A resource
of one lab has `{lab}` in its path; any other one is refused to a token for some labs, unless the line says that it
keeps them apart. So a forgotten line opens nothing.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

from starlette.routing import Route

from dmvpn.base.values import dataclass
from dmvpn.web.problems import NO_LAB, Problem
from dmvpn.web.roles import READING, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    from dmvpn.ios.filters import Plain
    from dmvpn.web.entrance import Caller

T = TypeVar("T")

_PLACE: Final = re.compile(r"\{[^}]*\}")
_ROLE: Final = "role"
_RESOURCE: Final = "resource"


@dataclass(frozen=True, slots=True)
class Resource:
    """What a request of one method to one path is.

    described: for the document of all resources (OpenAPI); None: it is a page, or the document has it otherwise.
    role: that it needs; None: view if it only reads, otherwise configure.
    apart: it answers about the labs of the caller alone, or about no lab.
    """

    method: str
    path: str
    described: Plain = None
    role: Role | None = None
    apart: bool = False


def resource(
    method: str, path: str, described: Plain = None, *, role: Role | None = None, apart: bool = False
) -> Callable[[T], T]:
    """Return a decorator for the method of a class that answers such requests (`Resource`)."""

    def mark(endpoint: T) -> T:
        setattr(endpoint, _RESOURCE, Resource(method, path, described, role, apart))
        return endpoint

    return mark


def routes_of(*holders: object) -> list[Route]:
    """Return the routes to all resources that are methods of these objects."""
    return [
        Route(found.path, getattr(holder, name), methods=[found.method])
        for holder in holders
        for name, method in vars(type(holder)).items()
        if (found := resource_of(method)) is not None
    ]


def resource_of(endpoint: object) -> Resource | None:
    """Return the resource that a function answers for, None if it is none."""
    return getattr(endpoint, _RESOURCE, None)


def needed(route: Route, method: str) -> Role:
    """Return the role that a resource needs."""
    found = resource_of(route.endpoint)
    return (found and found.role) or (Role.VIEW if method in READING else Role.CONFIGURE)


def needed_by_path(routes: Iterable[BaseRoute], template: str, method: str) -> Role | None:
    """Return the role for a path of the description, such as `/api/v1/labs/{lab}`; None: there is no such resource."""
    path = _PLACE.sub("x", template)
    for route in routes:
        if isinstance(route, Route) and method in (route.methods or ()) and route.path_regex.match(path):
            return needed(route, method)
    return None


def hold_roles(routes: Iterable[Route]) -> None:
    """Let each resource refuse callers without the role that it needs. `scope["role"]` has that of the caller."""
    for route in routes:
        route.app = _Barrier(route)


class _Barrier:
    """In front of one resource."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._app: ASGIApp = route.app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        role, wanted = scope.get(_ROLE), needed(self._route, scope["method"])
        if role is not None and not role.includes(wanted):
            detail = f"this needs the role {wanted.value}; the token is for {role.value}"
            await Problem(HTTPStatus.FORBIDDEN, detail).response()(scope, receive, send)
            return
        problem = self._of_other_labs(scope)
        await (problem.response() if problem else self._app)(scope, receive, send)

    def _of_other_labs(self, scope: Scope) -> Problem | None:
        """Return the refusal of a caller whose token is for other labs than the request."""
        caller: Caller | None = scope.get("caller")
        if caller is None or not caller.labs:
            return None
        lab = scope["path_params"].get("lab")
        if lab is None:
            found = resource_of(self._route.endpoint)
            if found and found.apart:
                return None
            return Problem(HTTPStatus.FORBIDDEN, f"the token is for {caller.labs} alone")
        return None if caller.may_see(lab) else Problem(HTTPStatus.NOT_FOUND, NO_LAB)
