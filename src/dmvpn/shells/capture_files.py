"""The captures of a lab, real or simulated, and their files.

A capture has a folder, and a file in it for each port: of whole nodes (`R31`), or one alone (`R31:Gi0/1`). Files are
bounded, and complete up to the last packet that was written, however the capture ends. Several captures run at a time,
of which one may write keys. A capture for a reader who may vanish has an end of its own.
"""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field
from math import inf
from pathlib import Path
from typing import Final

from dmvpn.base.errors import UserError, WireError
from dmvpn.base.values import Mutable
from dmvpn.net import pcap
from dmvpn.net.pcap import LinkType
from dmvpn.shells import storage
from dmvpn.shells.lab.control import Json
from dmvpn.shells.lab.wiring import End, linux_name
from dmvpn.shells.scenario import Scenario

#: Octets of the largest file. Later packets are counted, and not kept: larger files are hard to open, and a disk is
#: finite.
LARGEST: Final = 1 << 30


class CaptureFile:
    """One pcap file. packets: number of its packets. lost: number of packets left out, and why."""

    def __init__(self, path: Path, link_type: LinkType = LinkType.ETHERNET, most: int = 0) -> None:
        """Begin the file. Raises OSError.

        most: octets; 0: `LARGEST`. With a bound of its own it is read while it grows, so each packet is written at
        once.
        """
        self.path = path
        self.packets = 0
        self.lost = 0
        self.why = ""
        self._most = most or LARGEST
        self._file = path.open("wb", buffering=0 if most else -1)
        head = pcap.file_header(link_type)
        self._size = self._file.write(head)

    def write(self, frame: bytes, time_ns: int) -> None:
        """Add a packet that was captured at `time_ns` since 1970."""
        record = pcap.record(frame, time_ns)
        if not self.why and self._size + len(record) > self._most:
            self.why = f"a file has at most {self._most >> 20} MiB"
        if self.why:
            self.lost += 1
            return
        self._size += len(record)
        self.packets += 1
        try:
            self._file.write(record)
        except OSError as error:
            self.why = error.strerror or str(error)

    def close(self) -> None:
        """Finish it: on a full disk, after the last complete packet."""
        try:
            self._file.close()
        except OSError as error:
            self.why = error.strerror or str(error)
        if self.why:
            counted, self.packets = self.packets, 0
            with contextlib.suppress(OSError, WireError), self.path.open("r+b") as file:
                self.packets, end = pcap.whole(file)
                file.truncate(end)
            self.lost += counted - self.packets


class Capture(Mutable):
    """A capture that runs.

    ports: the Linux names of the ports of each node; none: all of them. most: octets of a file, 0: of the largest.
    until: monotonic seconds.
    """

    folder: Path
    ports: dict[str, list[str]]
    most: int = 0
    until: float = inf
    files: dict[tuple[str, str], CaptureFile] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether its time has passed."""
        return time.monotonic() > self.until

    def wants(self, node: str, port: str) -> bool:
        """Return whether a port is to be captured."""
        return node in self.ports and (not self.ports[node] or linux_name(port) in self.ports[node])

    def open(self, node: str, port: str, link_type: LinkType = LinkType.ETHERNET) -> CaptureFile:
        """Begin the file of a port. Raises OSError."""
        path = self.folder / f"{node}-{linux_name(port)}.pcap"
        file = self.files[node, port] = CaptureFile(path, link_type, self.most)
        return file


class Captures(ABC):
    """The captures that run in a lab, by their folders."""

    def __init__(self) -> None:
        self.running: dict[Path, Capture] = {}
        #: Where keys are written.
        self.keys: Path | None = None

    def obey(self, request: dict[str, Json]) -> Json:
        """Carry out the order `capture`. Raises UserError."""
        folder = Path(str(request["output"])) if "output" in request else None
        if request.get("stop") or folder is None:
            return self.stop(folder)
        places = request.get("nodes")
        return [
            *self.start(
                [str(place) for place in places] if isinstance(places, list) else (),
                folder,
                with_keys=bool(request.get("keys")),
                seconds=float(str(request.get("seconds", inf))),
                most=int(str(request.get("most", 0))),
            )
        ]

    def start(
        self, places: Iterable[str], folder: Path, *, with_keys: bool = False, seconds: float = inf, most: int = 0
    ) -> list[str]:
        """Capture at these nodes and ports, at all nodes if none is named. Returns the files. Raises UserError.

        seconds: after which the capture ends itself, without a `stop`. most: octets of a file, 0: `LARGEST`.
        """
        for one in [one for one in self.running.values() if one.is_over]:
            self.stop(one.folder)
        if folder in self.running or (with_keys and self.keys is not None):
            what = f"to {folder}" if folder in self.running else "with keys"
            raise UserError(f"a capture {what} is running; 'dmvpn lab capture --stop' ends it")
        capture = Capture(folder, self._ports(places), most, time.monotonic() + seconds)
        self.running[folder] = capture
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._begin(capture)
            if with_keys:
                storage.make_folder(folder / "keys")
        except OSError as error:
            self.stop(folder)
            raise UserError(f"{error.filename or folder}: {error.strerror}") from error
        if with_keys:
            self.keys = folder / "keys"
            self._keys_changed()
        return [str(file.path) for file in capture.files.values()]

    def _ports(self, places: Iterable[str]) -> dict[str, list[str]]:
        ports: dict[str, list[str]] = {}
        wires = self._wires()
        known = self._nodes()
        for place in places or known:
            node, port = Scenario.find_wire(place, wires)[1] if ":" in place else (place, "")
            if node not in known:
                raise UserError(f"there is no {node} in this lab; it has {', '.join(known)}")
            ports[node] = [*ports.get(node, []), linux_name(port)] if port else []
        return ports

    def stop(self, folder: Path | None = None) -> dict[str, Json]:
        """End a capture, or all. Returns the report: packets in each file, number of lost packets, and why."""
        if self.keys is not None and folder in (None, self.keys.parent):
            self.keys = None
            self._keys_changed()
        return self.close(folder)

    def close(self, folder: Path | None = None) -> dict[str, Json]:
        """Close the files. Returns the report. The lab may have been interrupted anywhere before."""
        ended = [self.running.pop(one) for one in [*self.running] if folder in (None, one)]
        for capture in ended:
            self._end(capture)
            for file in capture.files.values():
                file.close()
        files = [file for capture in ended for file in capture.files.values()]
        return {
            "files": {str(file.path): file.packets for file in files},
            "lost": sum(file.lost for file in files),
            "why": next((file.why for file in files if file.why), ""),
        }

    @abstractmethod
    def _nodes(self) -> Collection[str]:
        """Return the names of all routers, hosts and NAT boxes of the lab."""

    @abstractmethod
    def _wires(self) -> Mapping[str, Iterable[End]]:
        """Return the ends of each wire of the lab, by its name."""

    @abstractmethod
    def _begin(self, capture: Capture) -> None:
        """Open the files of a capture, and write into them from now on. Raises OSError."""

    @abstractmethod
    def _end(self, capture: Capture) -> None:
        """Write no more into its files."""

    @abstractmethod
    def _keys_changed(self) -> None:
        """Let all routers write their keys to `keys`, or no longer: it is hard to know whose SAs pass a wire."""
