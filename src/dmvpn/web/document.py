"""The description of all resources: OpenAPI 3.1, made from the schemas of the shows: so it cannot be out of date."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dmvpn import __version__
from dmvpn.face.messages import WATCH_TOPICS
from dmvpn.ios.grammar import AnyOrder, Optional_, Sequence
from dmvpn.ios.syntax import compile_syntax, leading_keywords
from dmvpn.web import configuration, examination, hosts, jobs, labs, pages, saved, teaching, terminals, uploads, watched
from dmvpn.web.commands import RUN
from dmvpn.web.described import ANY_OBJECT, ERROR, TEXT, YES_OR_NO, complete, members, operation, parameter
from dmvpn.web.events import EVENTS
from dmvpn.web.guard import COOKIE, EXCHANGE, OPEN, SECURE_COOKIE, SESSION, SESSION_KEY
from dmvpn.web.lab_events import LAB_EVENTS, TRAFFIC
from dmvpn.web.lists import list_operation
from dmvpn.web.pages import MEANINGS, STAGE
from dmvpn.web.roles import Role

if TYPE_CHECKING:
    from dmvpn.ios.filters import Plain

_SHOWS: Final = "/api/v1/labs/{lab}/routers/{router}/show/"
_REFERENCE: Final = re.compile(r'"#/\$defs/([^"]+)"')


#: Returns the role that a resource needs, by its path and method; None: there is no such resource.
NeededRole = Callable[[str, str], Role | None]


def openapi_text(needed: NeededRole) -> str:
    """Return the document as JSON text, with the role that each resource needs as `x-role`."""
    document: dict[str, dict[str, dict[str, dict[str, Plain]]]] = json.loads(_openapi_text())
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            is_open = (path, method.upper()) in OPEN
            methods[method] = complete(path, method, described, is_open=is_open)
            if is_open:
                methods[method]["security"] = []
            elif role := needed(path, method.upper()):
                methods[method]["x-role"] = role.value
    return json.dumps(document)


@lru_cache(maxsize=1)
def _openapi_text() -> str:
    """Return the document without roles. It is made once, which takes about a second."""
    from dmvpn.face.language import exec_parser  # the whole language: a process that only shows does not need it
    from dmvpn.ios.schemas import schema_of
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
        "paths": {
            **_fixed(),
            **pages.DESCRIBED,
            **configuration.DESCRIBED,
            **jobs.DESCRIBED,
            **labs.DESCRIBED,
            labs.LAB: {**labs.OF_A_LAB, **uploads.DESCRIBED},
            **examination.DESCRIBED,
            **hosts.DESCRIBED,
            **teaching.DESCRIBED,
            **saved.DESCRIBED,
            **terminals.DESCRIBED,
            **watched.DESCRIBED,
            **shows,
        },
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
    parts = node.parts if isinstance(node, Sequence) else (node,)
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


def _stream(summary: str, *more: str) -> dict[str, Plain]:
    """Return the description of a stream of events. more: topics that it alone has."""
    given = [
        parameter("query", "topics", ", ".join((*WATCH_TOPICS, *more))),
        parameter("header", "Last-Event-ID", "Go on behind this event"),
    ]
    return {"get": operation(summary, TEXT, given=given, media=["text/event-stream"], refused=[HTTPStatus.BAD_REQUEST])}


def _fixed() -> dict[str, Plain]:
    """Return the paths that are no shows."""
    one = ANY_OBJECT
    some: Plain = {"type": "array", "items": one}
    secret: Plain = members({}, {"code": TEXT, "token": TEXT})
    return {
        "/healthz": {"get": operation("Whether this process answers", one)},
        "/api/v1/openapi.json": {"get": operation("This document", one)},
        EXCHANGE: {"post": operation("A token for the printed code", one, body=members({"code": TEXT}))},
        SESSION: {
            "post": operation("A session for the printed code or a token", one, body=secret),
            "get": operation("Who asks", one),
            "delete": operation("End the session, or the token of the code", one),
        },
        RUN: {
            "post": operation(
                "Run a command of the exec prompt",
                members({"accepted": YES_OR_NO, "output": TEXT}),
                body=members({"command": TEXT}),
            )
        },
        EVENTS: _stream("The history and the log of a router, as server-sent events"),
        STAGE: {
            "get": operation(
                "The network of a lab as its page draws it",
                members({"title": TEXT, "about": TEXT, "nodes": some, "wires": some, "tunnels": some}),
            )
        },
        MEANINGS: {"get": operation("What messages and their fields mean, by protocol and word", one)},
        LAB_EVENTS: _stream("The history and the log of all routers of a lab, as server-sent events", TRAFFIC),
        "/api/v1/labs/{lab}/routers": {"get": list_operation("The routers of a lab", one)},
    }


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
