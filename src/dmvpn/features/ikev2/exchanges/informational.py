"""INFORMATIONAL, RFC 7296 §1.4: is somebody there, and what is to be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from dmvpn.features.ikev2.exchanges.exchange import Exchange
from dmvpn.features.ikev2.sa import Move
from dmvpn.features.ikev2.wire.numbers import ExchangeType, ProtocolId
from dmvpn.features.ikev2.wire.payloads import Delete, Payload

if TYPE_CHECKING:
    from dmvpn.base.reasons import Reason
    from dmvpn.features.ikev2.children import ChildSa
    from dmvpn.features.ikev2.sa import IkeSa
    from dmvpn.features.ikev2.wire.message import Chain


#: How often IOS asks before it gives a silent peer up.
_PROBES: Final = 6


class Probe(Exchange):
    """An empty request: who answers is alive."""

    KIND: ClassVar = ExchangeType.INFORMATIONAL

    def __init__(self, sa: IkeSa) -> None:
        super().__init__(sa)
        if sa.terms is not None and sa.terms.dpd_retry:
            self.intervals = (sa.terms.dpd_retry,) * _PROBES

    def request(self) -> tuple[Payload, ...]:
        """Nothing."""
        return ()

    def answered(self, answer: Chain, octets: bytes) -> None:
        """That is all we wanted to know."""


class DeleteChild(Exchange):
    """Give up a child SA. spi, spi_out: ours and the peer's; the latter is empty if we never took the child SA."""

    KIND: ClassVar = ExchangeType.INFORMATIONAL

    def __init__(self, sa: IkeSa, spi: bytes, spi_out: bytes = b"") -> None:
        super().__init__(sa)
        self.spi, self.spi_out = spi, spi_out

    @classmethod
    def of(cls, sa: IkeSa, child: ChildSa, reason: Reason) -> Self:
        """Of one that we have: nothing is sent on it from now on."""
        sa.remove_child(child, reason)
        return cls(sa, child.spi_in, child.spi_out)

    def request(self) -> tuple[Payload, ...]:
        """Our inbound SPI; the peer finds its own half by it."""
        return (Delete(ProtocolId.ESP, (self.spi,)),)

    def answered(self, answer: Chain, octets: bytes) -> None:
        """The peer has let go of its half."""


class DeleteIke(Exchange):
    """Give up the IKE SA, and with it all its children: nothing else is asked on it from now on."""

    KIND: ClassVar = ExchangeType.INFORMATIONAL

    def __init__(self, sa: IkeSa, reason: Reason) -> None:
        super().__init__(sa)
        self.reason = reason
        sa.happened(Move.LEAVING)
        sa.outgoing.waiting.clear()

    def request(self) -> tuple[Payload, ...]:
        """The IKE SA itself has no SPI (§3.11)."""
        return (Delete(ProtocolId.IKE),)

    def answered(self, answer: Chain, octets: bytes) -> None:
        """Both sides know."""
        self.sa.end(self.reason)

    def unanswered(self) -> None:
        """We meant to end it anyway."""
        self.sa.end(self.reason)
