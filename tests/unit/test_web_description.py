"""The description of the API has all resources with all their methods, and no others."""

from __future__ import annotations

import json

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from dmvpn.web.bounds import Bounds
from dmvpn.web.document import openapi_text
from dmvpn.web.entrance import Entrance
from dmvpn.web.fleet import Fleet
from dmvpn.web.permission import Role
from dmvpn.web.resources import routes

pytestmark = pytest.mark.lengthy

#: Pages for browsers and their parts; and shows, which have a path each.
UNDESCRIBED = (
    "/login",
    "/class",
    "/labs/{lab}",
    "/page/{name}",
    "/page/vendor/{name}",
    "/api/v1/labs/{lab}/routers/{router}/show/{words:path}",
)


def test_each_resource_is_described_and_each_description_is_one() -> None:
    found = routes(Fleet(), Entrance(Role.VIEW), Bounds())
    document = json.loads(openapi_text(found))
    described = {
        (path, method.upper())
        for path, methods in document["paths"].items()
        for method in methods
        if "/show/" not in path
    }
    served = {
        (route.path, method)
        for route in found
        for method in (route.methods or set()) - {"HEAD"}
        if route.path not in UNDESCRIBED
    }
    assert served == described
    for methods in document["paths"].values():
        for operation in methods.values():
            assert "x-role" in operation or operation["security"] == []


def test_the_description_is_one_that_generators_of_clients_take() -> None:
    """Path parameters of 273 operations were missing, no operation had a name, and two schemas had one name."""
    document = json.loads(openapi_text(routes(Fleet(), Entrance(Role.VIEW), Bounds())))
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    operations = {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    names = [operation["operationId"] for operation in operations.values()]
    assert len({*names}) == len(names)
    route = operations["get", "/api/v1/labs/{lab}/routers/{router}/show/ip/route/{arguments}"]
    assert route["operationId"] == "get_labs_lab_routers_router_show_ip_route_arguments"
    assert (route["tags"], [one["name"] for one in route["parameters"]]) == (["show"], ["lab", "router", "arguments"])
    assert [*route["responses"]] == ["200", "400", "401", "403", "404", "503", "default"]
    assert ("get", "/api/v1/labs/{lab}/routers/{router}/show/ip/route") in operations
    change = operations["post", "/api/v1/labs/{lab}/routers/{router}/configuration"]
    assert {"400", "401", "403", "404", "409", "412", "413", "422", "428", "503"} <= {*change["responses"]}
    assert change["requestBody"]["required"]
    assert not operations["post", "/api/v1/labs/{lab}/doctor"]["requestBody"]["required"]
    assert {"409", "503"} <= {*operations["post", "/api/v1/labs/{lab}/doctor"]["responses"]}
    assert "429" in operations["post", "/api/v1/tokens"]["responses"]
    titles = [schema["title"] for schema in document["components"]["schemas"].values() if "title" in schema]
    assert titles == []
