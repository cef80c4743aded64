"""The packet capture that a shell offers for a router's interface: `monitor capture` at its prompt."""

from __future__ import annotations

import enum
import errno
import os
from typing import Final, Protocol

from dmvpn.base.values import dataclass

#: Octets of packets that a capture keeps, as IOS does unless it is ordered otherwise.
BUFFER: Final = 10 << 20


class CaptureDirection(enum.Enum):
    """Which packets of an interface are meant."""

    IN = "in"
    OUT = "out"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class CapturePoint:
    """A capture as it was ordered. interface: its long name, "" as long as there is none. filtered: it has its filter,
    which takes any packet.
    """

    name: str
    interface: str = ""
    direction: CaptureDirection = CaptureDirection.BOTH
    filtered: bool = False


@dataclass(frozen=True, slots=True)
class Caught:
    """The buffer of a capture.

    active: it goes on. octets: of the packets. dropped: packets that found no room.
    """

    active: bool = False
    packets: int = 0
    octets: int = 0
    dropped: int = 0


class Captures(Protocol):
    """The capture of a router: one at a time."""

    @property
    def possible(self) -> bool:
        """Whether packets can be captured here."""
        ...

    @property
    def point(self) -> CapturePoint | None:
        """The configured capture; None: nothing."""
        ...

    @property
    def caught(self) -> Caught | None:
        """Packets captured since the last start; None: it was not started."""
        ...

    def order(self, point: CapturePoint | None) -> None:
        """Let this be the capture from now on. The one before ends, and its packets are gone."""
        ...

    def start(self) -> None:
        """Begin with an empty buffer. Raises OSError."""
        ...

    def stop(self) -> None:
        """End, and keep the packets."""
        ...

    def file(self) -> bytes:
        """Return the packets as a pcap file."""
        ...


class NoCaptures:
    """For a router whose shell cannot capture packets."""

    possible: Final = False
    point: Final = None
    caught: Final = None

    def order(self, point: CapturePoint | None) -> None:
        """Do nothing."""

    def start(self) -> None:
        """Raise an error: there are no packets."""
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    def stop(self) -> None:
        """Do nothing."""

    def file(self) -> bytes:
        """Return an empty file."""
        return b""


NO_CAPTURES: Final[Captures] = NoCaptures()
