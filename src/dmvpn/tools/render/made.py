"""`.made-by-render.yaml` in a folder: the files there that `dmvpn render` made, by table.

These files are removed when their site is gone; files from any other source, or made from another table, are not. The
lock file cannot hold this list: it is beside the table and may come from a colleague, and there may be several folders.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Final

import yaml
from pydantic import RootModel, StringConstraints, ValidationError

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.shells.documents import parse_yaml, read_text

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

NAME: Final = ".made-by-render.yaml"
#: In the first line of a configuration made with the built-in template, and of the files of a lab.
MARK: Final = "Made by `dmvpn render`"
_HEAD: Final = f"# {MARK}: the files here that it made, by table. Others it neither changes nor removes.\n"


class _Listed(RootModel[dict[str, list[Annotated[str, StringConstraints(pattern=r"^\w[\w.-]*\.(cfg|yaml)$")]]]]):
    """File names only: a path in the list cannot remove a file elsewhere."""


@dataclass(frozen=True, slots=True)
class Made:
    """table: its path relative to the folder, so that both may move together. lists: names of files by table."""

    table: str
    lists: dict[str, tuple[str, ...]]

    @property
    def own(self) -> tuple[str, ...]:
        """The files made from this table."""
        return self.lists.get(self.table, ())

    def is_ours(self, name: str, text: str) -> bool:
        """Return whether this file was made, of whichever table."""
        return any(name in names for names in self.lists.values()) or MARK in text.partition("\n")[0]

    def text(self, names: Collection[str]) -> str:
        """Return the text of the file if `names` are the files made from this table now."""
        others = {table: sorted(set(old) - set(names)) for table, old in self.lists.items() if table != self.table}
        lists = {**{table: left for table, left in others.items() if left}, self.table: sorted(names)}
        return _HEAD + yaml.safe_dump(dict(sorted(lists.items())))


def read_made(folder: Path, table: Path) -> Made:
    """Read the list of a folder. Raises UserError."""
    key, path = os.path.relpath(table.resolve(), folder.resolve()), folder / NAME
    if not os.path.lexists(path):
        return Made(key, {})
    raw, _ = parse_yaml(read_text(path, folder=folder), str(path))
    try:
        listed = _Listed.model_validate(raw or {}).root
    except ValidationError as error:
        text = "this is no list of files by table: remove it, and yourself the files of sites that are gone"
        raise UserError(f"{path}: {text}") from error
    return Made(key, {table: tuple(names) for table, names in listed.items()})
