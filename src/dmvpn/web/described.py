"""Parts of the description of the resources (OpenAPI 3.1), as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.ios.filters import Plain

TEXT: Final[Plain] = {"type": "string"}
NUMBER: Final[Plain] = {"type": "number"}
WHOLE: Final[Plain] = {"type": "integer"}
YES_OR_NO: Final[Plain] = {"type": "boolean"}
TEXTS: Final[Plain] = {"type": "array", "items": TEXT}
ANY_OBJECT: Final[Plain] = {"type": "object"}
ERROR: Final[Plain] = {
    "description": "One error (RFC 9457).",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
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


def parameter(place: str, name: str, meaning: str) -> dict[str, Plain]:
    """Return a parameter. place: query, header."""
    return {"name": name, "in": place, "description": meaning, "schema": TEXT}


def operation(
    summary: str,
    answer: Plain,
    *,
    body: Plain = None,
    given: Iterable[Plain] = (),
    status: int = 200,
    tagged: bool = False,
) -> dict[str, Plain]:
    """Return one operation. body: the schema of what it takes; given: parameters; tagged: its answer has an ETag."""
    answers: dict[str, Plain] = {
        "description": "What it answers.",
        "content": {"application/json": {"schema": answer}},
        **({"headers": {"ETag": {"schema": TEXT}}} if tagged else {}),
    }
    described: dict[str, Plain] = {"summary": summary, "responses": {str(status): answers, "default": ERROR}}
    if body is not None:
        described["requestBody"] = {"content": {"application/json": {"schema": body}}}
    if parameters := [*given]:
        described["parameters"] = parameters
    return described
