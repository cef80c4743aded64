"""Folders of configurations: their files, and what lies in them that will not be read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.ios.devices import other_device
from dmvpn.ios.parts import Part, parts_of
from dmvpn.ios.transcript import decode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SUFFIX: Final = ".cfg"
#: Strangers call them as they like; where there is none of ours, all files count but these, which are other things.
_NEVER: Final = (
    *(".bak", ".old", ".orig", ".swp", ".yaml", ".yml", ".json", ".j2", ".py", ".sh", ".csv", ".html", ".xml", ".vpc"),
    *(".pem", ".key", ".crt", ".cer", ".pcap", ".pcapng", ".png", ".jpg", ".jpeg", ".gif", ".pdf", ".zip", ".pkt"),
)
#: Larger files of strangers are not looked into.
_LARGEST: Final = 4 << 20
#: What tells a configuration from other texts: its name, or interfaces that have something under them.
_NAMES: Final = re.compile(r"(?mi)^\s*(\S+#\s*)?hostname\s+\S")
_INTERFACES: Final = re.compile(
    r"(?mi)^\s*(\S+#\s*)?int(erface)?\s+[a-z-]+ ?[\d/.]+[ \t]*\r?\n(.*\n){0,8}?\s*(\S+#\s*)?(ip addr?|ip nhrp|tunnel )"
)
#: Pages with text around the configuration, if it is fenced; the first page of a folder is about all of them.
_PAGES: Final = (".md", ".markdown")
_FENCED: Final = re.compile(r"(?ms)^[ \t]*```[^\n]*\n(.*?)^[ \t]*```")
_ABOUT: Final = "readme"
#: Files that an error names.
_NAMED: Final = 4


class OtherDevice(UserError):
    """A configuration that no router of IOS has."""


def read_text(path: Path) -> str:
    """The text of a file of ours, in UTF-8. Raises UserError."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text: {error}") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error


def read_configuration(path: Path) -> str:
    """The text of a router's configuration, whatever wrote it. Raises UserError."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UserError(f"{path}: no regular file")  # a pipe may keep us waiting forever
    try:
        return decode(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error


def read_routers(path: Path) -> tuple[Part, ...]:
    """The configurations of the routers in a file, each with its lines where they are in the file. Raises UserError."""
    return _parts(path, read_configuration(path))


def _parts(name: Path | str, text: str) -> tuple[Part, ...]:
    device = other_device(text)
    if device:
        raise OtherDevice(f"{name}: this is of {device}; only IOS and IOS XE are read")
    try:
        return parts_of(text)
    except ValueError as error:
        raise UserError(f"{name}: {error}") from error


def read_router(path: Path) -> str:
    """The text of the configuration of one router. Raises UserError, also for a file with several routers in it."""
    parts = read_routers(path)
    if len(parts) > 1:
        names = ", ".join(part.name or "one without a name" for part in parts[:_NAMED])
        more = f" and {len(parts) - _NAMED} more" if len(parts) > _NAMED else ""
        raise UserError(
            f"{path}: the configurations of {len(parts)} routers are in it ({names}{more}); "
            f"'dmvpn import {path} --to FOLDER' writes a file of each"
        )
    return parts[0].text


def configurations_of(path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """The configurations in a file by the names of their routers, or that of the file if one is there; and notes.

    Raises UserError.
    """
    found, notes = _separated({path.stem: read_configuration(path)})
    if not found:
        raise UserError(notes[0])
    return found, notes


def _separated(texts: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """A text for each router, and notes about texts of several, or of other devices."""
    found: dict[str, str] = {}
    notes: list[str] = []
    for stem, text in texts.items():
        try:
            parts = _parts(stem, text)
        except OtherDevice as error:
            notes.append(f"{error}: it is left out")
            continue
        for part in parts:
            name = stem if len(parts) == 1 else part.name or stem
            if name in found:
                raise UserError(f"{stem}: there are two configurations of {name}")
            found[name] = part.text
        if len(parts) > 1:
            notes.append(f"{stem} has the configurations of {len(parts)} routers in it")
    return found, tuple(notes)


def configurations_in(folder: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """The configurations of a folder by file name, and notes about files that look like some. Raises UserError."""
    found, notes = _separated({path.stem: read_configuration(path) for path in sorted(folder.glob(f"*{_SUFFIX}"))})
    if not found:
        found, more = _separated({name: read_configuration(path) for name, path in _of_strangers(folder).items()})
        notes += more
    if not found:
        raise UserError(f"{folder}: no router configuration (*{_SUFFIX}) in this folder{_instead(folder)}")
    return found, notes + tuple(
        f"{path.name} is left out: the files of routers end with {_SUFFIX}, in small letters"
        for path in sorted(folder.iterdir())
        if path.suffix != _SUFFIX and path.suffix.lower() == _SUFFIX
    )


def files_of_strangers(folder: Path) -> tuple[Path, ...]:
    """The files of a folder that hold configurations, going by what is in them."""
    return tuple(_of_strangers(folder).values())


def _of_strangers(folder: Path) -> dict[str, Path]:
    """What lies in a folder without files of ours and is a configuration, by file name.

    If no file is one, the page that tells of them counts, if configurations are fenced there.
    """
    found: dict[str, Path] = {}
    pages: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        name = path.name
        if not path.is_file() or name.startswith(".") or name.endswith("~") or path.suffix.lower() in _NEVER:
            continue
        if path.stat().st_size > _LARGEST:
            continue
        try:
            text = read_configuration(path)
        except UserError:  # pictures and the like
            continue
        fenced = _FENCED.findall(text) if path.suffix.lower() in _PAGES else []
        read = "\n".join(fenced) or text
        if path.stem.lower() == _ABOUT:
            if any(_NAMES.search(block) for block in fenced):
                pages[path.stem] = path
        elif _NAMES.search(read) or _INTERFACES.search(read):
            found[path.stem if path.stem not in found else name] = path
    return found or pages


def _instead(folder: Path) -> str:
    """What is there, as part of a sentence."""
    others = [path.name for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    if not others:
        return ""
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return f", but {', '.join(others[:_NAMED])}{more}: rename what is one to NAME{_SUFFIX}"
