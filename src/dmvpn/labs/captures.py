"""Captures of a lab's packets: pcap files that the lab itself writes, until a stop or its end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from dmvpn.base.values import Value
from dmvpn.shells.lab import control
from dmvpn.shells.lab.places import LabFolder


class Captured(Value):
    """A capture that has ended.

    files: path to the number of its packets.
    lost: packets that are in no file.
    why: the reason for that.
    """

    files: Mapping[str, int]
    lost: int = 0
    why: str = ""


def begin(folder: LabFolder, places: Sequence[str], output: Path, *, keys: bool = False, **bounds: float) -> list[str]:
    """Begin to capture at these nodes, at all if none is named; returns the paths of the files. Raises UserError.

    places: nodes, and ports (`R31:Gi0/1`). output: a folder, as an absolute path; it is the name of the capture.
    keys: also write the keys of new SAs. bounds: `seconds` after which the lab ends the capture by itself, and `most`
    octets of each file.
    """
    files = control.order(folder.control, do="capture", nodes=list(places), output=str(output), keys=keys, **bounds)
    return [str(path) for path in files] if isinstance(files, list) else []


def stop(folder: LabFolder, output: Path | None = None) -> Captured:
    """End a capture, or all of them. Raises UserError."""
    which = {} if output is None else {"output": str(output)}
    answer = control.order(folder.control, do="capture", stop=True, **which)
    found = answer if isinstance(answer, dict) else {}
    files = found.get("files")
    counts = {path: int(str(count)) for path, count in files.items()} if isinstance(files, dict) else {}
    return Captured(counts, int(str(found.get("lost") or 0)), str(found.get("why") or ""))


def of_dead(files: Iterable[str]) -> Captured:
    """Return the capture of a lab that has ended, which cannot report what it wrote."""
    return Captured({path: _frames(Path(path)) for path in files})


def _frames(path: Path) -> int:
    from dmvpn.base.errors import WireError
    from dmvpn.net import pcap

    with contextlib.suppress(OSError, WireError), path.open("rb") as file:
        return pcap.count(file)
    return 0
