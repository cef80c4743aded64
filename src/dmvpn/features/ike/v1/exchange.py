"""An exchange on one ISAKMP SA: main mode, or a quick mode. RFC 2409 §5."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from dmvpn.base.errors import WireError, surely
from dmvpn.features.ike.v1.transmission import Turns

if TYPE_CHECKING:
    from dmvpn.base.reasons import Reason
    from dmvpn.features.ike.peer_settings import DatagramPath
    from dmvpn.features.ike.v1.numbers import ExchangeType
    from dmvpn.features.ike.v1.packet import Chain, Message
    from dmvpn.features.ike.v1.sa import IsakmpSa


class Exchange(ABC):
    """One exchange on an ISAKMP SA: main mode, or a quick mode.

    over_at: it is over, and kept until then to answer repetitions.
    old: inbound SPI of the child that is to be replaced.
    ANSWERS_AGAIN: whether a message that comes again is answered again (`Turns`).
    """

    KIND: ClassVar[ExchangeType]
    ANSWERS_AGAIN: ClassVar[bool] = True
    old: bytes | None = None

    def __init__(self, sa: IsakmpSa, message_id: int) -> None:
        self.sa, self.message_id = sa, message_id
        self.turns = Turns()
        self.over_at: float | None = None

    @abstractmethod
    def hear(self, message: Message, octets: bytes, path: DatagramPath) -> None:
        """Take in the peer's next message. Raises WireError if it is not: nothing has changed then."""

    @abstractmethod
    def unanswered(self) -> None:
        """Act on a peer that answers none of the repetitions."""

    def describe(self) -> str:
        """Return what we offer, for people."""
        return ""

    def expire(self) -> None:
        """Act on the end of the time for which it is kept."""
        self.sa.finished(self.message_id)

    def open(self, message: Message) -> Chain:
        """Return the payloads inside. The chain of IVs stays. Raises WireError."""
        if self.sa.channel is None:
            raise WireError("an encrypted message before there are keys", offset=0, clause="RFC 2409 §5")
        return self.sa.channel.open(message)

    def accept(self, message: Message, octets: bytes, path: DatagramPath) -> None:
        """Take an encrypted message as the peer's: its hash was right."""
        surely(self.sa.channel).accept(message)
        self.turns.hears(octets)
        self.sa.hears(path)

    def say(self, datagram: bytes, *, awaits: bool) -> None:
        """Send our next message. awaits: an answer must come."""
        self.turns.says(datagram, self.sa.now, awaits=awaits)
        self.sa.transmit(datagram)

    def gave_up(self, name: str, why: Reason | None = None) -> Reason:
        """Return that the peer did not answer a message of this name; why: a guess, if nothing else is known."""
        return self.sa.silence(name, self.turns.tries, why)
