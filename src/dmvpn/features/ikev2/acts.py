"""What IKE wants to be done or known: its only way to speak to the world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmvpn.base.reasons import Reason
    from dmvpn.features.ikev2.children import ChildSa
    from dmvpn.features.ikev2.sa import IkeSa
    from dmvpn.features.ikev2.terms import Path


@dataclass(frozen=True, slots=True)
class Act:
    """The base of all acts."""


@dataclass(frozen=True, slots=True)
class Reply(Act):
    """Send a datagram that belongs to no IKE SA."""

    path: Path
    datagram: bytes


@dataclass(frozen=True, slots=True)
class TurnedAway(Act):
    """Somebody could not be understood, or not be served. why: for people; logged: worth a line in the log."""

    path: Path
    why: Reason
    logged: bool = False


@dataclass(frozen=True, slots=True)
class SaAct(Act):
    """The base of those that an IKE SA wants."""

    sa: IkeSa


@dataclass(frozen=True, slots=True)
class Transmit(SaAct):
    """Send these datagrams; on port 4500 with the non-ESP marker (RFC 3948 §2.2), which is not in them."""

    path: Path
    datagrams: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Unanswered(SaAct):
    """A request had to be repeated: it matters whether the peer is heard otherwise."""


@dataclass(frozen=True, slots=True)
class Established(SaAct):
    """Both sides have proved who they are."""


@dataclass(frozen=True, slots=True)
class Begun(SaAct):
    """An IKE SA that came out of another one's exchange, and has no children (yet)."""


@dataclass(frozen=True, slots=True)
class Replaced(SaAct):
    """A rekeyed IKE SA takes the place of `sa`, with all its children."""

    successor: IkeSa


@dataclass(frozen=True, slots=True)
class Ended(SaAct):
    """The IKE SA is gone, and with it its children, for which no `ChildEnded` comes. reason: for people."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class ChildMade(SaAct):
    """Packets may take this child SA. replaces: the inbound SPI of its predecessor, which keeps receiving a while."""

    child: ChildSa
    replaces: bytes | None


@dataclass(frozen=True, slots=True)
class ChildEnded(SaAct):
    """Neither end sends on this child SA any more. Late packets may still come until its `ChildForgotten`."""

    child: ChildSa
    reason: Reason


@dataclass(frozen=True, slots=True)
class ChildForgotten(SaAct):
    """The inbound half of a replaced child SA may go, too."""

    spi_in: bytes


@dataclass(frozen=True, slots=True)
class Moved(SaAct):
    """The peer, or the NAT before it, has another address or port now; its child SAs move with it."""

    old: Path


@dataclass(frozen=True, slots=True)
class Doubted(SaAct):
    """Somebody says, in clear, that the peer does not know this IKE SA or a child of it any more: a hint, no proof."""


@dataclass(frozen=True, slots=True)
class Trouble(SaAct):
    """Something failed: one line that names what, and what both sides had, for the log and for shows."""

    what: Reason
