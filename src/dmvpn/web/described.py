"""Parts of the description of the resources (OpenAPI 3.1), as JSON."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dmvpn.ios.filters import Plain

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
    "arguments": "The other words of the show, percent-encoded: a blank is %20, a slash %2F",
}


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
    redirects: bool = False,
) -> dict[str, Plain]:
    """Return one operation.

    body: the schema of what it takes; given: parameters; tagged: its answer has an ETag; media: types of its answer.
    refused: statuses of its own problems; `complete` adds the usual ones. redirects: a browser is sent to a page.
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
    if redirects:
        responses[_number(HTTPStatus.SEE_OTHER)] = {"description": "A page.", "headers": {"Location": {"schema": TEXT}}}
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
