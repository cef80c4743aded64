"""First messages of IKE that nobody means."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from dmvpn.base.entropy import SeededEntropy
from dmvpn.features.ike.crypto import draw
from dmvpn.features.ike.v2.negotiation import ike_offer
from dmvpn.features.ike.v2.numbers import ExchangeType, Flag
from dmvpn.features.ike.v2.packet import Header, KeyExchange, Message, Nonce, SecurityAssociation
from support.ike_net import CBC

if TYPE_CHECKING:
    from dmvpn.features.ike.chain import Payload
    from dmvpn.features.ike.suites import Suite


def begins(number: int, *more: Payload, spi: bytes = b"", suite: Suite = CBC) -> bytes:
    """Return an IKE_SA_INIT request that differs from all others, with a key exchange that is worth an answer."""
    header = Header(
        spi_i=spi or (number + 1).to_bytes(8, "big"),
        spi_r=bytes(8),
        exchange=ExchangeType.IKE_SA_INIT,
        flags=Flag.INITIATOR,
        message_id=0,
    )
    key = KeyExchange(suite.group, _public(suite.group))
    nonce = Nonce(number.to_bytes(32, "big"))
    return Message((*more, SecurityAssociation(ike_offer((suite,))), key, nonce), header=header).serialize()


@cache
def _public(group: int) -> bytes:
    return draw(group, SeededEntropy(1)).public
