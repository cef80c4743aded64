"""What all requests of ours have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from dmvpn.base.reasons import Reason
from dmvpn.features.ikev2.reasons import IkeReason
from dmvpn.features.ikev2.window import INTERVALS

if TYPE_CHECKING:
    from dmvpn.features.ikev2.sa import IkeSa
    from dmvpn.features.ikev2.wire.message import Chain
    from dmvpn.features.ikev2.wire.numbers import ExchangeType
    from dmvpn.features.ikev2.wire.payloads import Payload


class Exchange(ABC):
    """One request on one IKE SA."""

    KIND: ClassVar[ExchangeType]
    #: Seconds after which it is repeated.
    intervals: tuple[float, ...] = INTERVALS

    def __init__(self, sa: IkeSa) -> None:
        self.sa = sa

    @abstractmethod
    def request(self) -> tuple[Payload, ...] | None:
        """What is asked; None: it is not worth asking any more."""

    @abstractmethod
    def answered(self, answer: Chain, octets: bytes) -> None:
        """The response came and opened. octets: the datagram."""

    def unanswered(self) -> None:
        """All repetitions went unanswered: the peer is dead (RFC 7296 §2.4)."""
        name = self.KIND.name
        asked = (name, self.sa.outgoing.tries, self.sa.path.remote)
        hint = self.sa.hint
        silent = Reason(IkeReason.NO_ANSWER, asked) if hint is None else Reason(IkeReason.NO_ANSWER_AND, (*asked, hint))
        self.sa.end(silent)
