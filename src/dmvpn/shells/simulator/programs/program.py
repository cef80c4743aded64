"""The interface of a host's program, and its option parser."""

from __future__ import annotations

import getopt
from abc import ABC, abstractmethod
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import SendIp
    from dmvpn.base.events import IpReceived
    from dmvpn.net.icmp import IcmpMessage

#: The MTU of a host's wire.
HOST_MTU: Final = 1500
#: Octets of the largest IP packet.
LARGEST: Final = 0xFFFF


class Program(ABC):
    """One run. Its output is added to `lines`; code: its exit code, None while it runs.

    Its owner calls the methods one at a time, sends the packets that they return, and calls `tick` at `deadline`. Times
    are seconds on the clock of the simulation.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.code: int | None = None
        self.deadline: float | None = None

    @abstractmethod
    def start(self, now: float) -> list[SendIp]:
        """Start."""

    @abstractmethod
    def receive(self, packet: IpReceived, message: IcmpMessage, now: float) -> list[SendIp]:
        """Process an ICMP message that the host received, for this program or for another one."""

    @abstractmethod
    def tick(self, now: float) -> list[SendIp]:
        """Continue at the deadline."""

    @abstractmethod
    def interrupt(self, now: float) -> None:
        """Handle Ctrl-C."""

    def fail(self, text: str) -> None:
        """Record that a packet could not be sent: the host has no route for it."""
        self.lines.append(text)
        self.end(2)

    def end(self, code: int) -> None:
        """End the run."""
        self.code, self.deadline = code, None


class Options:
    """The arguments of a program. Raises UserError for unknown ones."""

    def __init__(self, program: str, words: Sequence[str], letters: str, spelled: Mapping[str, str]) -> None:
        """letters: as for getopt. spelled: long names, with their letters."""
        self._program = program
        long = [f"{name}=" if f"{letter}:" in letters else name for name, letter in spelled.items()]
        try:
            found, self.rest = getopt.gnu_getopt(list(words), letters, long)
        except getopt.GetoptError as error:
            known = " ".join(f"-{letter}" for letter in letters if letter != ":")
            raise UserError(f"{program}: {error}; at a simulated host it has {known}") from None
        self._values = {f"-{spelled[name[2:]]}" if name.startswith("--") else name: text for name, text in found}

    def __contains__(self, letter: str) -> bool:
        return f"-{letter}" in self._values

    def text(self, letter: str) -> str:
        """Return the value of an option; "" if it is not given."""
        return self._values.get(f"-{letter}", "")

    def number(self, letter: str, default: float, least: float, most: float) -> float:
        """Return the number of an option. Raises UserError."""
        return self.amount(f"-{letter}", self.text(letter) or str(default), least, most)

    def amount(self, name: str, text: str, least: float, most: float) -> float:
        """Return a number in these bounds. Raises UserError."""
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise UserError(f"{self._program}: {name} {text}: a number from {least:g} to {most:g}")
        return value

    def destination(self, most: int = 1) -> IPAddress:
        """Return the destination address; `most`: number of arguments at most. Raises UserError."""
        if not self.rest:
            raise UserError(f"{self._program}: which address?")
        if len(self.rest) > most:
            raise UserError(f"{self._program}: {' '.join(self.rest[most:])}: what is that for?")
        version = {"4": 4, "6": 6}.get(next((letter for letter in "46" if letter in self), ""))
        try:
            address = ip_address(self.rest[0])
        except ValueError:
            raise UserError(f"{self._program}: {self.rest[0]}: hosts of a simulated lab know no names") from None
        if version not in (None, address.version):
            raise UserError(f"{self._program}: {address} is no IPv{version} address")
        if address.is_loopback:
            raise UserError(f"{self._program}: {address} is the host itself: nothing of that is seen in the lab")
        if address.is_multicast or address.is_unspecified or int(address) == 0xFFFFFFFF:
            raise UserError(f"{self._program}: {address} is the address of no single station")
        return address

    def source(self, letter: str, own: Sequence[IPAddress], version: int) -> IPAddress | None:
        """Return an own address of an option, or the interface's; None if it is not given. Raises UserError."""
        text = self.text(letter)
        if text in ("", "eth0"):
            return None
        for address in own:
            if str(address) == text and address.version == version:
                return address
        raise UserError(f"{self._program}: {text} is no address of this host; it has {', '.join(map(str, own))}")
