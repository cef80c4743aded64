"""Reads a table: each error names file, line and key (`shells/documents.py`).

Keys and passwords do not belong in a table, and are refused before anything else is read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from dmvpn.shells.documents import parse_yaml, read_text
from dmvpn.tools.render.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dmvpn.shells.documents import Path_, Places

_SECRET: Final = re.compile(
    r"pass(word|wd|phrase)|secret|psk$|pre.?shared|credential|authentication|^keys?$|private.?key", re.IGNORECASE
)


def read(path: Path) -> tuple[Table, Places]:
    """Return the table of a file. Raises UserError."""
    text = read_text(path)
    return parse(text, str(path))


def parse(text: str, file: str) -> tuple[Table, Places]:
    """Return the table that a text is. Raises UserError."""
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


def _keys(raw: object, where: Path_ = ()) -> Iterator[Path_]:
    """Yield every key except the names of sites: a site may be called Secretville."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            here = (*where, str(key))
            if where not in (("hubs",), ("spokes",)):
                yield here
            yield from _keys(value, here)
    elif isinstance(raw, list):
        for position, item in enumerate(raw):
            yield from _keys(item, (*where, position))
