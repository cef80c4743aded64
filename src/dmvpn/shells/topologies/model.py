"""The contents of a topology file, whichever program wrote it."""

from __future__ import annotations

from pathlib import Path

from dmvpn.base.values import Value
from dmvpn.ios import normalize_interface

#: A node and one of its ports.
End = tuple[str, str]


class Node(Value):
    """Any device.

    text: its configuration, each line at its number in the topology file.
    file: of its configuration, if that is another one.
    """

    name: str
    text: str = ""
    file: Path | None = None


class Topology(Value):
    """kind: the program whose file it is. cables: the ends of each."""

    kind: str
    nodes: tuple[Node, ...]
    cables: tuple[tuple[End, ...], ...]


def port_named(name: str) -> str:
    """Return the long name of a port: "Ethernet0/1" for "e0/1"."""
    return normalize_interface(name) or name


def within(folder: Path, name: str) -> Path | None:
    """Return a file of the folder or below it; None if it is somewhere else, or does not exist."""
    try:
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError):
        return None
