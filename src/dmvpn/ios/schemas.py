"""The JSON schema of what a show command returns.

    schema_of(command)     the schema of `show ... | json`, JSON Schema draft 2020-12

The types come from the annotations of the query and of the dataclasses (`ios/shapes.py`).

Nothing here is imported by a router that runs: programs that describe the interface, and tests, ask for it.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

from dmvpn.ios.annotations import UntypedShowError
from dmvpn.ios.shapes import Bound, Shapes, holds_an_answer

if TYPE_CHECKING:
    import enum
    from collections.abc import Mapping

    from dmvpn.ios.filters import Plain
    from dmvpn.ios.grammar import ExecCommand

__all__ = ["Schema", "UntypedShowError", "schema_of"]

Schema = dict[str, "Plain"]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Final[Schema] = {"type": "string"}
_SCALARS: Final = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}


def schema_of(command: ExecCommand) -> Schema:
    """Return the schema of the value of a show command. Raises UntypedShowError."""
    walk = _Schemas()
    root = walk.of_command(command)
    if not root:
        raise UntypedShowError(f"{command.syntax}: its query returns anything")
    named: Schema = {"$schema": DIALECT, **root, "title": command.syntax}
    return {**named, "$defs": dict(walk.definitions)} if walk.definitions else named


class _Schemas(Shapes[Schema]):
    """Makes schemas. definitions: of the dataclasses on the way, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.definitions: dict[str, Plain] = {}

    def anything(self) -> Schema:
        """Allow everything."""
        return {}

    def scalar(self, kind: type) -> Schema:
        """Allow one type of JSON."""
        return {"type": _SCALARS[kind]}

    def text(self, kind: type) -> Schema:
        """Allow text."""
        return _TEXT

    def choice(self, values: Mapping[Plain, object]) -> Schema:
        """Allow these values."""
        return {"enum": [*values]}

    def flags(self, kind: type[enum.Flag]) -> Schema:
        """Allow a number."""
        return {"type": "integer"}

    def union(self, members: list[Schema]) -> Schema:
        """Allow each of some; a member that allows anything makes the union allow anything."""
        if not all(members):
            return {}
        distinct = [one for place, one in enumerate(members) if one not in members[:place]]
        return distinct[0] if len(distinct) == 1 else {"anyOf": [*distinct]}

    def fixed(self, items: list[Schema], kind: type) -> Schema:
        """Allow an array of a fixed length."""
        if not items:
            return {"type": "array", "maxItems": 0}
        return {"type": "array", "prefixItems": [*items], "minItems": len(items), "maxItems": len(items)}

    def array(self, item: Schema, kind: type) -> Schema:
        """Allow an array."""
        return {"type": "array", "items": item}

    def mapping(self, key: Schema, value: Schema) -> Schema:
        """Allow an object with any names."""
        return {"type": "object", "additionalProperties": value}

    def record(self, kind: type, bound: Bound) -> Schema:
        """Return a reference to the definition of a dataclass; definitions of generic ones are written in place."""
        is_own = not bound and not holds_an_answer(kind)
        name = f"{kind.__module__.removeprefix('dmvpn.')}.{kind.__qualname__}"
        if is_own and name in self.definitions:
            return {"$ref": f"#/$defs/{name}"}
        if is_own:
            self.definitions[name] = {}  # a class that holds itself ends here
        properties = dict(self.members(kind, bound))
        made: Schema = {
            "title": kind.__name__,
            "description": inspect.getdoc(kind) or "",
            "type": "object",
            "properties": dict(properties),
            "required": list(properties),
            "additionalProperties": False,
        }
        if not is_own:
            return made
        self.definitions[name] = made
        return {"$ref": f"#/$defs/{name}"}

    def reason(self) -> Schema:
        """Allow the parts of a reason."""
        texts: dict[str, Plain] = {name: dict(_TEXT) for name in ("what", "evidence", "clause")}
        properties: dict[str, Plain] = {**texts, "since": {"type": "number"}}
        return {"title": "Reason", "type": "object", "properties": properties, "required": list(properties)}
