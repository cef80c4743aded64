"""The files of a folder: their differences, and writing them.

Configurations hold keys, so only their owner may read them. A file that needs no change is not touched. A file that an
earlier run made for a removed site is deleted, and no other file. A file from any other source is not overwritten.

`.made-by-render.yaml` names the files there that `dmvpn render` made, by table. The lock file cannot hold this list:
it is beside the table and may come from a colleague, and there may be several folders.
"""

from __future__ import annotations

import difflib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import yaml
from pydantic import RootModel, StringConstraints, ValidationError

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.shells.documents import LARGEST, parse_yaml, read_text
from dmvpn.shells.files import open_private, read_given

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


# -------------------------------------------------------------------------------------- the list of files that are ours


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


# ------------------------------------------------------------------------------------------------ writing


_PRIVATE: Final = 0o600
#: Name -> the present and the wanted text of each file that differs; None: no such file.
Changes = dict[str, tuple[str | None, str | None]]


def changes(folder: Path, files: Mapping[str, str], gone: list[str]) -> Changes:
    """Return the files that differ. Raises UserError."""
    found: Changes = {}
    for name, text in files.items():
        there = _read(folder, name)
        if there != text:
            found[name] = there, text
    for name in gone:
        if (there := _read(folder, name)) is not None:
            found[name] = there, None
    return found


def unified(folder: Path, changed: Changes) -> Iterator[str]:
    """Yield the differences as lines, in the way of `diff -u`."""
    for name, (old, new) in changed.items():
        before, after = (str(folder / name) if text is not None else os.devnull for text in (old, new))
        yield from difflib.unified_diff((old or "").splitlines(), (new or "").splitlines(), before, after, lineterm="")


def refuse_strangers(folder: Path, changed: Changes, made: Made) -> None:
    """Refuse to overwrite files that `dmvpn render` did not make. Raises UserError."""
    for name, (old, _) in changed.items():
        if old is not None and not made.is_ours(name, old):
            text = "`dmvpn render` did not make this file: move it away, or give another folder by --out"
            raise UserError(f"{folder / name}: {text}")


def write(folder: Path, changed: Changes) -> None:
    """Carry the changes out; each file is replaced atomically. Raises UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, (_, text) in changed.items():
            if text is None:
                (folder / name).unlink()
            else:
                write_one(folder / name, text)
    except OSError as error:
        raise UserError(f"{error.filename or folder}: {error.strerror or error}") from error


def write_one(path: Path, text: str) -> None:
    """Replace one file. Raises OSError."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    os.close(handle)
    try:
        with open_private(Path(temporary)) as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def tighten(folder: Path, files: Mapping[str, str]) -> None:
    """Restrict existing files to their owner, too. Raises UserError."""
    for name in files:
        path = folder / name
        try:
            if path.stat().st_mode & 0o077:
                path.chmod(_PRIVATE)
        except OSError as error:
            raise UserError(f"{path}: {error.strerror or error}") from error


def _read(folder: Path, name: str) -> str | None:
    """Return the text of a file, or None if the file does not exist. Raises UserError."""
    path = folder / name
    try:
        return read_given(path, LARGEST, folder).decode() if os.path.lexists(path) else None
    except UnicodeDecodeError:
        return ""
