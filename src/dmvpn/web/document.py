"""The description of all resources: OpenAPI 3.1, made from the schemas of the shows: so it cannot be out of date.

Long lists come in parts: `?limit=100&offset=200`, and a `Link` to the next part (RFC 8288).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Final, cast

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from dmvpn import __version__
from dmvpn.ios.filters import Plain
from dmvpn.ios.grammar import AnyOrder, Optional_, compile_syntax, leading_keywords
from dmvpn.ios.grammar import Sequence as OneAfterOther
from dmvpn.web.bodies import Problem
from dmvpn.web.guard import COOKIE, OPEN, SECURE_COOKIE, SESSION_KEY
from dmvpn.web.permission import needed_by_path, resource_of

TEXT: Final[Plain] = {"type": "string"}
NUMBER: Final[Plain] = {"type": "number"}
WHOLE: Final[Plain] = {"type": "integer"}
YES_OR_NO: Final[Plain] = {"type": "boolean"}
TEXTS: Final[Plain] = {"type": "array", "items": TEXT}
ANY_OBJECT: Final[Plain] = {"type": "object"}
#: The answer to a request that is refused, and what `REFUSAL` refers to.
ERROR: Final[Plain] = {
    "description": "One error (RFC 9457).",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
REFUSAL: Final[Plain] = {"$ref": "#/components/responses/Problem"}
#: What any request may be refused for, and one with a body.
_OF_BODIES: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
_OF_CALLERS: Final = (HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE)
#: What orders to labs may be refused for, besides.
_OF_ORDERS: Final = (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
_PLACE: Final = re.compile(r"\{(\w+)\}")
_API: Final = "/api/v1/"
_LABS: Final = f"{_API}labs"
#: What the parameters of paths are.
_MEANINGS: Final = {
    "lab": "The name of a lab",
    "router": "The name of a router",
    "host": "The name of a host",
    "job": "The id of a job",
    "terminal": "The id of a terminal",
    "link": "An end of a wire, with - for each slash: R31:Gi0-1, H3:eth0",
    "arguments": "The other words of the show, percent-encoded: a blank is %20, a slash %2F",
}

_LARGEST: Final = 1_000_000
_LIMIT: Final[Plain] = {"type": "integer", "minimum": 1, "maximum": _LARGEST}
_OFFSET: Final[Plain] = {"type": "integer", "minimum": 0, "maximum": _LARGEST}

_SHOWS: Final = "/api/v1/labs/{lab}/routers/{router}/show/"
_REFERENCE: Final = re.compile(r'"#/\$defs/([^"]+)"')


# ------------------------------------------------------------------------------------------------ its parts


def members(required: dict[str, Plain], optional: dict[str, Plain] | None = None) -> dict[str, Plain]:
    """Return the schema of an object with these members alone."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": [*required],
        "additionalProperties": False,
    }


def or_null(schema: Plain) -> dict[str, Plain]:
    """Return the schema of a value that may be missing."""
    return {"anyOf": [schema, {"type": "null"}]}


def parameter(place: str, name: str, meaning: str, schema: Plain = TEXT) -> dict[str, Plain]:
    """Return a parameter. place: query, header, path."""
    required = {"required": True} if place == "path" else {}
    return {"name": name, "in": place, "description": meaning, "schema": schema, **required}


def operation(
    summary: str,
    answer: Plain,
    *,
    body: Plain = None,
    given: Iterable[Plain] = (),
    status: int = 200,
    tagged: bool = False,
    media: Iterable[str] = ("application/json",),
    refused: Iterable[int] = (),
) -> dict[str, Plain]:
    """Return one operation.

    body: the schema of what it takes; given: parameters; tagged: its answer has an ETag; media: types of its answer.
    refused: statuses of its own problems; `complete` adds the usual ones.
    """
    headers = {"ETag": {"schema": TEXT}} if tagged else {}
    if status == HTTPStatus.ACCEPTED:
        headers["Location"] = {"description": "The job.", "schema": TEXT}
    answers: dict[str, Plain] = {
        "description": "What it answers.",
        "content": {kind: {"schema": answer} for kind in media},
        **({"headers": {**headers}} if headers else {}),
    }
    responses = {_number(status): answers, **dict.fromkeys(map(_number, refused), REFUSAL), "default": REFUSAL}
    described: dict[str, Plain] = {"summary": summary, "responses": responses}
    if isinstance(body, dict):
        described["requestBody"] = {
            "content": {"application/json": {"schema": body}},
            "required": bool(body.get("required") or body.get("anyOf")),
        }
    if parameters := [*given]:
        described["parameters"] = parameters
    return described


def complete(path: str, method: str, described: Mapping[str, Plain], *, is_open: bool) -> dict[str, Plain]:
    """Return an operation with what follows from its path and method: its name, tag, parameters, and usual refusals.

    is_open: it needs no token.
    """
    names = _PLACE.findall(path)
    given = [parameter("path", name, _MEANINGS[name]) for name in names]
    given += cast("list[dict[str, Plain]]", described.get("parameters", []))
    refusals = [*_OF_CALLERS, HTTPStatus.TOO_MANY_REQUESTS if is_open else HTTPStatus.UNAUTHORIZED]
    refusals += [HTTPStatus.NOT_FOUND] if names else []
    refusals += [HTTPStatus.BAD_REQUEST] if "arguments" in names else []
    refusals += _OF_BODIES if "requestBody" in described else []
    refusals += _OF_ORDERS if path.startswith(_LABS) and method != "get" else []
    answers = {**dict.fromkeys(map(_number, refusals), REFUSAL), **cast("dict[str, Plain]", described["responses"])}
    words = re.sub(r"\W+", "_", path.removeprefix(_API)).strip("_") or "root"
    return {
        "operationId": f"{method}_{words}",
        "tags": ["show" if "/show/" in path else words.partition("_")[0]],
        **described,
        **({"parameters": [*given]} if given else {}),
        "responses": {status: answers[status] for status in sorted(answers)},
    }


def _number(status: int) -> str:
    return str(int(status))


# ------------------------------------------------------------------------------------------------ long lists


def list_operation(summary: str, item: Plain) -> dict[str, Plain]:
    """Return the description of a resource that is such a list."""
    given = [
        parameter("query", "limit", "At most so many; `Link` of the answer has the next ones", _LIMIT),
        parameter("query", "offset", "So many are left out at the beginning", _OFFSET),
    ]
    return operation(summary, {"type": "array", "items": item}, given=given, refused=[HTTPStatus.BAD_REQUEST])


def listed(request: Request, rows: Sequence[object]) -> JSONResponse:
    """Return the part of a list that a request asks for. Raises Problem."""
    limit, offset = in_query(request, "limit", len(rows), 1), in_query(request, "offset", 0, 0)
    end = offset + limit
    link = f'<{request.scope["raw_path"].decode("ascii")}?limit={limit}&offset={end}>; rel="next"'
    return JSONResponse([*rows[offset:end]], headers={"Link": link} if end < len(rows) else None)


def in_query(request: Request, name: str, default: int, smallest: int, largest: int = _LARGEST) -> int:
    """Return a number that the query gives. Raises Problem."""
    text = request.query_params.get(name)
    if text is None:
        return default
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(_LARGEST)) else -1
    if not smallest <= number <= largest:
        raise Problem(HTTPStatus.BAD_REQUEST, f"{name} is a number from {smallest} to {largest}")
    return number


# ------------------------------------------------------------------------------------------------ the document


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
    # The names of schemas in the document: of classes, with their feature or all modules where two are alike.
    # Generated clients name their classes so
    ways = {
        name: (parts[-1], parts[1].capitalize() + parts[-1], "".join(part[0].upper() + part[1:] for part in parts))
        for name in definitions
        if (parts := name.split("."))
    }
    uses = Counter(way for some in ways.values() for way in {*some})
    names = {name: next((way for way in some if uses[way] == 1), some[-1]) for name, some in ways.items()}
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
