"""Encrypted messages: a cipher in CBC mode, whose IVs are chained in each exchange. RFC 2409 §5 and appendix B.

No IV is sent. The first one of phase 1 follows from the public values, the first one of a later exchange from its
message ID and the last block of phase 1; each further one is the last block of the previous message. A message that is
not checked yet must not move the chain, or a forged one would break it: `open` leaves the chain as it is, and `accept`
moves it when the hash inside was right.

An integrity check is no part of this: the HASH payload inside has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import WireError
from dmvpn.features.ike.chain import HEADER_LENGTH, first_of, serialize_chain
from dmvpn.features.ike.crypto.blocks import BlockCipher
from dmvpn.features.ike.v1.keys import exchange_iv
from dmvpn.features.ike.v1.packet import Chain, Message, Sealed, parse_chain

if TYPE_CHECKING:
    from dmvpn.features.ike.chain import Payload
    from dmvpn.features.ike.v1.keys import IkeKeys
    from dmvpn.features.ike.v1.packet import Header

#: Message ID of phase 1.
PHASE_1: Final = 0
#: Exchanges of which the chain is known; beyond that the chain that was idle for longest is forgotten.
LARGEST_NUMBER_OF_EXCHANGES: Final = 64
_CLAUSE = "RFC 2409 appendix B"


class Channel:
    """Both directions of an ISAKMP SA, which share one key and one chain of IVs for each exchange.

    cipher: of all messages.
    taken: how many messages were the peer's.
    """

    __slots__ = ("_ivs", "_keys", "_phase_1", "cipher", "taken")

    def __init__(self, keys: IkeKeys, first_iv: bytes, cipher: BlockCipher = BlockCipher.AES) -> None:
        """Begin with the first IV of phase 1."""
        self._keys, self.cipher, self._phase_1 = keys, cipher, first_iv
        self.taken = 0
        #: The next IV, by message ID.
        self._ivs: dict[int, bytes] = {}

    def iv(self, message_id: int) -> bytes:
        """Return the IV of the next message of an exchange."""
        if message_id == PHASE_1:
            return self._phase_1
        known = self._ivs.get(message_id)
        if known is not None:
            return known
        return exchange_iv(self._keys.prf, self._phase_1, message_id, self.cipher.value)

    def seal(self, header: Header, payloads: tuple[Payload, ...]) -> bytes:
        """Return the datagram, and move the chain of its exchange. header: with the flag of encryption."""
        inner = serialize_chain(payloads)
        iv = self.iv(header.message_id)
        octets = self.cipher.encrypt(self._keys.cipher, iv, inner + bytes(-len(inner) % self.cipher.value))
        self._move(header.message_id, octets)
        return Message(header=header, sealed=Sealed(first_of(payloads), octets)).serialize()

    def open(self, message: Message, *, unfinished: bool = False) -> Chain:
        """Return the payloads inside; the chain stays as it is. Raises WireError.

        unfinished: the peer has not finished phase 1, and makes the IV of another exchange without its last block, as
            libreswan does when it refuses message 5.
        """
        octets, message_id = self._octets(message), message.header.message_id
        of_nothing = exchange_iv(self._keys.prf, b"", message_id, self.cipher.value)
        inner = self.cipher.decrypt(self._keys.cipher, of_nothing if unfinished else self.iv(message_id), octets)
        payloads, end = parse_chain(message.sealed.first if message.sealed else 0, inner)
        if not payloads or len(inner) - end > self.cipher.value:
            raise WireError("an encrypted message is no chain of payloads", offset=HEADER_LENGTH, clause=_CLAUSE)
        return Chain(payloads)

    def accept(self, message: Message) -> None:
        """Move the chain behind a message whose hash was right. Raises WireError if it is not encrypted."""
        self._move(message.header.message_id, self._octets(message))
        self.taken += 1

    def forget(self, message_id: int) -> None:
        """Forget the chain of an exchange that is over."""
        self._ivs.pop(message_id, None)

    def _move(self, message_id: int, octets: bytes) -> None:
        if message_id == PHASE_1:
            self._phase_1 = octets[-self.cipher.value :]
            return
        self._ivs.pop(message_id, None)  # the exchange that was idle for longest comes first
        if len(self._ivs) >= LARGEST_NUMBER_OF_EXCHANGES:
            del self._ivs[next(iter(self._ivs))]
        self._ivs[message_id] = octets[-self.cipher.value :]

    def _octets(self, message: Message) -> bytes:
        """Return the encrypted octets. Raises WireError if there are none, or no whole blocks."""
        if message.sealed is None:
            raise WireError("a message that must be encrypted is not", offset=HEADER_LENGTH, clause=_CLAUSE)
        octets = message.sealed.octets
        if not octets or len(octets) % self.cipher.value:
            raise WireError(f"{len(octets)} encrypted octets", offset=HEADER_LENGTH, clause=_CLAUSE)
        return octets
