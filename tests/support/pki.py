"""A certificate authority, and a router at whose prompt its certificates are pasted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dmvpn.app.pki import dialog as _dialog
from dmvpn.base.effects import ConsoleLine, Effect, Store
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ClockSet, ConfigurationEntered, Event, Remembered, Tick
from dmvpn.face.interpreter import OneShot
from dmvpn.features.pki.machine import PkiMachine
from dmvpn.router.router import Router
from dmvpn.shells.handle import Handle
from dmvpn.tools.authority import Authority, RequestedCertificate

if TYPE_CHECKING:
    from pathlib import Path


def authority(folder: Path, name: str = "Lab CA", *, elliptic: bool = True) -> Authority:
    """Return an authority; elliptic curves, because they are quick."""
    return Authority.make(folder, name, elliptic=elliptic)


def issue(made: Authority, name: str, **settings: object) -> None:
    """NAME.pem and NAME.key in its folder; the host name is among the alternative names."""
    made.issue(RequestedCertificate(name=name, **{"fqdns": (f"{name}.example",), **settings}))  # type: ignore[arg-type]


def paste(trustpoint: str, files: list[bytes]) -> list[str]:
    """Return what somebody pastes who has these PEM files; the key is encrypted on the way."""
    return _dialog(trustpoint, files)


def dialog(folder: Path, name: str, trustpoint: str = "LAB") -> list[str]:
    """Return the same, with the files of an authority."""
    return paste(
        trustpoint, [(folder / file).read_bytes() for file in ("ca.pem", f"{name}.pem", f"{name}.key", "crl.pem")]
    )


class Console:
    """A router without interfaces and its prompt. stored: what it kept."""

    def __init__(self, configuration: str = "", remembered: dict[str, bytes] | None = None) -> None:
        self.now = 0.0
        self.router = Router(SeededEntropy(1))
        self.stored: dict[str, bytes] = dict(remembered or {})
        self.log: list[str] = []
        self._handle = Handle(lambda: self.router, lambda: self.now, self.post, lambda name, octets: None)
        self.post(ClockSet(time.time()))
        for name, octets in self.stored.items():
            self.post(Remembered(name, octets))
        self.post(ConfigurationEntered(configuration, by="startup", saved=True))

    @property
    def pki(self) -> PkiMachine:
        return self.router.machine(PkiMachine)

    @property
    def running(self) -> str:
        return "\n".join(self.router.running.render())

    def post(self, event: Event) -> None:
        for effect in self.router.handle(event, self.now):
            self._note(effect)

    def _note(self, effect: Effect) -> None:
        match effect:
            case Store(name, octets):
                self.stored[name] = octets
            case ConsoleLine(text=text):
                self.log.append(text)
            case _:
                pass

    def later(self, seconds: float) -> None:
        """Let time pass, and whatever is due happen."""
        end = self.now + seconds
        while (due := self.router.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.post(Tick())
        self.now = end

    def type(self, *lines: str) -> tuple[int, str]:
        """Status and answer."""
        shot = OneShot(self._handle, 1, lines)
        said = ""
        while not shot.done:
            said += shot.step()
        return shot.status, said

    def reborn(self) -> Console:
        """Return the same router after a restart, with the configuration that runs now."""
        return Console(self.running, self.stored)
