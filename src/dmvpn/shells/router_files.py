"""One file with configurations: its text, whatever wrote it, and the routers that are in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.ios.devices import other_device
from dmvpn.ios.parts import Part, parts_of
from dmvpn.ios.recognition import looks_like_one
from dmvpn.ios.transcript import decode
from dmvpn.shells.topologies import topology_in

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.shells.topologies import Topology

#: Names that an error says.
_NAMED: Final = 4


class OtherDevice(UserError):
    """A configuration that no router of IOS has."""


def read_configuration(path: Path) -> str:
    """Return the text of a router's configuration, whatever wrote it. Raises UserError."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UserError(f"{path}: no regular file")  # a pipe may keep us waiting forever
    try:
        return decode(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error


def read_routers(path: Path) -> tuple[Part, ...]:
    """Return the configurations of the routers in a file, each with its lines where they are in the file.

    Raises UserError.
    """
    topology = topology_in(path)
    if topology is not None:
        return _inside(path, topology)
    text = read_configuration(path)
    device = other_device(text)
    if device:
        raise OtherDevice(f"{path}: this is of {device}; only IOS and IOS XE are read")
    try:
        return parts_of(text)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error


def _inside(path: Path, topology: Topology) -> tuple[Part, ...]:
    """Return the routers whose configurations are in a topology. Raises UserError."""
    parts = tuple(Part(node.name, node.text) for node in topology.nodes if is_of_router(node.text))
    if not parts:
        files = [str(node.file) for node in topology.nodes if node.file is not None]
        beside = f"; they are in {some(files)}" if files else ""
        raise UserError(f"{path}: a topology of {topology.kind} without configurations of routers in it{beside}")
    return parts


def is_of_router(text: str) -> bool:
    """Return whether a text is the configuration of a router that is read here."""
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


def some(names: list[str]) -> str:
    """Return the first of many names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
