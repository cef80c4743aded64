"""The description of all resources: OpenAPI 3.1, made from the schemas of the shows: so it cannot be out of date."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dmvpn import __version__
from dmvpn.ios.grammar import AnyOrder, Optional_, compile_syntax, leading_keywords
from dmvpn.ios.grammar import Sequence as OneAfterOther
from dmvpn.web.described import ERROR, complete, operation
from dmvpn.web.guard import COOKIE, OPEN, SECURE_COOKIE, SESSION_KEY
from dmvpn.web.permission import needed_by_path, resource_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.routing import Route

    from dmvpn.ios.filters import Plain

_SHOWS: Final = "/api/v1/labs/{lab}/routers/{router}/show/"
_REFERENCE: Final = re.compile(r'"#/\$defs/([^"]+)"')


def openapi_text(routes: list[Route]) -> str:
    """Return the document of these resources as JSON text, with the role that each one needs as `x-role`."""
    document = json.loads(_openapi_text())
    paths: dict[str, dict[str, dict[str, Plain]]] = {}
    for route in routes:
        found = resource_of(route.endpoint)
        if found is not None and isinstance(found.described, dict):
            paths.setdefault(route.path, {})[found.method.lower()] = found.described
    document["paths"] = {**paths, **document["paths"]}
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            is_open = (path, method.upper()) in OPEN
            methods[method] = complete(path, method, described, is_open=is_open)
            if is_open:
                methods[method]["security"] = []
            elif role := needed_by_path(routes, path, method.upper()):
                methods[method]["x-role"] = role.value
    return json.dumps(document)


@lru_cache(maxsize=1)
def _openapi_text() -> str:
    """Return the document of the shows, without roles. It is made once, which takes about a second."""
    from dmvpn.face.language import exec_parser  # the whole language: a process that only shows does not need it
    from dmvpn.ios.shapes import schema_of
    from dmvpn.router.features import FEATURES

    definitions: dict[str, Plain] = {}
    variants: dict[str, dict[str, Plain]] = {}
    for command in exec_parser(FEATURES).commands:
        if command.query is None or not command.syntax.startswith("show "):
            continue
        schema = schema_of(command)
        own = schema.pop("$defs", {})
        definitions.update(own if isinstance(own, dict) else {})
        schema.pop("$schema", None)
        for path in _paths(command.syntax):
            variants.setdefault(path, {})[command.syntax] = _untitled(schema)
    shows: dict[str, Plain] = {path: _show(schemas) for path, schemas in sorted(variants.items())}
    names = _names(definitions)
    document: dict[str, Plain] = {
        "openapi": "3.1.0",
        "info": {"title": "dmvpn", "version": __version__},
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"cookie": [], "key": []}],
        "paths": shows,
        "components": {
            "schemas": {**{names[name]: _untitled(one) for name, one in definitions.items()}, "Problem": _PROBLEM},
            "responses": {"Problem": ERROR},
            "securitySchemes": _SCHEMES,
        },
    }
    return _REFERENCE.sub(lambda found: f'"#/components/schemas/{names[found[1]]}"', json.dumps(document))


def _names(definitions: Iterable[str]) -> dict[str, str]:
    """Return the names of schemas in the document: of classes, with their feature or all modules where two are alike.

    Generated clients name their classes so.
    """
    ways = {
        name: (parts[-1], parts[1].capitalize() + parts[-1], "".join(part[0].upper() + part[1:] for part in parts))
        for name in definitions
        if (parts := name.split("."))
    }
    uses = Counter(way for some in ways.values() for way in {*some})
    return {name: next((way for way in some if uses[way] == 1), some[-1]) for name, some in ways.items()}


def _untitled(schema: Plain) -> Plain:
    """Return a schema without titles, after which generated clients would name their classes: some are alike."""
    if isinstance(schema, list):
        return [_untitled(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _untitled(part) for name, part in schema.items() if name != "title" or not isinstance(part, str)}


def _paths(syntax: str) -> Iterator[str]:
    """Yield the paths of a show: its first words, and behind them a place for arguments if it takes any."""
    node = compile_syntax(syntax)
    parts = node.parts if isinstance(node, OneAfterOther) else (node,)
    words = leading_keywords(syntax)
    path, rest = _SHOWS + "/".join(words[1:]), parts[len(words) :]
    if all(isinstance(part, Optional_ | AnyOrder) for part in rest):
        yield path
    if rest:
        yield f"{path}/{{arguments}}"


def _show(answers: dict[str, Plain]) -> dict[str, Plain]:
    """Return the description of one path, which several shows with the same first words share. answers: by syntax."""
    different = [*{json.dumps(answer): answer for answer in answers.values()}.values()]
    return {"get": operation("; ".join(answers), different[0] if len(different) == 1 else {"anyOf": different})}


_PROBLEM: Final[dict[str, Plain]] = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "refused": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["type", "title", "status", "detail"],
}

_SCHEMES: Final[dict[str, Plain]] = {
    "token": {"type": "http", "scheme": "bearer"},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": f"With TLS its name is {SECURE_COOKIE}.",
    },
    "key": {"type": "apiKey", "in": "header", "name": SESSION_KEY},
}
