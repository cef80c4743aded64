"""Acts, done by `Peers` in their order: those about datagrams of no session; `session.py` has those of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.protection import IkeVersion
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.reasons import Reason
    from dmvpn.features.ike.peer_settings import DatagramPath


@dataclass(frozen=True, slots=True)
class Act:
    """The base of all acts."""


@dataclass(frozen=True, slots=True)
class Reply(Act):
    """Send a datagram that belongs to no IKE SA."""

    path: DatagramPath
    datagram: bytes


@dataclass(frozen=True, slots=True)
class TurnedAway(Act):
    """A peer could not be understood, or not be served.

    why: for people.
    logged: worth a line in the log.
    version: of the message.
    """

    path: DatagramPath
    why: Reason
    logged: bool = False
    version: IkeVersion = IkeVersion.V2


@dataclass(frozen=True, slots=True)
class Hinted(Act):
    """The sender says, outside of any IKE SA, that it has no SA of ESP with this SPI: a hint, no proof."""

    path: DatagramPath
    spi: int
