"""What a shell offers a router: files, a packet capture, and the current counters of its data plane.

What a shell keeps for a router besides its configuration: a flat folder of files, bounded in number and octets.

The packet capture that a shell offers for a router's interface: `monitor capture` at its prompt.

The data plane's current counters, and the stations that it sees: questions that only shows ask.

Machines get counters by events (`InterfacesCounted`, `SasCounted`) every few seconds: machines decide by these values,
recordings contain them, and a replay repeats them. But a user who looks at a screen wants the current number, so a show
asks the plane itself. The plane's answer changes nothing and goes only to the screen. If there is no plane (a replay, a
test of one machine), there is no answer, and shows print the latest values that the machines received.
"""

from __future__ import annotations

import enum
import errno
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.breath import breathing
from dmvpn.base.translation import Translations
from dmvpn.base.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import InterfacesCounted, PeerUsage, SasCounted
    from dmvpn.base.filters import FilterCount
    from dmvpn.base.protection import SaView
    from dmvpn.base.switching import LearnedStation


# ------------------------------------------------------------------------------------------------ files


#: Octets of all files together, and of how many files.
CAPACITY: Final = 64 << 20
MOST_FILES: Final = 1000

_NAME: Final = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,127}", re.ASCII)


def is_file_name(text: str) -> bool:
    """Return whether a file may be called this. It has no folders, and does not begin with a dot."""
    return _NAME.fullmatch(text) is not None


class Stored(Value):
    """A file in flash. size: octets. changed: seconds since 1970, UTC."""

    name: str
    size: int
    changed: float


class Flash(Protocol):
    """What a shell keeps for a router. Everything raises OSError, with a reason for people."""

    def files(self) -> Sequence[Stored]:
        """Return all files, by name."""
        return ()

    def read_file(self, name: str) -> bytes:
        """Return the octets of a file."""
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def write(self, name: str, octets: bytes) -> None:
        """Put a file there, whole or not at all."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def remove(self, name: str) -> None:
        """Take a file away."""
        self.read_file(name)

    def rename(self, name: str, new: str) -> None:
        """Give a file another name, in the place of a file that may have it."""
        self.read_file(name)


class NoFlash(Flash):
    """The files of a router whose shell keeps none: nothing is there, and there is no room."""


NO_FLASH: Final[Flash] = NoFlash()


# ------------------------------------------------------------------------------------------------ the packet capture


#: Octets of packets that a capture keeps, as IOS does unless it is ordered otherwise.
BUFFER: Final = 10 << 20


class CaptureDirection(enum.Enum):
    """Which packets of an interface are meant."""

    IN = "in"
    OUT = "out"
    BOTH = "both"


class CapturePoint(Value):
    """A capture as it was ordered. interface: its long name, "" as long as there is none. filtered: it has its filter,
    which takes any packet.
    """

    name: str
    interface: str = ""
    direction: CaptureDirection = CaptureDirection.BOTH
    filtered: bool = False


class Caught(Value):
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
        return False

    @property
    def point(self) -> CapturePoint | None:
        """The configured capture; None: nothing."""
        return None

    @property
    def caught(self) -> Caught | None:
        """Packets captured since the last start; None: it was not started."""
        return None

    def order(self, point: CapturePoint | None) -> None:
        """Let this be the capture from now on. The one before ends, and its packets are gone."""
        return

    def start(self) -> None:
        """Begin with an empty buffer. Raises OSError."""
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    def stop(self) -> None:
        """End, and keep the packets."""
        return

    def file(self) -> bytes:
        """Return the packets as a pcap file."""
        return b""


class NoCaptures(Captures):
    """For a router whose shell cannot capture packets."""


NO_CAPTURES: Final[Captures] = NoCaptures()


# ------------------------------------------------------------------------------------------- counters of the data plane


class EthernetStation(Value):
    """A station on an Ethernet. hardware: its link-layer address, empty while it does not answer."""

    interface: str
    address: IPAddress
    hardware: bytes


class Counting(Protocol):
    """Asked of the data plane. Counters are as in the answers to `PollInterfaces` and `PollSas`; None: it is mute."""

    def interfaces_counted(self) -> InterfacesCounted | None:
        """Return traffic and drop counters of every interface; None: the plane does not say."""
        return None

    def sas_counted(self) -> SasCounted | None:
        """Return the counters of every pair of SAs; None: the plane does not say."""
        return None

    def usage(self, tunnel: str) -> tuple[PeerUsage, ...]:
        """Return the counters of every peer of a tunnel, as in the answer to `PollUsage`; empty if it is not there."""
        return ()

    def stations(self) -> tuple[EthernetStation, ...]:
        """Return the stations on Ethernets in the host's neighbor table; empty where wires have no link layer."""
        return ()

    def stations_learned(self) -> tuple[LearnedStation, ...]:
        """Return the link-layer addresses that the bridges of a switch have learned; empty where a lab has none."""
        return ()

    def translations(self) -> Translations:
        """Return the translated flows, and the counters."""
        return Translations()

    def statistics(self, version: int) -> dict[str, int]:
        """Return what a version of IP has counted since it started, by names as `IpInReceives` and `UdpNoPorts` of
        RFC 4293 and 4113, and `IcmpInType3`. Types of ICMP that no message had are left out.
        """
        return {}

    def filtered(self) -> tuple[FilterCount, ...]:
        """Return how many packets each entry of each port's lists has decided on; entries without one may lack."""
        return ()


class NoPlane(Counting):
    """The answers where there is no data plane: nothing is counted, translated or filtered, and no station is known."""


NO_PLANE = NoPlane()


def by_address(peers: Iterable[PeerUsage]) -> dict[IPAddress, PeerUsage]:
    """Return the counters of each NBMA address: those of peers behind one address are added."""
    found: dict[IPAddress, PeerUsage] = {}
    for peer in peers:
        before = found.get(peer.nbma)
        found[peer.nbma] = peer if before is None else _sum(before, peer)
    return found


def _sum(one: PeerUsage, other: PeerUsage) -> PeerUsage:
    return replace(
        one,
        connection=0,
        sent=one.sent + other.sent,
        received=one.received + other.received,
        sent_octets=one.sent_octets + other.sent_octets,
        received_octets=one.received_octets + other.received_octets,
    )


def fresh(views: Iterable[SaView], counting: Counting) -> tuple[SaView, ...]:
    """Return pairs of SAs with current counters. A pair that the plane does not know keeps its last counters."""
    views = tuple(views)
    counted = counting.sas_counted() if views else None
    if counted is None:
        return views
    counts = {count.spi_in: count for count in counted.counts}
    return tuple(replace(view, count=counts.get(view.spi_in, view.count)) for view in breathing(views))
