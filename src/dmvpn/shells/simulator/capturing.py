"""`lab capture` in a simulated lab: a pcap file for every port and tunnel of the chosen nodes.

Simulated wires have no link layer, so the files hold IP packets (link type RAW). Their times are those of the
simulation: a leap of its clock is a gap. A packet that a bad wire loses is in the file of its sender alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.net.pcap import LinkType
from dmvpn.shells import keys
from dmvpn.shells.capture_files import CaptureFile, report
from dmvpn.shells.lab.wiring import linux_name
from dmvpn.shells.monitor import OpenTap, Take, Tap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.base.captures import CaptureDirection
    from dmvpn.base.effects import Effect
    from dmvpn.shells.lab.control import Json
    from dmvpn.shells.simulator.simulator import Simulator

from dmvpn.base.effects import ReportKey
from dmvpn.base.events import KeysWanted


class SimulatedCapture:
    """The captures in a simulation, at most one at a time."""

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
        self._world.captures.append(self._take)
        if with_keys:
            self._keys = folder / "keys"
            for name in self._world.routers:
                self.begin(name)
        return [str(file.path) for file in self._files.values()]

    def stop(self) -> dict[str, Json]:
        """End the capture. Returns its report (`capture_files.report`)."""
        if self._take in self._world.captures:
            self._world.captures.remove(self._take)
        if self._keys is not None:
            self._keys = None
            for name, node in self._world.routers.items():
                if node.alive:
                    self._world.post(name, KeysWanted(False))
        return self.close()

    def close(self) -> dict[str, Json]:
        """Close the files of a capture. Returns its report. The lab may have been interrupted anywhere before."""
        ended, self._files, self._nodes = self._files, {}, ()
        for file in ended.values():
            file.close()
        return report(ended.values())

    def begin(self, router: str) -> None:
        """Start at a router that has (re)started: while keys are written, it must report its own."""
        if self._keys is not None and self._world.routers[router].alive:
            self._world.post(router, KeysWanted(True))

    def report(self, effect: Effect) -> None:
        """Write the key in an effect that a router carried out."""
        if isinstance(effect, ReportKey) and self._keys is not None:
            try:
                keys.write(self._keys, effect)
            except OSError:
                self._keys = None  # the folder is gone, or the disk is full: the packets are captured all the same

    def _take(self, node: str, interface: str, packet: bytes, _: CaptureDirection) -> None:
        if node not in self._nodes:
            return
        file = self._files.get((node, interface))
        if file is None:  # a tunnel that was configured later
            try:
                file = self._open(node, interface)
            except OSError:
                return
        file.write(packet, round((self._world.epoch + self._world.now) * 1e9))

    def _open(self, node: str, interface: str) -> CaptureFile:
        path = self._folder / f"{node}-{linux_name(interface)}.pcap"
        file = self._files[node, interface] = CaptureFile(path, LinkType.RAW)
        return file


def world_taps(world: Simulator, router: str) -> OpenTap:
    """Return a function that opens interfaces of a router (`monitor capture`)."""

    def open_tap(interface: str, take: Take) -> Tap:
        def heard(node: str, port: str, packet: bytes, direction: CaptureDirection) -> None:
            if (node, port) == (router, interface):
                take(packet, round((world.epoch + world.now) * 1e9), direction)

        world.captures.append(heard)
        return Tap(LinkType.RAW, lambda: world.captures.remove(heard))

    return open_tap
