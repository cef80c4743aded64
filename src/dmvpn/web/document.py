"""The description of all resources: OpenAPI 3.1, made from the schemas of the shows: so it cannot be out of date."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dmvpn import __version__
from dmvpn.face.protocol import WATCH_TOPICS
from dmvpn.web import configuration, examination, hosts, jobs, labs, saved, teaching, terminals, uploads, watched
from dmvpn.web.commands import RUN
from dmvpn.web.described import ANY_OBJECT, ERROR, TEXT, YES_OR_NO, members, operation, parameter
from dmvpn.web.events import EVENTS
from dmvpn.web.guard import COOKIE, EXCHANGE, OPEN, SECURE_COOKIE, SESSION, SESSION_KEY
from dmvpn.web.lab_events import LAB_EVENTS, TRAFFIC
from dmvpn.web.pages import MEANINGS, STAGE
from dmvpn.web.roles import Role

if TYPE_CHECKING:
    from dmvpn.ios.filters import Plain

_SHOWS: Final = "/api/v1/labs/{lab}/routers/{router}/show/"
_HERE, _THERE = '"#/$defs/', '"#/components/schemas/'


#: Returns the role that a resource needs, by its path and method; None: there is no such resource.
NeededRole = Callable[[str, str], Role | None]


def openapi_text(needed: NeededRole) -> str:
    """Return the document as JSON text, with the role that each resource needs as `x-role`."""
    document: dict[str, dict[str, dict[str, dict[str, Plain]]]] = json.loads(_openapi_text())
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            if (path, method.upper()) in OPEN:
                described["security"] = []
            elif role := needed(path, method.upper()):
                described["x-role"] = role.value
    return json.dumps(document)


@lru_cache(maxsize=1)
def _openapi_text() -> str:
    """Return the document without roles. It is made once, which takes about a second."""
    from dmvpn.face.language import exec_parser  # the whole language: a process that only shows does not need it
    from dmvpn.ios.schemas import schema_of
    from dmvpn.router.features import FEATURES

    definitions: dict[str, Plain] = {}
    variants: dict[str, list[dict[str, Plain]]] = {}
    for command in exec_parser(FEATURES).commands:
        if command.query is None or not command.syntax.startswith("show "):
            continue
        schema = schema_of(command)
        own = schema.pop("$defs", {})
        definitions.update(own if isinstance(own, dict) else {})
        schema.pop("$schema", None)
        variants.setdefault(_path(command.syntax), []).append(schema)
    shows: dict[str, Plain] = {path: _show(schemas) for path, schemas in sorted(variants.items())}
    document: dict[str, Plain] = {
        "openapi": "3.1.0",
        "info": {"title": "dmvpn", "version": __version__},
        "security": [{"token": []}, {"cookie": [], "key": []}],
        "paths": {
            **_fixed(),
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
            "schemas": {**definitions, "Problem": _PROBLEM},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": f"With TLS its name is {SECURE_COOKIE}.",
                },
                "key": {"type": "apiKey", "in": "header", "name": SESSION_KEY},
            },
        },
    }
    return json.dumps(document).replace(_HERE, _THERE)


def _path(syntax: str) -> str:
    """Return the path of a show: its first words, and a place for arguments if there is more than words."""
    words = syntax.split()[1:]
    literal: list[str] = []
    for word in words:
        if not word[0].isalnum():
            break
        literal.append(word)
    return _SHOWS + "/".join(literal if len(literal) == len(words) else [*literal, "{arguments}"])


def _show(schemas: list[dict[str, Plain]]) -> dict[str, Plain]:
    """Return the description of one path. Several shows with the same first words have one path."""
    titles = [str(schema["title"]) for schema in schemas]
    schema: Plain = schemas[0] if len(schemas) == 1 else {"anyOf": [*schemas]}
    return {"get": operation("; ".join(titles), schema)}


def _stream(summary: str, *more: str) -> dict[str, Plain]:
    """Return the description of a stream of events. more: topics that it alone has."""
    given = [
        parameter("query", "topics", ", ".join((*WATCH_TOPICS, *more))),
        parameter("header", "Last-Event-ID", "Go on behind this event"),
    ]
    answers: dict[str, Plain] = {
        "200": {"description": "Events.", "content": {"text/event-stream": {"schema": TEXT}}},
        "default": ERROR,
    }
    return {"get": {"summary": summary, "parameters": [*given], "responses": answers}}


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
        "/api/v1/labs/{lab}/routers": {"get": operation("The routers of a lab", some)},
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
