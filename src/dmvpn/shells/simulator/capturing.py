"""`lab capture` in a simulated lab: a pcap file for every port and tunnel of the chosen nodes.

Simulated wires have no link layer, so the files hold IP packets (link type RAW). Their times are those of the world: a
leap of its clock is a gap. A packet that a bad wire loses is in the file of its sender alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.net.pcap import LinkType
from dmvpn.shells import keys
from dmvpn.shells.capture_files import CaptureFile, report
from dmvpn.shells.lab.wiring import linux_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.base.effects import Effect
    from dmvpn.shells.lab.control import Json
    from dmvpn.shells.simulator.simulator import Simulator

from dmvpn.base.effects import ReportKey
from dmvpn.base.events import KeysWanted


class SimulatedCapture:
    """What is being captured of a world, at most one capture at a time."""

    def __init__(self, world: Simulator) -> None:
        self._world = world
        self._folder = Path()
        self._nodes: tuple[str, ...] = ()
        self._files: dict[tuple[str, str], CaptureFile] = {}
        self._keys: Path | None = None

    def start(self, nodes: Sequence[str], folder: Path, *, with_keys: bool = False) -> list[str]:
        """Capture everything at these nodes into a folder. Returns the files. Raises UserError."""
        if self._nodes:
            raise UserError("a capture is running; 'dmvpn lab capture --stop' ends it")
        self._nodes, self._folder = tuple(nodes), folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for segment in self._world.segments:
                for station, interface in segment.ends:
                    if station.name in self._nodes:
                        self._open(station.name, interface)
            for name in self._nodes:
                for tunnel in self._world.routers[name].plane.tunnels if name in self._world.routers else ():
                    self._open(name, tunnel)
            if with_keys:
                keys.make_folder(folder / "keys")
        except OSError as error:
            self.stop()
            raise UserError(f"{error.filename or folder}: {error.strerror}") from error
        self._world.capture = self._take
        if with_keys:
            self._keys = folder / "keys"
            for name in self._world.routers:
                self.begin(name)
        return [str(file.path) for file in self._files.values()]

    def stop(self) -> dict[str, Json]:
        """End the capture. Returns what was written (`capture_files.report`)."""
        self._world.capture = None
        if self._keys is not None:
            self._keys = None
            for name, node in self._world.routers.items():
                if node.alive:
                    self._world.post(name, KeysWanted(False))
        ended, self._files, self._nodes = self._files, {}, ()
        for file in ended.values():
            file.close()
        return report(ended.values())

    def begin(self, router: str) -> None:
        """Begin when a router lives, perhaps again: while keys are written, it is to tell its own."""
        if self._keys is not None and self._world.routers[router].alive:
            self._world.post(router, KeysWanted(True))

    def report(self, effect: Effect) -> None:
        """Write down a key that an effect which a router carried out tells."""
        if isinstance(effect, ReportKey) and self._keys is not None:
            try:
                keys.write(self._keys, effect)
            except OSError:
                self._keys = None  # the folder is gone, or the disk is full: the packets are captured all the same

    def _take(self, node: str, interface: str, packet: bytes) -> None:
        if node not in self._nodes:
            return
        file = self._files.get((node, interface))
        if file is None:  # a tunnel that was configured since
            try:
                file = self._open(node, interface)
            except OSError:
                return
        file.write(packet, round((self._world.epoch + self._world.now) * 1e9))

    def _open(self, node: str, interface: str) -> CaptureFile:
        path = self._folder / f"{node}-{linux_name(interface)}.pcap"
        file = self._files[node, interface] = CaptureFile(path, LinkType.RAW)
        return file
