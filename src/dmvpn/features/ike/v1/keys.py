"""Keys of IKEv1: SKEYID and its children, proofs, KEYMAT and IVs (RFC 2409 §5 and appendix B).

prf is always HMAC of the negotiated hash. Keys and nonces never appear in a `repr`.

Encrypted messages: a cipher in CBC mode, whose IVs are chained in each exchange. RFC 2409 §5 and appendix B.

No IV is sent. The first one of phase 1 follows from the public values, the first one of a later exchange from its
message ID and the last block of phase 1; each further one is the last block of the previous message. A message that is
not checked yet must not move the chain, or a forged one would break it: `open` leaves the chain as it is, and `accept`
moves it when the hash inside was right.

An integrity check is no part of this: the HASH payload inside has it.
"""

from __future__ import annotations

import hashlib
from dataclasses import field
from typing import Final

from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.features.ike.chain import HEADER_LENGTH, Payload, first_of, serialize_chain
from dmvpn.features.ike.crypto import PrfAlgorithm
from dmvpn.features.ike.crypto.material import BLOCK, BlockCipher, ChildKeys, Nonces
from dmvpn.features.ike.v1.packet import Chain, Header, Message, Sealed, parse_chain


class IkeKeys(Value, kw_only=True):
    """The keys of an ISAKMP SA, RFC 2409 §5.

    prf: HMAC of the negotiated hash.
    d, a, e: SKEYID_d for KEYMAT, SKEYID_a for hashes, SKEYID_e.
    cipher: Ka, the key of the cipher.
    """

    prf: PrfAlgorithm
    skeyid: bytes = field(repr=False)
    d: bytes = field(repr=False)
    a: bytes = field(repr=False)
    e: bytes = field(repr=False)
    cipher: bytes = field(repr=False)


def skeyid_of_secret(prf: PrfAlgorithm, secret: bytes, nonces: Nonces) -> bytes:
    """Return SKEYID with a pre-shared key: prf(key, Ni | Nr). RFC 2409 §5."""
    return prf(secret, nonces.joined)


def skeyid_of_signatures(prf: PrfAlgorithm, shared: bytes, nonces: Nonces) -> bytes:
    """Return SKEYID with signatures: prf(Ni | Nr, g^xy). RFC 2409 §5."""
    return prf(nonces.joined, shared)


def ike_keys(prf: PrfAlgorithm, skeyid: bytes, shared: bytes, cookies: bytes, size: int) -> IkeKeys:
    """Make all keys out of SKEYID. RFC 2409 §5.

    shared: g^xy.
    cookies: CKY-I | CKY-R.
    size: octets of the cipher's key.
    """
    d = prf(skeyid, shared + cookies + b"\x00")
    a = prf(skeyid, d + shared + cookies + b"\x01")
    e = prf(skeyid, a + shared + cookies + b"\x02")
    return IkeKeys(prf=prf, skeyid=skeyid, d=d, a=a, e=e, cipher=cipher_key(prf, e, size))


def cipher_key(prf: PrfAlgorithm, e: bytes, size: int) -> bytes:
    """Return SKEYID_e, cut to `size` octets, or expanded if it is too short. RFC 2409 appendix B."""
    return e[:size] if size <= len(e) else _feed_back(prf, e, b"\x00", b"", size)


def _feed_back(prf: PrfAlgorithm, key: bytes, first: bytes, seed: bytes, size: int) -> bytes:
    """Return K1 | K2 | ... of which each is prf(key, the previous one | seed), the first prf(key, first | seed)."""
    octets, block = b"", first
    while len(octets) < size:
        block = prf(key, block + seed)
        octets += block
    return octets[:size]


# ------------------------------------------------------------------------------------------------------------- hashes


def proof(
    keys: IkeKeys, publics: tuple[bytes, bytes], cookies: tuple[bytes, bytes], sa: bytes, identity: bytes
) -> bytes:
    """Return HASH_I or HASH_R, by which an end proves itself: RFC 2409 §5. With signatures, these octets are signed.

    publics, cookies: of the end that proves itself, then of its peer.
    sa: body of the SA payload of the initiator.
    identity: body of the ID payload of the end that proves itself.
    """
    return keys.prf(keys.skeyid, b"".join((*publics, *cookies, sa, identity)))


def hash_1(keys: IkeKeys, message_id: int, payloads: bytes) -> bytes:
    """Return HASH(1) of quick mode, and the hash of an informational exchange. RFC 2409 §5.5 and §5.7.

    payloads: everything behind the HASH payload, with generic headers and without padding.
    """
    return keys.prf(keys.a, _id_octets(message_id) + payloads)


def hash_2(keys: IkeKeys, message_id: int, nonce: bytes, payloads: bytes) -> bytes:
    """Return HASH(2) of quick mode. RFC 2409 §5.5. nonce: of its initiator; payloads: as for `hash_1`."""
    return keys.prf(keys.a, _id_octets(message_id) + nonce + payloads)


def hash_3(keys: IkeKeys, message_id: int, nonces: Nonces) -> bytes:
    """Return HASH(3) of quick mode. RFC 2409 §5.5."""
    return keys.prf(keys.a, b"\x00" + _id_octets(message_id) + nonces.joined)


def _id_octets(message_id: int) -> bytes:
    return message_id.to_bytes(4, "big")


# ------------------------------------------------------------------------------------------------------------- KEYMAT


class KeySource(Value):
    """Of what quick mode makes the keys of its SAs. RFC 2409 §5.5.

    shared: g^xy of quick mode with PFS, else empty.
    """

    nonces: Nonces
    protocol: int
    shared: bytes = field(default=b"", repr=False)


def keymat(keys: IkeKeys, source: KeySource, spi: bytes, size: int) -> bytes:
    """Return KEYMAT of the SA into the end that chose this SPI. RFC 2409 §5.5.

    size: octets.
    """
    seed = source.shared + bytes((source.protocol,)) + spi + source.nonces.joined
    return _feed_back(keys.prf, keys.d, b"", seed, size)


def child_keys(keys: IkeKeys, source: KeySource, spis: tuple[bytes, bytes], sizes: tuple[int, int]) -> ChildKeys:
    """Return the keys of both SAs, by the end that sends with them. RFC 2409 §5.5, RFC 2407 §4.5.

    spis: chosen by the initiator of quick mode, and by its responder.
    sizes: octets of cipher key (with salt) and of integrity key.
    """
    to_initiator, to_responder = (keymat(keys, source, spi, sum(sizes)) for spi in spis)
    cipher = sizes[0]
    return ChildKeys(
        initiator=(to_responder[:cipher], to_responder[cipher:]),
        responder=(to_initiator[:cipher], to_initiator[cipher:]),
    )


# ---------------------------------------------------------------------------------------------------------------- IVs


def first_iv(prf: PrfAlgorithm, public_i: bytes, public_r: bytes, size: int = BLOCK) -> bytes:
    """Return the first IV of phase 1: hash(g^xi | g^xr). RFC 2409 appendix B. size: octets of the cipher's block."""
    return _digest(prf, public_i + public_r)[:size]


def exchange_iv(prf: PrfAlgorithm, last_block: bytes, message_id: int, size: int = BLOCK) -> bytes:
    """Return the first IV of a later exchange: hash(last block of phase 1 | message ID). RFC 2409 appendix B."""
    return _digest(prf, last_block + _id_octets(message_id))[:size]


def _digest(prf: PrfAlgorithm, octets: bytes) -> bytes:
    return bytes(getattr(hashlib, prf.hash)(octets, usedforsecurity=False).digest())


# ----------------------------------------------------------------------------------------- keys as Wireshark reads them


IKE_TABLE: Final = "ikev1_decryption_table"


def ike_line(cookie_i: bytes, keys: IkeKeys) -> str:
    """Return the line of `IKE_TABLE` about an ISAKMP SA: the initiator's cookie, and the key of the cipher."""
    return f"{cookie_i.hex()},{keys.cipher.hex()}"


# ------------------------------------------------------------------------------------------------ encrypted messages


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
        return exchange_iv(self._keys.prf, self._phase_1, message_id, self.cipher.block)

    def seal(self, header: Header, payloads: tuple[Payload, ...]) -> bytes:
        """Return the datagram, and move the chain of its exchange. header: with the flag of encryption."""
        inner = serialize_chain(payloads)
        iv = self.iv(header.message_id)
        octets = self.cipher.encrypt(self._keys.cipher, iv, inner + bytes(-len(inner) % self.cipher.block))
        self._move(header.message_id, octets)
        return Message(header=header, sealed=Sealed(first_of(payloads), octets)).serialize()

    def open(self, message: Message, *, unfinished: bool = False) -> Chain:
        """Return the payloads inside; the chain stays as it is. Raises WireError.

        unfinished: the peer has not finished phase 1, and makes the IV of another exchange without its last block, as
            libreswan does when it refuses message 5.
        """
        octets, message_id = self._octets(message), message.header.message_id
        size = self.cipher.block
        iv = exchange_iv(self._keys.prf, b"", message_id, size) if unfinished else self.iv(message_id)
        inner = self.cipher.decrypt(self._keys.cipher, iv, octets)
        payloads, end = parse_chain(message.sealed.first if message.sealed else 0, inner)
        if not payloads or len(inner) - end > size:
            raise WireError("an encrypted message is no chain of payloads", offset=HEADER_LENGTH, clause=_CLAUSE)
        return Chain(payloads)

    def accept(self, message: Message) -> None:
        """Move the chain behind a message whose hash was right. Raises WireError if it is not encrypted."""
        self._move(message.header.message_id, self._octets(message))
        self.taken += 1

    def forget_chain(self, message_id: int) -> None:
        """Forget the chain of an exchange that is over."""
        self._ivs.pop(message_id, None)

    def _move(self, message_id: int, octets: bytes) -> None:
        if message_id == PHASE_1:
            self._phase_1 = octets[-self.cipher.block :]
            return
        self._ivs.pop(message_id, None)  # the exchange that was idle for longest comes first
        if len(self._ivs) >= LARGEST_NUMBER_OF_EXCHANGES:
            del self._ivs[next(iter(self._ivs))]
        self._ivs[message_id] = octets[-self.cipher.block :]

    def _octets(self, message: Message) -> bytes:
        """Return the encrypted octets. Raises WireError if there are none, or no whole blocks."""
        if message.sealed is None:
            raise WireError("a message that must be encrypted is not", offset=HEADER_LENGTH, clause=_CLAUSE)
        octets = message.sealed.octets
        if not octets or len(octets) % self.cipher.block:
            raise WireError(f"{len(octets)} encrypted octets", offset=HEADER_LENGTH, clause=_CLAUSE)
        return octets
