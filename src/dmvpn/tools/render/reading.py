"""Reads a table: YAML with the line of every key, so that whatever is wrong is said with file, line and key.

What has no place in a table is refused before anything is looked at: keys and passwords, names that are there twice
(YAML would take the last one without a word), anchors (a few lines of them can stand for a thousand million).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import yaml
from pydantic import ValidationError

from dmvpn.base.errors import UserError
from dmvpn.tools.render.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Octets of a table: of thousands of sites with all that can be said of each.
LARGEST: Final = 8 << 20
_SECRET: Final = re.compile(
    r"pass(word|wd|phrase)|secret|psk$|pre.?shared|credential|authentication|^keys?$|private.?key", re.IGNORECASE
)


class _Loader(yaml.SafeLoader):
    """YAML as people mean it: `NO` and `ON` are names of sites, 12:30 is no number, a date is text (as in YAML 1.2)."""


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]{0,17})$"), list("-0123456789"))

#: Where something stands: the keys from the top.
Path_ = tuple[str | int, ...]


class Places:
    """The lines of a table's keys."""

    def __init__(self, file: str, lines: dict[Path_, int]) -> None:
        self.file = file
        self._lines = lines

    def at(self, where: Path_) -> str:
        """`FILE:LINE: KEY`, of what stands there or of what stands around it."""
        known = where
        while known and known not in self._lines:
            known = known[:-1]
        key = ".".join(map(str, where))
        return f"{self.file}:{self._lines.get(known, 1)}" + (f": {key}" if key else "")

    def error(self, where: Path_, text: str) -> UserError:
        """What is wrong there."""
        return UserError(f"{self.at(where)}: {text}")


def read(path: Path) -> tuple[Table, Places]:
    """The table of a file. Raises UserError."""
    text = read_text(path)
    return parse(text, str(path))


def parse(text: str, file: str) -> tuple[Table, Places]:
    """The table that a text is. Raises UserError."""
    raw, places = parse_yaml(text, file)
    for where in _keys(raw):
        if _SECRET.search(str(where[-1])):
            raise places.error(
                where,
                "a key does not belong into a table that many read: take it out, change it if others have seen it, "
                "and give it by --keys FILE or the environment (DMVPN_PRE_SHARED_KEY, DMVPN_NHRP_AUTHENTICATION)",
            )
    try:
        return Table.model_validate(raw if raw is not None else {}), places
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        said = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            said = "there is no such key here"
        raise places.error(tuple(part for part in first["loc"] if part != "[key]"), said) from error


def parse_yaml(text: str, file: str) -> tuple[object, Places]:
    """What a YAML text holds, and where. Raises UserError."""
    lines: dict[Path_, int] = {}
    places = Places(file, lines)
    try:
        for token in yaml.scan(text, Loader=_Loader):
            if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
                line = token.start_mark.line + 1
                raise UserError(f"{file}:{line}: anchors and aliases (& and *) are not taken; write it out")
        node = yaml.compose(text, Loader=_Loader)
        if node is None:
            return None, places
        _note(node, (), places, lines)
        return yaml.load(text, Loader=_Loader), places  # noqa: S506 - a SafeLoader that knows less
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise UserError(f"{file}:{line}: no YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{file}: no YAML: {str(error).splitlines()[0]}") from error


def read_text(path: Path) -> str:
    """The text of a file of reasonable size. Raises UserError."""
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"{path}: larger than {LARGEST >> 20} MiB")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text: {error}") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error


def _note(node: yaml.Node, where: Path_, places: Places, lines: dict[Path_, int]) -> None:
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            _note(item, (*where, position), places, lines)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*where, str(key.value))
            if here in lines:
                raise UserError(f"{places.file}:{key.start_mark.line + 1}: {key.value} is there twice")
            lines[here] = key.start_mark.line + 1
            _note(value, here, places, lines)


def _keys(raw: object, where: Path_ = ()) -> Iterator[Path_]:
    """Every key, but for the names of sites: somebody may live in Secretville."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            here = (*where, str(key))
            if where not in (("hubs",), ("spokes",)):
                yield here
            yield from _keys(value, here)
    elif isinstance(raw, list):
        for position, item in enumerate(raw):
            yield from _keys(item, (*where, position))
