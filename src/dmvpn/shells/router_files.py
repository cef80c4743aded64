"""One file with configurations: its text, from any source, and the routers in it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dmvpn.base.errors import UserError, some
from dmvpn.ios.markdown import is_empty, looks_like_one
from dmvpn.ios.parts import RouterText, has_signs, other_device, parts_of
from dmvpn.ios.transcript import LONGEST_FILE, decode
from dmvpn.shells.files import read_octets
from dmvpn.shells.topologies import Topology, topology_in

#: Most names in an error.
_READ: Final = "only IOS and IOS XE are read"


class NoConfiguration(UserError):
    """A file without an IOS router's configuration: that of another device, or nothing at all."""


def read_configuration(path: Path) -> str:
    """Return the text of a router's configuration, from any source. Raises UserError."""
    try:
        return decode(read_octets(path, LONGEST_FILE))
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error


def _print_note(note: str) -> None:
    print(f"note: {note}", file=sys.stderr)


def read_routers(
    path: Path, *, may_be_empty: bool = False, say: Callable[[str], None] = _print_note
) -> tuple[RouterText, ...]:
    """Return the configurations of the routers in a file, each with its lines at their numbers in the file.

    may_be_empty: the file may be that of a router without a configuration. say: takes a note about each other device
    in the file, which is left out. Raises UserError.
    """
    topology = topology_in(path)
    if topology is not None:
        return _inside(path, topology)
    text = read_configuration(path)
    device = other_device(text)
    try:
        parts = parts_of(text)
    except ValueError as error:
        raise UserError(f"{path}: this is of {device}; {_READ}" if device else f"{path}: {error}") from error
    is_mixed = len(parts) > 1 and has_signs(text)
    others = [other_device(part.text) for part in parts] if is_mixed else [device] * len(parts)
    routers = tuple(part for part, other in zip(parts, others, strict=True) if not other)
    if device and not any(looks_like_one(part.text) for part in routers):
        raise NoConfiguration(f"{path}: this is of {device}; {_READ}")
    for part, other in zip(parts, others, strict=True):
        if other:
            say(f"{path}: {part.name or 'a device without a name'} is {other}; {_READ}: it is left out")
    if not may_be_empty and all(is_empty(part.text) for part in routers):
        raise NoConfiguration(f"{path}: {nothing_in(text)}")
    return routers


def nothing_in(text: str) -> str:
    """Return the message about a text without a configuration line."""
    return "no line of a configuration is in it" if text.strip() else "it is empty"


def _inside(path: Path, topology: Topology) -> tuple[RouterText, ...]:
    """Return the routers whose configurations are in a topology. Raises UserError."""
    parts = tuple(RouterText(node.name, node.text) for node in topology.nodes if is_of_router(node.text))
    if not parts:
        files = [str(node.file) for node in topology.nodes if node.file is not None]
        beside = f"; they are in {some(files)}" if files else ""
        raise UserError(f"{path}: a topology of {topology.kind} without configurations of routers in it{beside}")
    return parts


def is_of_router(text: str) -> bool:
    """Return whether a text is the configuration of a supported router."""
    return bool(text) and looks_like_one(text) and not other_device(text)


def read_router(path: Path) -> str:
    """Return the text of the configuration of one router.

    Raises UserError, also for a file with several routers in it.
    """
    parts = read_routers(path)
    if len(parts) > 1:
        names = some([part.name or "one without a name" for part in parts])
        raise UserError(
            f"{path}: the configurations of {len(parts)} routers are in it ({names}); "
            f"'dmvpn import {path} --to FOLDER' writes a file of each"
        )
    return parts[0].text
