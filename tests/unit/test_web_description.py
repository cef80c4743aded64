"""The description of the API has all resources with all their methods, and no others."""

from __future__ import annotations

import json
from functools import partial

import pytest
from jsonschema import Draft202012Validator

from dmvpn.web.bounds import Bounds
from dmvpn.web.document import openapi_text
from dmvpn.web.entrance import Entrance
from dmvpn.web.fleet import Fleet
from dmvpn.web.permission import needed_by_path
from dmvpn.web.resources import routes
from dmvpn.web.roles import Role

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
    document = json.loads(openapi_text(partial(needed_by_path, found)))
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
            for answer in operation["responses"].values():
                for content in answer["content"].values():
                    Draft202012Validator.check_schema(content["schema"])
